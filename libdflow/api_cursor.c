// SPDX-License-Identifier: Apache-2.0
/* dflow.h: the filter of lists, and the cursor that walks them in constant memory. */
#include "api.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api_trace.h"
#include "store/cursor.h"

struct dflow_cursor {
	struct dfl_cursor *rows;
	struct dfl_doc *whole; /* of the row, once it was asked for; else NULL */
	struct dflow_trace trace;
};

_Static_assert((int)DFLOW_ANY == (int)DFL_WANT_ANY && (int)DFLOW_YES == (int)DFL_WANT_YES &&
		       (int)DFLOW_NO == (int)DFL_WANT_NO,
	       "the same conditions inside and outside");

/* What to list, as the store takes it; strings are borrowed from opts. */
static int make_filter(const struct dflow_list_opts *opts, struct dfl_filter *ret_filter,
		       struct dfl_err *err)
{
	struct dflow_list_opts o;
	int station, r = dfl_api_in(DFL_API_SHAPE(dflow_list_opts, order), opts, &o, err);

	if (r)
		return r;
	station = o.station ? dfl_station_parse(o.station) : DFL_ST_UNKNOWN;
	if (station < 0)
		return dfl_err_set(err, EINVAL, "there is no station '%s'", o.station);
	if ((unsigned)o.settled > DFLOW_NO || (unsigned)o.complete > DFLOW_NO ||
	    (unsigned)o.order > DFLOW_NEWEST_FIRST)
		return dfl_err_set(err, EINVAL, "a condition of the list has no such value");
	*ret_filter = (struct dfl_filter){ .since_ns = o.since_ns,
					   .until_ns = o.until_ns,
					   .id = o.id,
					   .operation = o.operation,
					   .station = station,
					   .settled = (enum dfl_want)o.settled,
					   .complete = (enum dfl_want)o.complete,
					   .limit = o.limit,
					   .newest_first = o.order == DFLOW_NEWEST_FIRST };
	return 0;
}

static int load_row(void *cursor, const struct dfl_doc **ret_doc)
{
	struct dflow_cursor *c = cursor;
	int r = c->whole ? 0 : dfl_cursor_doc(c->rows, &c->whole, NULL);

	if (!r)
		*ret_doc = c->whole;
	return r;
}

static void show_row(struct dflow_cursor *c, const struct dfl_row *row)
{
	c->trace = (struct dflow_trace){ .head = row->head,
					 .n_hops = row->n_hops,
					 .hop_index = SIZE_MAX,
					 .complete = row->complete,
					 .is_row = true,
					 .load = load_row,
					 .of = c };
}

int dflow_cursor_open(struct dflow_store *store, const struct dflow_list_opts *opts,
		      struct dflow_cursor **ret_cursor, struct dflow_error *ret_error)
{
	struct dflow_cursor *c = calloc(1, sizeof(*c));
	struct dfl_err err = { "" };
	struct dfl_filter filter;
	int r = c ? make_filter(opts, &filter, &err) : -ENOMEM;

	if (!r)
		r = dfl_cursor_open(store->store, &filter, &c->rows, &err);
	if (r)
		free(c);
	else
		*ret_cursor = c;
	return dfl_api_query_error(ret_error, &err, r);
}

int dflow_cursor_next(struct dflow_cursor *cursor, const struct dflow_trace **ret_trace,
		      struct dflow_error *ret_error)
{
	const struct dfl_row *row;
	struct dfl_err err = { "" };
	int r;

	dfl_doc_free(cursor->whole);
	cursor->whole = NULL;
	r = dfl_cursor_next(cursor->rows, &row, &err);
	if (r == 1) {
		show_row(cursor, row);
		*ret_trace = &cursor->trace;
	}
	return dfl_api_query_error(ret_error, &err, r);
}

void dflow_cursor_close(struct dflow_cursor *cursor)
{
	if (!cursor)
		return;
	dfl_doc_free(cursor->whole);
	dfl_cursor_close(cursor->rows);
	free(cursor);
}
