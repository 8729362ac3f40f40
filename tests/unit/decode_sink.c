// SPDX-License-Identifier: Apache-2.0
/* The sink of tests: keeps, checks the contract, lists. */
#include "decode_sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void check(struct sink *s, bool ok, const char *what)
{
	if (ok)
		return;
	s->n_errors++;
	fprintf(stderr, "contract broken: %s\n", what);
	abort();
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void describe(struct dfl_op *op, const struct dfl_op_desc *d)
{
	if (d->protocol)
		copy(op->protocol, sizeof(op->protocol), d->protocol);
	if (d->operation)
		copy(op->operation, sizeof(op->operation), d->operation);
	if (d->place)
		copy(op->place, sizeof(op->place), d->place);
	op->may_store |= d->may_store;
	if (d->residency != DFL_RES_UNKNOWN || d->may_store)
		op->residency = d->residency;
	if (d->ttl_s >= 0)
		op->ttl_s = d->ttl_s;
}

static struct dfl_op *op_begin(void *ud, struct dfl_conn *conn, const struct dfl_op_desc *d,
			       uint64_t ts_ns)
{
	struct sink *s = ud;
	struct dfl_op *op = calloc(1, sizeof(*op));

	op->conn = conn->id;
	op->number = ++s->n_ops;
	op->ttl_s = -1;
	op->dir = d->dir;
	describe(op, d);
	*s->op_end = op;
	s->op_end = &op->next;
	return op;
}

static void op_describe(void *ud, struct dfl_op *op, const struct dfl_op_desc *d)
{
	check(ud, op && !op->ended, "an ended operation is described");
	describe(op, d);
}

static void op_id(void *ud, struct dfl_op *op, enum dfl_id_kind kind, const char *value, size_t len)
{
	struct sink_id *id = calloc(1, sizeof(*id)), **at = &op->ids;

	check(ud, !op->ended, "an ended operation gets an id");
	check(ud, len < sizeof(id->value), "an id is too long");
	id->kind = kind;
	memcpy(id->value, value, len);
	while (*at && (strcmp((*at)->value, id->value) || (*at)->kind != kind))
		at = &(*at)->next;
	if (*at)
		free(id);
	else
		*at = id;
}

static void op_station(void *ud, struct dfl_op *op, enum dfl_end end, enum dfl_station station,
		       const char *rule)
{
	check(ud, !op->ended && rule, "station of an ended operation");
	op->station = station;
}

static void op_client(void *ud, struct dfl_op *op, const struct dfl_addr *client, bool via_alb)
{
	dfl_addr_ip_str(client, op->client);
	if (via_alb)
		strcat(op->client, " alb");
}

/* Which rows are meant is told by the first digits of the hashes. */
static void op_effect(void *ud, struct dfl_op *op, const struct dfl_effect *e)
{
	static const char *const kinds[] = { "writes", "replaces", "removes", "expires" };
	size_t n = strlen(op->effects), room = sizeof(op->effects) - n;

	check(ud, !op->ended, "an ended operation has an effect");
	n += (size_t)snprintf(op->effects + n, room, "  %s %s%s%s%s items=%u keys=", kinds[e->kind],
			      e->table ? e->table : "-", e->place ? " place=" : "",
			      e->place ? e->place : "", e->more ? " more" : "", e->items);
	for (size_t i = 0; i < e->n_keys && n < sizeof(op->effects); i++)
		n += (size_t)snprintf(op->effects + n, sizeof(op->effects) - n,
				      "%04" PRIx64 ":%04" PRIx64 " ", e->keys[i].column >> 48,
				      e->keys[i].value >> 48);
	if (n + 1 < sizeof(op->effects))
		strcpy(op->effects + n, "\n");
}

static void op_kept(void *ud, struct dfl_op *op, enum dfl_kept kept, uint64_t ts_ns)
{
	check(ud, !op->ended, "a verdict on an ended operation");
	if (!op->txn && !op->told)
		op->kept = kept;
	op->told = true;
}

static struct dfl_txn *txn_begin(void *ud)
{
	struct sink *s = ud;
	struct dfl_txn *txn = calloc(1, sizeof(*txn));

	txn->number = ++s->n_txns;
	txn->next = s->txns;
	s->txns = txn;
	return txn;
}

static void op_txn(void *ud, struct dfl_op *op, struct dfl_txn *txn)
{
	check(ud, !op->ended && !txn->ended, "an ended operation or transaction is joined");
	if (!op->told && !op->txn)
		op->txn = txn;
}

static void txn_end(void *ud, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
	check(ud, !txn->ended, "a transaction is ended twice");
	txn->ended = true;
	txn->kept = kept;
}

static void op_end(void *ud, struct dfl_op *op, uint64_t ts_ns)
{
	struct sink *s = ud;

	check(s, !op->ended, "an operation is ended twice");
	for (struct sink_view *v = s->view_first; v; v = v->next)
		check(s, v->op != op || v->closed, "an operation is ended before its views");
	for (struct dfl_src *x = op->sources; x; x = x->next)
		check(s, x->ended, "an operation is ended before its sources");
	op->ended = true;
}

static struct dfl_view *view_open(void *ud, struct dfl_conn *conn, struct dfl_op *op,
				  const struct dfl_view_desc *d)
{
	struct sink *s = ud;
	struct sink_view *v = calloc(1, sizeof(*v));

	check(s, !op || !op->ended, "a view of an ended operation");
	v->conn = conn->id;
	v->op = op;
	v->place = d->place ? strdup(d->place) : NULL;
	v->derives = d->derives ? strdup(d->derives) : NULL;
	v->holds = d->holds ? strdup(d->holds) : NULL;
	v->dir = d->dir;
	v->layer = d->layer;
	v->residency = d->residency;
	v->pos_from = UINT64_MAX;
	*s->view_end = v;
	s->view_end = &v->next;
	return (struct dfl_view *)v;
}

static void view_data(void *ud, struct dfl_view *view, const void *data, size_t len, uint64_t pos,
		      uint64_t pos_len, const struct dfl_chunk *from)
{
	struct sink *s = ud;
	struct sink_view *v = (struct sink_view *)view;

	check(s, !v->closed && from && len, "data for a closed view");
	check(s, from->dir == v->dir, "data of the other direction");
	if (pos < v->pos_from)
		v->pos_from = pos;
	if (pos + pos_len > v->pos_to)
		v->pos_to = pos + pos_len;
	for (size_t i = 0; i < len; i++) {
		uint64_t at[2] = { pos_len == len ? pos + i : pos, pos_len == len ? 1 : pos_len };

		v->pos_hash = v->pos_hash * 1099511628211u + XXH64(at, sizeof(at), 0);
	}
	dfl_buf_append(&v->data, data, len);
	if (s->seen && !v->derives)
		s->seen(s->seen_ud, v, pos, pos_len);
}

static void view_gap(void *ud, struct dfl_view *view, uint64_t pos, uint64_t len)
{
	struct sink_view *v = (struct sink_view *)view;

	check(ud, !v->closed, "a gap in a closed view");
	v->gap_bytes += len;
}

static void view_close(void *ud, struct dfl_view *view)
{
	struct sink_view *v = (struct sink_view *)view;

	check(ud, !v->closed, "a view is closed twice");
	v->closed = true;
}

static struct dfl_src *source_begin(void *ud, struct dfl_op *op, const char *field,
				    enum dfl_dir dir)
{
	struct dfl_src *x = calloc(1, sizeof(*x)), **at = &op->sources;

	check(ud, !op->ended, "a source of an ended operation");
	copy(x->field, sizeof(x->field), field);
	while (*at)
		at = &(*at)->next;
	*at = x;
	return x;
}

static void source_append(void *ud, struct dfl_src *x, const void *data, size_t len, uint64_t pos,
			  uint64_t pos_len, uint64_t ts_ns)
{
	check(ud, !x->ended, "data for an ended source");
	dfl_buf_append(&x->data, data, len);
}

static void source_gap(void *ud, struct dfl_src *x, uint64_t pos, uint64_t len)
{
	check(ud, !x->ended, "a gap in an ended source");
	x->gap = true;
}

static void source_end(void *ud, struct dfl_src *x, uint64_t ts_ns)
{
	check(ud, !x->ended, "a source is ended twice");
	x->ended = true;
}

static void tls(void *ud, struct dfl_conn *conn, const struct dfl_tls_info *info)
{
	((struct sink *)ud)->tls = *info;
}

static void encrypted(void *ud, struct dfl_conn *conn)
{
	struct sink *s = ud;

	s->n_encrypted++;
	s->is_encrypted[conn->id % sizeof(s->is_encrypted)] = 1;
}

static void unread(void *ud, struct dfl_conn *conn, enum dfl_dir dir, uint64_t len)
{
	check(ud, len, "nothing is unread");
	((struct sink *)ud)->unread += len;
}

static void withheld(void *ud, struct dfl_conn *conn, const struct dfl_chunk *from, uint64_t pos,
		     uint64_t pos_to)
{
}

static void limit(void *ud, struct dfl_conn *conn)
{
	((struct sink *)ud)->limits++;
}

static void dns(void *ud, const char *name, const struct dfl_addr *addr, uint32_t ttl_s,
		uint64_t ts_ns)
{
	struct sink *s = ud;

	s->n_dns++;
	copy(s->dns_name, sizeof(s->dns_name), name);
	dfl_addr_ip_str(addr, s->dns_addr);
}

static void protocol(void *ud, struct dfl_conn *conn, const char *name, enum dfl_station server)
{
	copy(((struct sink *)ud)->protocol, sizeof(((struct sink *)ud)->protocol), name);
}

void sink_init(struct sink *s)
{
	memset(s, 0, sizeof(*s));
	s->ops = (struct dfl_decode_sink){
		.ud = s,
		.op_begin = op_begin,
		.op_describe = op_describe,
		.op_id = op_id,
		.op_station = op_station,
		.op_client = op_client,
		.op_effect = op_effect,
		.op_kept = op_kept,
		.txn_begin = txn_begin,
		.op_txn = op_txn,
		.txn_end = txn_end,
		.op_end = op_end,
		.view_open = view_open,
		.view_data = view_data,
		.view_framing = view_data,
		.view_gap = view_gap,
		.view_close = view_close,
		.source_begin = source_begin,
		.source_append = source_append,
		.source_gap = source_gap,
		.source_end = source_end,
		.tls = tls,
		.encrypted = encrypted,
		.unread = unread,
		.withheld = withheld,
		.limit = limit,
		.dns = dns,
		.protocol = protocol,
	};
	s->op_end = &s->op_first;
	s->view_end = &s->view_first;
}

static void free_op(struct sink *s, struct dfl_op *op)
{
	struct sink_id *id;
	struct dfl_src *x;

	check(s, op->ended, "an operation was never ended");
	while ((id = op->ids)) {
		op->ids = id->next;
		free(id);
	}
	while ((x = op->sources)) {
		check(s, x->ended, "a source was never ended");
		op->sources = x->next;
		dfl_buf_fini(&x->data);
		free(x);
	}
	free(op);
}

void sink_fini(struct sink *s)
{
	struct sink_view *v;
	struct dfl_txn *txn;
	struct dfl_op *op;

	while ((txn = s->txns)) {
		check(s, txn->ended, "a transaction was never ended");
		s->txns = txn->next;
		free(txn);
	}

	while ((v = s->view_first)) {
		check(s, v->closed, "a view was never closed");
		s->view_first = v->next;
		dfl_buf_fini(&v->data);
		free(v->place);
		free(v->derives);
		free(v->holds);
		free(v);
	}
	while ((op = s->op_first)) {
		s->op_first = op->next;
		free_op(s, op);
	}
}

static const char *dir_name(enum dfl_dir d)
{
	return d == DFL_REQUEST ? ">" : "<";
}

/* Short contents as they are, long ones as a hash. */
static void list_data(const struct dfl_buf *b, FILE *f)
{
	if (b->len > 160) {
		fprintf(f, " data=%016" PRIx64, (uint64_t)XXH64(b->data, b->len, 0));
		return;
	}
	fputs(" \"", f);
	for (size_t i = 0; i < b->len; i++) {
		uint8_t c = b->data[i];

		if (c == '\n' || c == '\r')
			fputs(c == '\n' ? "\\n" : "\\r", f);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void list_view(const struct sink_view *v, FILE *f)
{
	fprintf(f,
		"  view %s%s place=%s derives=%s bytes=%zu at=[%" PRIu64 ",%" PRIu64
		") gap=%" PRIu64 " pos=%016" PRIx64,
		dir_name(v->dir), v->layer == DFL_TLS ? " tls" : "", v->place ? v->place : "-",
		v->derives ? v->derives : "-", v->data.len, v->pos_from, v->pos_to, v->gap_bytes,
		v->pos_hash);
	if (v->holds)
		fprintf(f, " holds=%s", v->holds);
	if (v->residency)
		fprintf(f, " residency=%s", dfl_residency_name(v->residency));
	list_data(&v->data, f);
	fputc('\n', f);
}

static const char *id_name(enum dfl_id_kind kind)
{
	return kind == DFL_ID_PLUGIN_SESSION ? "plugin_session" : dfl_id_name(kind);
}

static void list_op(const struct sink *s, const struct dfl_op *op, FILE *f)
{
	fprintf(f, "op conn=%" PRIu64 " %s | %s | %s | %s ttl=%" PRId64 " station=%s client=%s\n",
		op->conn, op->protocol, op->operation, op->place, dfl_residency_name(op->residency),
		op->ttl_s, op->station ? dfl_station_name(op->station) : "-", op->client);
	for (const struct sink_id *id = op->ids; id; id = id->next)
		fprintf(f, "  id %s %s\n", id_name(id->kind), id->value);
	if (op->txn)
		fprintf(f, "  kept %s in transaction %u\n", dfl_kept_name(op->txn->kept),
			op->txn->number);
	else if (op->told)
		fprintf(f, "  kept %s\n", dfl_kept_name(op->kept));
	fputs(op->effects, f);
	for (const struct dfl_src *x = op->sources; x; x = x->next) {
		fprintf(f, "  source %s%s bytes=%zu", x->field, x->gap ? " gap" : "", x->data.len);
		list_data(&x->data, f);
		fputc('\n', f);
	}
	for (const struct sink_view *v = s->view_first; v; v = v->next)
		if (v->op == op && v->data.len)
			list_view(v, f);
}

void sink_list(const struct sink *s, FILE *f)
{
	for (const struct dfl_op *op = s->op_first; op; op = op->next)
		list_op(s, op, f);
	for (const struct sink_view *v = s->view_first; v; v = v->next)
		if (!v->op && v->data.len) {
			fprintf(f, "raw conn=%" PRIu64 "\n", v->conn);
			list_view(v, f);
		}
	if (s->protocol[0])
		fprintf(f, "protocol %s\n", s->protocol);
	if (s->n_encrypted)
		fprintf(f, "encrypted sni=%s version=%s cipher=%s alpn=%s\n", s->tls.sni,
			s->tls.version, s->tls.cipher, s->tls.alpn);
	if (s->unread)
		fprintf(f, "unread %" PRIu64 "\n", s->unread);
	if (s->n_dns)
		fprintf(f, "dns answers=%u last %s %s\n", s->n_dns, s->dns_name, s->dns_addr);
}

struct line {
	char *key;
	uint64_t n, bytes;
};

struct lines {
	struct line *line;
	size_t n;
};

static void count(struct lines *l, const char *key, uint64_t bytes)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->line[i].key, key)) {
			l->line[i].n++;
			l->line[i].bytes += bytes;
			return;
		}
	l->line = realloc(l->line, (l->n + 1) * sizeof(*l->line));
	l->line[l->n++] = (struct line){ strdup(key), 1, bytes };
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static void summarise_op(struct lines *l, const struct dfl_op *op)
{
	char key[1024];

	snprintf(key, sizeof(key), "op %s | %s | %s | %s ttl=%" PRId64 "%s%s", op->protocol,
		 op->operation, op->place, dfl_residency_name(op->residency), op->ttl_s,
		 op->station ? " at " : "", op->station ? dfl_station_name(op->station) : "");
	count(l, key, 0);
	for (const struct sink_id *id = op->ids; id; id = id->next) {
		snprintf(key, sizeof(key), "id %s | %s | %s %s", op->protocol, op->operation,
			 id_name(id->kind), id->value);
		count(l, key, 0);
	}
	for (const struct dfl_src *x = op->sources; x; x = x->next) {
		snprintf(key, sizeof(key), "source %s | %s | data=%016" PRIx64, op->operation,
			 x->field, (uint64_t)XXH64(x->data.data, x->data.len, 0));
		count(l, key, x->data.len);
	}
}

void sink_summary(const struct sink *s, FILE *f)
{
	struct lines l = { 0 };
	char key[1024];

	for (const struct dfl_op *op = s->op_first; op; op = op->next)
		summarise_op(&l, op);
	for (const struct sink_view *v = s->view_first; v; v = v->next) {
		int n = snprintf(key, sizeof(key), "view %s | %s | %s %s",
				 v->op ? v->op->protocol : "-", v->op ? v->op->operation : "-",
				 v->place		? v->place :
				 v->op && *v->op->place ? v->op->place :
							  "-",
				 dir_name(v->dir));

		if (v->derives)
			snprintf(key + n, sizeof(key) - (size_t)n, " %s data=%016" PRIx64,
				 v->derives, (uint64_t)XXH64(v->data.data, v->data.len, 0));
		if (v->data.len)
			count(&l, key, v->data.len);
	}
	if (l.n)
		qsort(l.line, l.n, sizeof(*l.line), by_key);
	for (size_t i = 0; i < l.n; i++) {
		fprintf(f, "%s x%" PRIu64 " %" PRIu64 "\n", l.line[i].key, l.line[i].n,
			l.line[i].bytes);
		free(l.line[i].key);
	}
	free(l.line);
}
