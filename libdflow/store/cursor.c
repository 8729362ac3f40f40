// SPDX-License-Identifier: Apache-2.0
/*
 * The cursor reads rows in batches and remembers where the last one ended, as (started_ns,
 * trace_id). So nothing of SQLite is open between two calls: a statement in the middle of its rows
 * would hold a snapshot, and the log could not be emptied for as long as a slow caller takes.
 */
#include "store/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "store/error.h"
#include "store/id_key.h"
#include "store/reader.h"

#define BATCH 128 /* rows; with their ids some 100 KiB */

/* Parameters of all statements here. ?1 and ?2 are the range of ids (id_key.h). */
enum {
	PARAM_ID_FROM = 1,
	PARAM_ID_TO,
	PARAM_FROM_NS,	 /* started_ns is from this one ... */
	PARAM_TO_NS,	 /* ... to this one */
	PARAM_EDGE_NS,	 /* where the walk is: of that time only ... */
	PARAM_EDGE_ID,	 /* ... what lies behind this id, ... */
	PARAM_INCLUSIVE, /* ... or this id itself */
	PARAM_OVER,	 /* nobody records: what is open is settled */
	PARAM_OPERATION,
	PARAM_STATION,
	PARAM_COUNT,
};

enum {
	COL_ID,
	COL_STARTED,
	COL_ENDED,
	COL_SETTLED,
	COL_COMPLETE,
	COL_HOPS,
	COL_DICTIONARY,
	COL_HEAD,
	COL_DOC, /* null, but in a row of an older version that has no head */
};

#define COLUMNS                                                                                    \
	"trace_id, started_ns, ended_ns, settled, complete, hops, dictionary, head,"               \
	" CASE WHEN head IS NULL THEN doc END"

struct entry {
	struct dfl_row row;
	struct dfl_doc *head; /* what the row borrows from */
};

struct dfl_cursor {
	struct dfl_store *store;
	sqlite3_stmt *batch, *doc;
	bool newest_first;
	bool over;	 /* nobody recorded when the batch was read */
	bool at_end;	 /* there is no further batch */
	uint64_t left;	 /* rows that the limit still allows */
	int64_t edge_ns; /* where the next batch begins */
	char edge_id[DFL_TRACE_ID_LEN + 1];
	bool inclusive; /* the edge itself is to come */
	struct entry entry[BATCH];
	size_t n, next; /* entries of the batch; the one that comes next */
};

static void free_batch(struct dfl_cursor *c)
{
	for (size_t i = 0; i < c->n; i++)
		dfl_doc_free(c->entry[i].head);
	memset(c->entry, 0, c->n * sizeof(c->entry[0]));
	c->n = c->next = 0;
}

/* The conditions of the filter. Each is a constant text; values are bound. */
static void add_conditions(sqlite3_str *sql, const struct dfl_filter *f)
{
	static const char *const settled[] = { "", " AND (settled OR ?8)",
					       " AND NOT (settled OR ?8)" };
	static const char *const complete[] = { "", " AND complete", " AND NOT complete" };

	sqlite3_str_appendall(sql, " WHERE started_ns BETWEEN ?3 AND ?4");
	if (f->id)
		sqlite3_str_appendall(
			sql,
			" AND trace_id IN (SELECT trace_id FROM id WHERE " DFL_ID_KEY_IN_RANGE ")");
	if (f->operation)
		sqlite3_str_appendall(sql, " AND lower(operation) GLOB lower(?9)");
	if (f->station != DFL_ST_UNKNOWN)
		sqlite3_str_appendall(
			sql, " AND (instr(stations, ' ' || ?10 || ' ') OR (stations IS NULL"
			     " AND EXISTS (SELECT 1 FROM hop WHERE hop.trace_id ="
			     " entry.trace_id AND ?10 IN (from_station, to_station))))");
	sqlite3_str_appendall(sql, settled[f->settled]);
	sqlite3_str_appendall(sql, complete[f->complete]);
}

static void bind_filter(sqlite3_stmt *st, const struct dfl_filter *f, bool over)
{
	struct dfl_id_range range;

	dfl_id_range(f->id ? f->id : "", &range);
	sqlite3_bind_text(st, PARAM_ID_FROM, range.from, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, PARAM_ID_TO, range.to, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(st, PARAM_FROM_NS, f->since_ns);
	sqlite3_bind_int64(st, PARAM_TO_NS, f->until_ns ? f->until_ns - 1 : INT64_MAX);
	sqlite3_bind_int(st, PARAM_OVER, over);
	sqlite3_bind_text(st, PARAM_OPERATION, f->operation, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(st, PARAM_STATION, dfl_station_name(f->station), -1, SQLITE_STATIC);
}

static int prepare(struct dfl_store *s, sqlite3_str *sql, const struct dfl_filter *f, bool over,
		   sqlite3_stmt **ret_stmt, struct dfl_err *err)
{
	char *text = sqlite3_str_finish(sql);
	int r = text ? dfl_reader_prepare(s, text, ret_stmt, err) :
		       dfl_err_set(err, ENOMEM, "out of memory");

	sqlite3_free(text);
	if (!r)
		bind_filter(*ret_stmt, f, over);
	return r;
}

/*
 * One batch. The bound of started_ns that moves with the walk is one of the two of the range, so
 * that each batch begins in the index where the last one ended.
 */
static int prepare_batch(struct dfl_cursor *c, const struct dfl_filter *f, struct dfl_err *err)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);
	const char *order = c->newest_first ? "DESC" : "";

	sqlite3_str_appendall(sql, "SELECT " COLUMNS " FROM entry");
	add_conditions(sql, f);
	sqlite3_str_appendf(sql,
			    " AND (started_ns <> ?5 OR trace_id %s ?6 OR (?7 AND trace_id = ?6))"
			    " ORDER BY started_ns %s, trace_id %s LIMIT ?11",
			    c->newest_first ? "<" : ">", order, order);
	return prepare(c->store, sql, f, c->over, &c->batch, err);
}

/* The walk begins before all rows, or behind them. */
static void begin_at_border(struct dfl_cursor *c, const struct dfl_filter *f)
{
	c->edge_ns = f->since_ns;
	if (c->newest_first)
		c->edge_ns = f->until_ns ? f->until_ns - 1 : INT64_MAX;
	strcpy(c->edge_id, c->newest_first ? "~" : ""); /* '~' is behind all hex digits */
}

/* trace_id and started_ns of a row. false: no recorder wrote such a row. */
static bool take_position(sqlite3_stmt *st, int id, int started, char *ret_id, int64_t *ret_ns)
{
	const char *text = (const char *)sqlite3_column_text(st, id);

	if (!text || strlen(text) != DFL_TRACE_ID_LEN)
		return false;
	strcpy(ret_id, text);
	*ret_ns = sqlite3_column_int64(st, started);
	return true;
}

/* The newest `limit` rows, oldest first, begin at the row that has limit - 1 newer ones. */
static int begin_at_limit(struct dfl_cursor *c, const struct dfl_filter *f, struct dfl_err *err)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);
	sqlite3_stmt *st = NULL;
	int step, r;

	sqlite3_str_appendall(sql, "SELECT trace_id, started_ns FROM entry");
	add_conditions(sql, f);
	sqlite3_str_appendall(sql, " ORDER BY started_ns DESC, trace_id DESC LIMIT 1 OFFSET ?11");
	r = prepare(c->store, sql, f, c->over, &st, err);
	if (r)
		return r;
	sqlite3_bind_int64(st, PARAM_COUNT, (int64_t)f->limit - 1);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		if (!take_position(st, 0, 1, c->edge_id, &c->edge_ns))
			r = dfl_reader_error(c->store, -EBADMSG, err);
		c->inclusive = true;
	} else if (step != SQLITE_DONE) { /* DONE: there are fewer, so all are in */
		r = dfl_store_error(c->store, err, "read");
	}
	sqlite3_finalize(st);
	return r;
}

int dfl_cursor_open(struct dfl_store *s, const struct dfl_filter *filter,
		    struct dfl_cursor **ret_cursor, struct dfl_err *err)
{
	struct dfl_cursor *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return dfl_err_set(err, ENOMEM, "out of memory");
	c->store = s;
	c->newest_first = filter->newest_first;
	c->left = filter->limit ? filter->limit : UINT64_MAX;
	c->over = !dfl_store_is_recorded(s);
	begin_at_border(c, filter);
	r = prepare_batch(c, filter, err);
	if (!r && filter->limit && !filter->newest_first)
		r = begin_at_limit(c, filter, err);
	if (r) {
		dfl_cursor_close(c);
		return r;
	}
	*ret_cursor = c;
	return 0;
}

/* What the row says is newer than the head of an older version, which has neither. */
static int take_head(struct dfl_cursor *c, struct entry *e)
{
	struct dfl_doc *head = NULL;
	int r = dfl_reader_head(c->store, c->batch, COL_DICTIONARY, &head);

	if (r)
		return r;
	head->settled = sqlite3_column_int(c->batch, COL_SETTLED);
	head->ended_ns = e->row.ended_ns;
	if (c->over && !head->settled)
		r = dfl_doc_cut_off(head);
	e->head = head;
	e->row.head = head;
	e->row.operation = head->operation;
	for (int k = 0; k < DFL_N_ID; k++)
		e->row.ids[k] = head->ids[k];
	return r;
}

static int take_entry(struct dfl_cursor *c, struct entry *e)
{
	struct dfl_row *row = &e->row;
	sqlite3_stmt *st = c->batch;

	if (!take_position(st, COL_ID, COL_STARTED, row->trace_id, &row->started_ns))
		return -EBADMSG;
	row->ended_ns = sqlite3_column_type(st, COL_ENDED) == SQLITE_NULL ?
				-1 :
				sqlite3_column_int64(st, COL_ENDED);
	row->settled = sqlite3_column_int(st, COL_SETTLED) || c->over;
	row->complete = sqlite3_column_int(st, COL_COMPLETE);
	row->n_hops = (uint64_t)sqlite3_column_int64(st, COL_HOPS);
	return take_head(c, e);
}

static void bind_edge(struct dfl_cursor *c, size_t count)
{
	sqlite3_bind_int64(c->batch, c->newest_first ? PARAM_TO_NS : PARAM_FROM_NS, c->edge_ns);
	sqlite3_bind_int64(c->batch, PARAM_EDGE_NS, c->edge_ns);
	sqlite3_bind_text(c->batch, PARAM_EDGE_ID, c->edge_id, -1, SQLITE_STATIC);
	sqlite3_bind_int(c->batch, PARAM_INCLUSIVE, c->inclusive);
	sqlite3_bind_int64(c->batch, PARAM_COUNT, (int64_t)count);
}

static int read_batch(struct dfl_cursor *c, struct dfl_err *err)
{
	size_t want = c->left < BATCH ? c->left : BATCH;
	int r = 0, step = SQLITE_DONE;

	free_batch(c);
	bind_edge(c, want);
	while (!r && (step = sqlite3_step(c->batch)) == SQLITE_ROW)
		r = take_entry(c, &c->entry[c->n++]);
	if (r)
		r = dfl_reader_error(c->store, r, err);
	else if (step != SQLITE_DONE)
		r = dfl_store_error(c->store, err, "read");
	sqlite3_reset(c->batch);
	if (r)
		return r;
	c->at_end = c->n < want;
	c->left -= c->n;
	c->inclusive = false;
	if (c->n) {
		c->edge_ns = c->entry[c->n - 1].row.started_ns;
		strcpy(c->edge_id, c->entry[c->n - 1].row.trace_id);
	}
	return 0;
}

int dfl_cursor_next(struct dfl_cursor *c, const struct dfl_row **ret_row, struct dfl_err *err)
{
	if (c->next == c->n) {
		int r = c->at_end || !c->left ? 0 : read_batch(c, err);

		if (r || c->next == c->n) {
			free_batch(c);
			c->at_end = true;
			return r;
		}
	}
	*ret_row = &c->entry[c->next++].row;
	return 1;
}

int dfl_cursor_doc(struct dfl_cursor *c, struct dfl_doc **ret_doc, struct dfl_err *err)
{
	int step, r = 0;

	if (!c->next)
		return dfl_err_set(err, ENOENT, "the cursor stands at no trace");
	if (!c->doc)
		r = dfl_reader_prepare(
			c->store, "SELECT dictionary, head, doc FROM entry WHERE trace_id = ?1",
			&c->doc, err);
	if (r)
		return r;
	sqlite3_bind_text(c->doc, 1, c->entry[c->next - 1].row.trace_id, -1, SQLITE_STATIC);
	step = sqlite3_step(c->doc);
	if (step == SQLITE_ROW)
		r = dfl_reader_doc(c->store, c->doc, 0, c->over, ret_doc, err);
	else if (step == SQLITE_DONE)
		r = dfl_err_set(err, ENOENT, "the trace is no longer in the store %s",
				c->store->path);
	else
		r = dfl_store_error(c->store, err, "read");
	sqlite3_reset(c->doc);
	return r;
}

int dfl_cursor_json(struct dfl_cursor *c, char **ret_json, struct dfl_err *err)
{
	const struct dfl_row *row;
	int r;

	if (!c->next)
		return dfl_err_set(err, ENOENT, "the cursor stands at no trace");
	row = &c->entry[c->next - 1].row;
	r = dfl_doc_to_list_json(row->head, row->n_hops, ret_json);
	return r ? dfl_reader_error(c->store, r, err) : 0;
}

void dfl_cursor_close(struct dfl_cursor *c)
{
	if (!c)
		return;
	free_batch(c);
	sqlite3_finalize(c->batch);
	sqlite3_finalize(c->doc);
	free(c);
}
