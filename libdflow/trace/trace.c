// SPDX-License-Identifier: Apache-2.0
/* The trace stage: what comes past the decoders, time, and the life of the stage. */
#include "trace/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "trace/attribution/attribute.h"
#include "trace/attribution/history_run.h"
#include "trace/cover.h"
#include "trace/lifecycle.h"
#include "trace/opaque.h"
#include "trace/request_conn.h"
#include "trace/sink.h"
#include "trace/string.h"

/*
 * The most that a handshake takes on the wire, with long certificate chains in both directions. It
 * is not payload, so its ciphertext is not unread.
 */
#define HANDSHAKE_MAX 32768

/* Header, fragment and expansion of one record (RFC 8446, 5.2). */
#define TLS_RECORD_MAX (5 + 16384 + 256)

int dfl_trace_new(const struct dfl_trace_opts *opts, struct dfl_trace **ret_trace)
{
	const struct dfl_match_opts match_opts = {
		.min_run = RUN_MIN,
		.max_source_bytes = opts->max_source_bytes,
		.print_key = opts->print_key,
		.max_prints = opts->max_prints,
		.print_fn = dfl_rules_settings(opts->rules)->keep_fingerprints ? dfl_history_run :
										 NULL,
		.coded_fn = dfl_opaque_coded,
	};
	struct dfl_trace *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->opts = *opts;
	t->alloc_failures = dfl_alloc_failures();
	t->settings = dfl_rules_settings(opts->rules);
	r = dfl_match_new(&match_opts, dfl_attribute_run, t, &t->match);
	if (r) {
		free(t);
		return r;
	}
	dfl_sink_init(t, &t->sink);
	*ret_trace = t;
	return 0;
}

void dfl_trace_free(struct dfl_trace *t)
{
	if (!t)
		return;
	memset(&t->opts, 0, sizeof(t->opts)); /* nobody is told any more */
	dfl_lifecycle_free(t);
	dfl_effects_free(t);
	dfl_item_tables_free(t);
	dfl_past_free(t);
	dfl_match_free(t->match);
	dfl_pieces_fini(&t->pieces);
	dfl_endpoints_free(t);
	dfl_strings_free(t);
	free(t->node_id);
	free(t->hostname);
	free(t->boot_id);
	free(t);
}

const struct dfl_decode_sink *dfl_trace_sink(struct dfl_trace *t)
{
	return &t->sink;
}

static int set_node(struct dfl_trace *t, const struct dfl_ev_node *ev)
{
	free(t->node_id);
	free(t->hostname);
	free(t->boot_id);
	t->node_id = strdup(ev->id);
	t->hostname = strdup(ev->hostname);
	t->boot_id = strdup(ev->boot_id);
	t->realtime_offset_ns = ev->realtime_offset_ns;
	return t->node_id && t->hostname && t->boot_id ? 0 : -ENOMEM;
}

static void exited(struct dfl_trace *t, uint32_t pid)
{
	struct proc *p = dfl_proc_find(t, pid);

	if (p)
		p->exited = true;
}

int dfl_trace_event(struct dfl_trace *t, const struct dfl_event *ev)
{
	if (ev->ts_ns > t->now_ns)
		t->now_ns = ev->ts_ns;
	switch (ev->type) {
	case DFL_EV_NODE:
		return set_node(t, &ev->node);
	case DFL_EV_PROC:
		dfl_proc_learn(t, &ev->proc);
		return 0;
	case DFL_EV_PROC_EXIT:
		exited(t, ev->exited_pid);
		return 0;
	case DFL_EV_LOSS:
		dfl_requests_lost(t, &ev->loss);
		return 0;
	case DFL_EV_BLIND:
		dfl_proc_learn_blind(t, &ev->blind, ev->ts_ns);
		return 0;
	case DFL_EV_TICK:
		dfl_lifecycle_tick(t);
		return 0;
	default:
		return 0;
	}
}

/*
 * Plaintext of the connection is read from here on. The ciphertext that passed before it is no more
 * unread in so far as it stood for: the handshake, when the connection was seen from its start; and
 * the record that this plaintext came in, because its bytes pass the socket first.
 */
static void plaintext_seen(struct tconn *tc, const struct dfl_conn *conn,
			   const struct dfl_chunk *chunk)
{
	uint64_t *cipher = &tc->cipher_bytes[chunk->dir];
	uint64_t *unread = &tc->bytes.unread[UNREAD_TLS];
	uint64_t mine = chunk->len + TLS_RECORD_MAX;

	if (!tc->tls_read && conn->from_start && tc->wire_bytes <= HANDSHAKE_MAX)
		tc->cipher_bytes[0] = tc->cipher_bytes[1] = *unread = 0;
	mine = *cipher < mine ? *cipher : mine;
	*unread -= mine < *unread ? mine : *unread;
	*cipher = 0;
	if (!tc->encrypted)
		dfl_cover_encrypted(&tc->covers);
	tc->tls_read = tc->encrypted = true;
}

/*
 * How much plaintext the bytes can hold, when they are whole records: of application data no more
 * than what a header, a tag and a type leave (RFC 8446, 5.2: 5 + 16 + 1 bytes; TLS 1.2 takes more),
 * of other types none. Of what is cut otherwise, all of it.
 */
static uint64_t tls_room(const struct dfl_chunk *chunk)
{
	enum { HEADER = 5, OVERHEAD = 22, CHANGE_CIPHER_SPEC = 20, APPLICATION_DATA = 23 };
	uint64_t room = 0;
	size_t n;

	for (size_t i = 0; i < chunk->len; i += n) {
		const uint8_t *p = chunk->data + i;

		if (chunk->len - i < HEADER || p[0] < CHANGE_CIPHER_SPEC ||
		    p[0] > APPLICATION_DATA || p[1] != 3)
			return chunk->len;
		n = HEADER + ((size_t)p[3] << 8 | p[4]);
		if (n > chunk->len - i)
			return chunk->len;
		room += p[0] == APPLICATION_DATA && n > OVERHEAD ? n - OVERHEAD : 0;
	}
	return room;
}

/* Bytes on the wire. On a connection with TLS they are unread as long as no plaintext was seen. */
static void ciphertext_seen(struct tconn *tc, const struct dfl_chunk *chunk)
{
	tc->wire_bytes += chunk->len;
	if (tc->tls_read)
		return;
	tc->cipher_bytes[chunk->dir] += chunk->len;
	if (!tc->encrypted)
		return;
	tc->bytes.unread[UNREAD_TLS] += chunk->len;
	tc->bytes.tls_room[chunk->dir] += tls_room(chunk);
}

void dfl_trace_conn(struct dfl_trace *t, struct dfl_conn *conn)
{
	dfl_tconn_open(conn);
}

void dfl_trace_data(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_chunk *chunk)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	if (!dfl_tconn_is_file_read(tc, chunk->dir))
		dfl_request_conns_touch(t, tc);
	memcpy(tc->end, conn->end, sizeof(tc->end));
	if (!(chunk->layer == DFL_WIRE && tc->encrypted) && !dfl_tconn_is_file_read(tc, chunk->dir))
		dfl_cover_came(&tc->covers, chunk);
	if (chunk->layer == DFL_TLS) {
		plaintext_seen(tc, conn, chunk);
		return;
	}
	ciphertext_seen(tc, chunk);
}

void dfl_trace_gap(struct dfl_trace *t, struct dfl_conn *conn, const struct dfl_gap *gap)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	if (!dfl_tconn_is_file_read(tc, gap->dir))
		dfl_request_conns_touch(t, tc);
	if (gap->unread)
		tc->bytes.unread[tc->encrypted ? UNREAD_TLS : UNREAD_NO_BUFFER] += gap->len;
	if (gap->unread)
		tc->bytes.tls_room[gap->dir] += gap->len;
	else
		tc->bytes.gap += gap->len;
}

void dfl_trace_close(struct dfl_trace *t, struct dfl_conn *conn, uint64_t ts_ns)
{
	struct tconn *tc = conn->trace;

	if (!tc)
		return;
	conn->trace = NULL;
	dfl_tconn_unref(tc);
}

int dfl_trace_remember(struct dfl_trace *t, const struct dfl_past_text *text)
{
	return dfl_past_remember(t, text);
}

void dfl_trace_forget_before(struct dfl_trace *t, int64_t started_ns)
{
	dfl_past_forget_before(t, started_ns);
}

void dfl_trace_finish(struct dfl_trace *t)
{
	dfl_lifecycle_finish(t);
}

void dfl_trace_stats(const struct dfl_trace *t, struct dfl_trace_stats *ret_stats)
{
	*ret_stats = t->stats;
	dfl_match_stats(t->match, &ret_stats->match);
}
