// SPDX-License-Identifier: Apache-2.0
/* Joins the stages: streams to decoders to traces to the store; and what goes back. */
#include "pipeline.h"

#include <stdlib.h>

#include "decode/decode.h"
#include "loss_log.h"
#include "stream/stream.h"

#define DEFAULT_MEMORY (512ull << 20)
/*
 * Shares of the memory limit. A byte of text takes several bytes of index, so an eighth of text
 * makes some half of the limit. A fingerprint takes some 40 bytes with its share of the tables, so
 * one for each 512 bytes makes a twelfth.
 */
#define PENDING_SHARE 8 /* of it: bytes that the streams hold back */
#define TEXT_SHARE 8	/* of it: canonical bytes of the texts that are looked for */
#define BYTES_PER_PRINT 512
#define MAX_PRINTS (1u << 24)
/* Each commit waits for the disk, so ticks that follow fast share one. */
#define COMMIT_EVERY_NS 250000000ull

struct dfl_pipeline {
	struct dfl_pipeline_opts opts;
	struct dfl_stream *stream;
	struct dfl_decode *decode;
	struct dfl_trace *trace;
	struct dfl_pipeline_stats stats; /* what the pipeline itself counts */
	struct dfl_loss_log losses;
	uint64_t now_ns;       /* the latest time of an event */
	uint64_t committed_ns; /* now_ns at the last commit */
	bool to_commit;	       /* the store holds what is not committed */
	bool finished;
	int error; /* of the store; the first one, with its sentence */
	struct dfl_err err;
};

/* ---- from the streams, down to trace and decode ---- */

/*
 * trace hears of a connection, its bytes and its gaps before decode: decode's answer to the same
 * call (an operation, a view) goes to trace, which has to know the connection by then. The end is
 * the other way round: closing yields the last operations of a connection.
 */

static void on_conn(void *ud, struct dfl_conn *conn)
{
	struct dfl_pipeline *p = ud;

	dfl_trace_conn(p->trace, conn);
	dfl_decode_conn(p->decode, conn);
}

static void on_data(void *ud, struct dfl_conn *conn, const struct dfl_chunk *chunk)
{
	struct dfl_pipeline *p = ud;

	p->stats.bytes += chunk->len;
	dfl_trace_data(p->trace, conn, chunk);
	dfl_decode_data(p->decode, conn, chunk);
}

static void on_gap(void *ud, struct dfl_conn *conn, const struct dfl_gap *gap)
{
	struct dfl_pipeline *p = ud;

	dfl_trace_gap(p->trace, conn, gap);
	dfl_decode_gap(p->decode, conn, gap);
}

static void on_end(void *ud, struct dfl_conn *conn, enum dfl_dir dir, enum dfl_layer layer,
		   uint64_t ts_ns)
{
	struct dfl_pipeline *p = ud;

	dfl_decode_end(p->decode, conn, dir, layer, ts_ns);
}

static void on_close(void *ud, struct dfl_conn *conn, uint64_t ts_ns)
{
	struct dfl_pipeline *p = ud;

	dfl_decode_close(p->decode, conn, ts_ns);
	dfl_trace_close(p->trace, conn, ts_ns);
}

/* ---- from trace, to the caller and into the store ---- */

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	struct dfl_pipeline *p = ud;

	p->opts.on_change(p->opts.ud, what, change);
}

/* Where the store's sentence goes: only the first is kept. */
static struct dfl_err *sentence(struct dfl_pipeline *p)
{
	return p->error ? NULL : &p->err;
}

/* The stages go on without the store; dfl_pipeline_event() returns the error. */
static void note_error(struct dfl_pipeline *p, int r)
{
	if (r && !p->error)
		p->error = r;
}

static void on_store(void *ud, const struct dfl_doc *doc)
{
	struct dfl_pipeline *p = ud;

	if (!p->opts.store)
		return;
	note_error(p, dfl_outbox_put(p->opts.store, doc, sentence(p)));
	p->to_commit = true;
}

static void on_prints(void *ud, const struct dfl_past_text *of)
{
	struct dfl_pipeline *p = ud;

	if (!p->opts.store)
		return;
	note_error(p, dfl_outbox_put_prints(p->opts.store, of, sentence(p)));
	p->to_commit = true;
}

static void on_history(void *ud, const char *trace_id, const char *in_trace_id,
		       const uint32_t *seqs, size_t n)
{
	struct dfl_pipeline *p = ud;

	if (!p->opts.store)
		return;
	note_error(p,
		   dfl_outbox_replayed(p->opts.store, trace_id, in_trace_id, seqs, n, sentence(p)));
	p->to_commit = true;
}

int dfl_pipeline_commit(struct dfl_pipeline *p)
{
	if (!p->opts.store)
		return p->error;
	if (p->to_commit)
		note_error(p, dfl_loss_log_store(&p->losses, sentence(p)));
	p->to_commit = false;
	p->committed_ns = p->now_ns;
	note_error(p, dfl_outbox_sync(p->opts.store, sentence(p)));
	return p->error;
}

/* ---- the stages ---- */

static int new_stages(struct dfl_pipeline *p)
{
	const struct dfl_stream_sink stream_sink = {
		.ud = p,
		.conn = on_conn,
		.data = on_data,
		.gap = on_gap,
		.end = on_end,
		.close = on_close,
	};
	uint64_t limit = p->opts.memory_limit_bytes ? p->opts.memory_limit_bytes : DEFAULT_MEMORY;
	uint64_t max_prints = limit / BYTES_PER_PRINT;
	const struct dfl_stream_opts stream_opts = { .pending_max_bytes = limit / PENDING_SHARE };
	const struct dfl_trace_opts trace_opts = {
		.rules = p->opts.rules,
		.max_source_bytes = limit / TEXT_SHARE,
		.on_change = p->opts.on_change ? on_change : NULL,
		.on_store = on_store,
		.on_prints = on_prints,
		.on_history = on_history,
		.ud = p,
		.print_key = p->opts.store ? dfl_outbox_print_key(p->opts.store) : NULL,
		.max_prints = (uint32_t)(max_prints < MAX_PRINTS ? max_prints : MAX_PRINTS),
	};
	int r;

	r = dfl_trace_new(&trace_opts, &p->trace);
	if (!r)
		r = dfl_decode_new(dfl_trace_sink(p->trace), &p->decode);
	if (!r)
		r = dfl_stream_new(&stream_opts, &stream_sink, &p->stream);
	return r;
}

int dfl_pipeline_new(const struct dfl_pipeline_opts *opts, struct dfl_pipeline **ret_pipeline)
{
	struct dfl_pipeline *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->opts = *opts;
	p->losses = (struct dfl_loss_log){ .store = opts->store, .log = opts->log };
	r = new_stages(p);
	if (r) {
		dfl_pipeline_free(p);
		return r;
	}
	*ret_pipeline = p;
	return 0;
}

static int remember(void *ud, const struct dfl_past_text *of)
{
	return dfl_trace_remember(((struct dfl_pipeline *)ud)->trace, of);
}

int dfl_pipeline_load(struct dfl_pipeline *p, struct dfl_err *err)
{
	struct dfl_store_loaded loaded;
	int r = p->opts.store ? dfl_outbox_load_prints(p->opts.store, remember, p, &loaded, err) :
				0;

	if (r || !p->opts.store)
		return r;
	p->stats.old_left_out = loaded.left_out;
	p->stats.old_unusable = loaded.foreign + loaded.damaged;
	return 0;
}

void dfl_pipeline_forget_before(struct dfl_pipeline *p, int64_t started_ns)
{
	dfl_trace_forget_before(p->trace, started_ns);
}

/* ---- events ---- */

int dfl_pipeline_event(void *pipeline, const struct dfl_event *ev)
{
	struct dfl_pipeline *p = pipeline;
	int r = 0;

	p->stats.events++;
	if (ev->ts_ns > p->now_ns)
		p->now_ns = ev->ts_ns;
	if (ev->type == DFL_EV_LOSS) {
		p->stats.lost_events += ev->loss.events;
		p->stats.lost_bytes += ev->loss.bytes;
		p->to_commit = p->opts.store;
	}
	dfl_loss_log_event(&p->losses, ev);
	if (p->opts.record)
		r = dfl_recording_write(p->opts.record, ev);
	if (r)
		return r;
	if (ev->type != DFL_EV_TICK)
		r = dfl_trace_event(p->trace, ev);
	if (!r)
		r = dfl_stream_event(p->stream, ev);
	/* Time decides last: the streams may hold back bytes that came before it. */
	if (!r && ev->type == DFL_EV_TICK) {
		r = dfl_trace_event(p->trace, ev);
		if (p->now_ns - p->committed_ns >= COMMIT_EVERY_NS)
			dfl_pipeline_commit(p);
	}
	/* Without memory the event is lost. The traces say so: base/alloc.h counted it. */
	return r && r != -ENOMEM ? r : p->error;
}

int dfl_pipeline_finish(struct dfl_pipeline *p)
{
	if (p->finished)
		return p->error;
	p->finished = true;
	dfl_stream_finish(p->stream, p->now_ns);
	dfl_trace_finish(p->trace);
	dfl_pipeline_commit(p);
	if (p->opts.store)
		note_error(p, dfl_outbox_flush(p->opts.store, sentence(p)));
	return p->error;
}

const char *dfl_pipeline_error(const struct dfl_pipeline *p)
{
	return p->error ? p->err.msg : "";
}

void dfl_pipeline_free(struct dfl_pipeline *p)
{
	if (!p)
		return;
	p->opts.store = NULL; /* what was not finished is not stored */
	/* Closes each connection, so that decode and trace let go what they keep for it. */
	if (p->stream && p->decode)
		dfl_stream_finish(p->stream, p->now_ns);
	dfl_stream_free(p->stream);
	dfl_decode_free(p->decode);
	dfl_trace_free(p->trace);
	free(p);
}

/* ---- what is counted ---- */

static const char *const decode_limits[DFL_N_LIMIT] = {
	[DFL_LIMIT_SUBSTREAMS] = "TLS objects of one connection",
	[DFL_LIMIT_TURNS] = "decoders tried within one chunk",
	[DFL_LIMIT_UNANSWERED] = "calls without an answer on one connection",
	[DFL_LIMIT_CHANNELS] = "Redis channels of one connection",
	[DFL_LIMIT_SESSIONS] = "sessions of one plugin pipe",
	[DFL_LIMIT_STATEMENTS] = "prepared statements of one connection",
	[DFL_LIMIT_HEADS] = "bytes before an operation has a name",
	[DFL_LIMIT_INFLATED] = "compressed bodies",
	[DFL_LIMIT_HELLOS] = "bytes of a TLS hello",
};

/* Whom limits are told, and what they returned last. */
struct limit_listener {
	dfl_limit_fn fn;
	void *ud;
	int r;
};

static void tell_limit(struct limit_listener *to, const char *name, uint64_t hits)
{
	if (hits && !to->r)
		to->r = to->fn(to->ud, name, hits);
}

int dfl_pipeline_limits(const struct dfl_pipeline *p, dfl_limit_fn fn, void *ud)
{
	struct limit_listener to = { .fn = fn, .ud = ud };
	struct dfl_stream_stats stream;
	struct dfl_decode_stats decode;
	struct dfl_trace_stats t;

	dfl_stream_stats(p->stream, &stream);
	dfl_decode_stats(p->decode, &decode);
	dfl_trace_stats(p->trace, &t);
	tell_limit(&to, "connections followed", stream.evicted_conns);
	tell_limit(&to, "bytes held back until others come", stream.hurried_holes);
	for (int i = 0; i < DFL_N_LIMIT; i++)
		tell_limit(&to, decode_limits[i], decode.limit[i]);
	tell_limit(&to, "places looked at for one piece of text", t.match.capped_candidates);
	tell_limit(&to, "places of one piece of text in one field", t.match.capped_positions);
	tell_limit(&to, "text of requests under way", t.match.capped_sources);
	tell_limit(&to, "layers of base64", t.match.capped_depth);
	tell_limit(&to, "requests under way", t.dropped);
	tell_limit(&to, "operations kept for an id to come", t.capped_ops);
	tell_limit(&to, "pieces of text in one operation", t.capped_runs);
	tell_limit(&to, "requests that one answer may be of", t.capped_owners);
	tell_limit(&to, "candidates of one hop", t.capped_candidates);
	tell_limit(&to, "derived texts of one request", t.capped_derived);
	tell_limit(&to, "texts of earlier requests", t.forgotten);
	tell_limit(&to, "earlier requests that share a piece of text", t.match.capped_prints);
	tell_limit(&to, "connections of one request", t.capped_conns);
	tell_limit(&to, "names of operations and places", t.capped_strings);
	return to.r;
}

void dfl_pipeline_stats(const struct dfl_pipeline *p, struct dfl_pipeline_stats *ret_stats)
{
	struct dfl_stream_stats stream;
	struct dfl_trace_stats trace;

	dfl_stream_stats(p->stream, &stream);
	dfl_trace_stats(p->trace, &trace);
	*ret_stats = p->stats;
	ret_stats->gap_bytes = stream.gap_bytes;
	ret_stats->requests = trace.requests;
	ret_stats->open_requests = trace.open_requests;
	ret_stats->hops = trace.hops;
	ret_stats->settled = trace.settled;
	ret_stats->dropped = trace.dropped;
	ret_stats->old_texts = trace.match.old_texts;
	ret_stats->old_left_out += trace.forgotten;
}
