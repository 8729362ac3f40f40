// SPDX-License-Identifier: Apache-2.0
/* Records what the stream stage delivers and plays it to the decode stage. */
#include "capture/pcap.h"
#include "decode_tape.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recorder {
	struct tape *tape;
	struct dfl_stream *stream;
	uint64_t last_ns;
};

static size_t index_of(struct tape *t, const struct dfl_conn *conn)
{
	for (size_t i = 0; i < t->n_conns; i++)
		if (t->conn[i].id == conn->id)
			return i;
	t->conn = realloc(t->conn, (t->n_conns + 1) * sizeof(*t->conn));
	t->conn[t->n_conns] = *conn;
	t->conn[t->n_conns].decode = NULL;
	return t->n_conns++;
}

static void add(struct tape *t, const struct tape_item *item, const void *data)
{
	struct tape_item *i;

	t->item = realloc(t->item, (t->n_items + 1) * sizeof(*t->item));
	i = &t->item[t->n_items++];
	*i = *item;
	i->chunk.data = NULL;
	if (!data || !item->chunk.len)
		return;
	i->chunk.data = malloc(item->chunk.len);
	memcpy((void *)(uintptr_t)i->chunk.data, data, item->chunk.len);
}

static void on_conn(void *ud, struct dfl_conn *conn)
{
	struct recorder *r = ud;

	index_of(r->tape, conn);
}

static void on_data(void *ud, struct dfl_conn *conn, const struct dfl_chunk *chunk)
{
	struct recorder *r = ud;
	struct tape_item i = { .conn = index_of(r->tape, conn), .chunk = *chunk };

	add(r->tape, &i, chunk->data);
}

static void on_gap(void *ud, struct dfl_conn *conn, const struct dfl_gap *gap)
{
	struct recorder *r = ud;
	struct tape_item i = { .conn = index_of(r->tape, conn), .is_gap = true };

	i.chunk = (struct dfl_chunk){ .dir = gap->dir,
				      .layer = gap->layer,
				      .ssl = gap->ssl,
				      .pos = gap->pos,
				      .len = (uint32_t)gap->len,
				      .ts_ns = gap->ts_ns };
	add(r->tape, &i, NULL);
}

static void on_end(void *ud, struct dfl_conn *conn, enum dfl_dir dir, enum dfl_layer layer,
		   uint64_t ts_ns)
{
	struct recorder *r = ud;
	struct tape_item i = { .conn = index_of(r->tape, conn), .is_end = true };

	i.chunk = (struct dfl_chunk){ .dir = dir, .layer = layer, .ts_ns = ts_ns };
	add(r->tape, &i, NULL);
}

static void on_close(void *ud, struct dfl_conn *conn, uint64_t ts_ns)
{
}

static int on_event(void *ud, const struct dfl_event *ev)
{
	struct recorder *r = ud;

	r->last_ns = ev->ts_ns;
	return dfl_stream_event(r->stream, ev);
}

void tape_from_pcap(struct tape *t, const char *path)
{
	struct recorder r = { .tape = t };
	const struct dfl_stream_sink sink = { .ud = &r,
					      .conn = on_conn,
					      .data = on_data,
					      .gap = on_gap,
					      .end = on_end,
					      .close = on_close };
	const struct dfl_stream_opts opts = { 0 };
	struct dfl_event_source *source;
	struct dfl_err err;

	memset(t, 0, sizeof(*t));
	assert(!dfl_stream_new(&opts, &sink, &r.stream));
	assert(!dfl_pcap_open(path, &source, &err));
	while (source->ops->dispatch(source, on_event, &r, 1024) >= 0)
		;
	source->ops->finish(source, on_event, &r);
	dfl_stream_finish(r.stream, r.last_ns);
	dfl_stream_free(r.stream);
	source->ops->free(source);
	assert(t->n_items);
}

size_t tape_conn(struct tape *t, enum dfl_medium medium, const char *server_path_or_null,
		 int32_t fd, uint16_t port)
{
	struct dfl_conn c = {
		.id = t->n_conns + 1, .medium = medium, .role_known = true, .from_start = true
	};

	c.end[DFL_CLIENT].fd = fd;
	c.end[DFL_SERVER].addr.port = port;
	if (server_path_or_null)
		snprintf(c.path, sizeof(c.path), "%s", server_path_or_null);
	return index_of(t, &c);
}

static uint64_t next_pos(const struct tape *t, size_t conn, enum dfl_dir dir)
{
	uint64_t pos = 0;

	for (size_t i = 0; i < t->n_items; i++)
		if (t->item[i].conn == conn && t->item[i].chunk.dir == dir)
			pos = t->item[i].chunk.pos + t->item[i].chunk.len;
	return pos;
}

static void put_item(struct tape *t, size_t conn, enum dfl_dir dir, const void *data, size_t len,
		     enum dfl_layer layer)
{
	struct tape_item i = { .conn = conn, .is_gap = !data };

	i.chunk = (struct dfl_chunk){ .dir = dir,
				      .layer = layer,
				      .ssl = layer == DFL_TLS,
				      .pos = next_pos(t, conn, dir),
				      .len = (uint32_t)len,
				      .call_start = true,
				      .dgram = t->conn[conn].medium == DFL_UDP,
				      .ts_ns = t->n_items };
	add(t, &i, data);
}

void tape_put(struct tape *t, size_t conn, enum dfl_dir dir, const void *data, size_t len,
	      enum dfl_layer layer)
{
	put_item(t, conn, dir, data, len, layer);
}

void tape_gap(struct tape *t, size_t conn, enum dfl_dir dir, size_t len, enum dfl_layer layer)
{
	put_item(t, conn, dir, NULL, len, layer);
}

/* In place; returns the length. */
static size_t unescape(char *s)
{
	char *to = s, *from = s;

	while (*from) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		from++;
		if (*from == 'x') {
			const char hex[] = { from[1], from[2], 0 };

			*to++ = (char)strtoul(hex, NULL, 16);
			from += 3;
		} else {
			*to++ = *from == 'r' ? '\r' :
				*from == 'n' ? '\n' :
				*from == 't' ? '\t' :
					       *from;
			from++;
		}
	}
	return (size_t)(to - s);
}

static size_t text_conn(struct tape *t, const char *what, const char *arg)
{
	if (!strcmp(what, "udp"))
		return tape_conn(t, DFL_UDP, NULL, -1, (uint16_t)atoi(arg));
	if (!strcmp(what, "pipe"))
		return tape_conn(t, DFL_PIPE, NULL, atoi(arg), 0);
	if (!strcmp(what, "file"))
		return tape_conn(t, DFL_FILE, arg, 3, 0);
	return tape_conn(t, DFL_TCP, NULL, -1, (uint16_t)atoi(arg));
}

void tape_from_text(struct tape *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	enum dfl_layer layer = DFL_WIRE;
	char *line = NULL, what[16], arg[256], way;
	size_t cap = 0, conn = 0, n;
	ssize_t len;

	assert(f);
	memset(t, 0, sizeof(*t));
	while ((len = getline(&line, &cap, f)) > 0) {
		line[len - 1] = 0;
		if (sscanf(line, "conn %15s %255s", what, arg) == 2) {
			conn = text_conn(t, what, arg);
			layer = strcmp(what, "tls") ? DFL_WIRE : DFL_TLS;
		} else if (sscanf(line, "gap %c %zu", &way, &n) == 2) {
			tape_gap(t, conn, way == '>' ? DFL_REQUEST : DFL_RESPONSE, n, layer);
		} else if (line[0] == '>' || line[0] == '<') {
			n = unescape(line + 2);
			tape_put(t, conn, line[0] == '>' ? DFL_REQUEST : DFL_RESPONSE, line + 2, n,
				 layer);
		}
	}
	free(line);
	fclose(f);
}

void tape_fini(struct tape *t)
{
	for (size_t i = 0; i < t->n_items; i++)
		free((void *)(uintptr_t)t->item[i].chunk.data);
	free(t->item);
	free(t->conn);
	memset(t, 0, sizeof(*t));
}

/* Each chunk in memory of exactly its size, so that a read past its end is seen. */
static void play_data(struct dfl_decode *d, struct dfl_conn *conn, const struct tape_item *i,
		      const struct tape_play *how, unsigned *seed)
{
	struct dfl_chunk c = i->chunk;
	uint8_t *copy = malloc(c.len);

	memcpy(copy, c.data, c.len);
	if (how->damage)
		for (uint32_t k = 0; k < c.len; k++)
			if (rand_r(seed) % 500 == 0)
				copy[k] ^= (uint8_t)(1u << (rand_r(seed) % 8));
	c.data = copy;
	if (!how->bytewise || c.dgram) {
		dfl_decode_data(d, conn, &c);
	} else {
		for (uint32_t k = 0; k < i->chunk.len; k++) {
			uint8_t *one = malloc(1);

			*one = copy[k];
			c.data = one;
			c.len = 1;
			c.pos = i->chunk.pos + k;
			c.call_start = i->chunk.call_start && !k;
			dfl_decode_data(d, conn, &c);
			free(one);
		}
	}
	free(copy);
}

static void play_gap(struct dfl_decode *d, struct dfl_conn *conn, const struct tape_item *i)
{
	const struct dfl_gap g = { .dir = i->chunk.dir,
				   .layer = i->chunk.layer,
				   .ssl = i->chunk.ssl,
				   .pos = i->chunk.pos,
				   .len = i->chunk.len,
				   .ts_ns = i->chunk.ts_ns };

	dfl_decode_gap(d, conn, &g);
}

void tape_play(const struct tape *t, const struct tape_play *how,
	       const struct dfl_decode_sink *sink)
{
	struct dfl_conn *conn = calloc(t->n_conns, sizeof(*conn));
	unsigned seed = how->damage;
	struct dfl_decode *d;

	memcpy(conn, t->conn, t->n_conns * sizeof(*conn));
	assert(!dfl_decode_new(sink, &d));
	for (size_t n = 0; n < t->n_items && (!how->stop_at || n < how->stop_at); n++) {
		const struct tape_item *i = &t->item[n];
		struct dfl_conn *c = &conn[i->conn];

		if (i->is_end)
			dfl_decode_end(d, c, i->chunk.dir, i->chunk.layer, i->chunk.ts_ns);
		else if (i->is_gap || n - how->lose_from < how->lose)
			play_gap(d, c, i);
		else
			play_data(d, c, i, how, &seed);
	}
	for (size_t n = 0; n < t->n_conns; n++)
		dfl_decode_close(d, &conn[n], UINT64_MAX);
	dfl_decode_free(d);
	free(conn);
}
