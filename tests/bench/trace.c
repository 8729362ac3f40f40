// SPDX-License-Identifier: Apache-2.0
/*
 * What the trace stage costs as a request grows: hops with a callback for each, and letting go of a
 * request with many derived texts while many operations are remembered. Each at n and 2n: linear
 * work takes twice as long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "trace/trace.h"

#define ROUNDS 5
#define HOPS 1000	 /* twice that is near the limit of a request */
#define TEXTS 30	 /* twice that is near the limit of a request */
#define REMEMBERED 30000 /* operations */

static const char question[] = "Please tell me how to prune an old apple tree in late winter "
			       "without hurting it, step by step.";

struct bench {
	struct dfl_trace *t;
	const struct dfl_decode_sink *sink;
	struct dfl_conn conn[3]; /* of the client, of a database, of a model */
	uint64_t now, pos;
	uint64_t told; /* bytes of hops that callbacks were told */
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	struct bench *b = ud;

	if (what == DFL_DOC_HOP_NEW)
		b->told += dfl_change_head(change)->hops[0].bytes + dfl_change_hop_index(change);
}

static void start(struct bench *b, const struct dfl_rules *rules)
{
	static const uint16_t ports[3] = { 5001, 5432, 443 };
	const struct dfl_trace_opts opts = { .rules = rules, .on_change = on_change, .ud = b };

	*b = (struct bench){ .now = 1000000000 };
	if (dfl_trace_new(&opts, &b->t))
		exit(1);
	b->sink = dfl_trace_sink(b->t);
	for (int i = 0; i < 3; i++) {
		const uint8_t ip[4] = { 10, 0, 0, (uint8_t)i };

		b->conn[i] = (struct dfl_conn){ .id = i + 1,
						.medium = DFL_TCP,
						.role_known = true };
		dfl_addr_set(&b->conn[i].end[0].addr, AF_INET, ip, 40000);
		dfl_addr_set(&b->conn[i].end[1].addr, AF_INET, ip, ports[i]);
		dfl_trace_conn(b->t, &b->conn[i]);
	}
}

static void stop(struct bench *b)
{
	for (int i = 0; i < 3; i++)
		dfl_trace_close(b->t, &b->conn[i], b->now);
	dfl_trace_free(b->t);
}

static struct dfl_op *begin(struct bench *b, int conn, const char *operation, const char *place)
{
	const struct dfl_op_desc d = {
		.protocol = "test", .operation = operation, .place = place, .ttl_s = -1
	};

	b->now += 1000000;
	return b->sink->op_begin(b->sink->ud, &b->conn[conn], &d, b->now);
}

static void see(struct bench *b, int conn, struct dfl_op *op, enum dfl_dir dir, const char *derives,
		const char *text)
{
	const struct dfl_view_desc d = { .dir = dir, .derives = derives };
	const struct dfl_chunk chunk = { .dir = dir, .ts_ns = b->now };
	struct dfl_view *v = b->sink->view_open(b->sink->ud, &b->conn[conn], op, &d);

	b->sink->view_data(b->sink->ud, v, text, strlen(text), b->pos, strlen(text), &chunk);
	b->pos += strlen(text);
	b->sink->view_close(b->sink->ud, v);
}

static struct dfl_op *request(struct bench *b)
{
	struct dfl_op *op = begin(b, 0, "POST /v1/chat-messages", "/v1/chat-messages");
	struct dfl_src *s = b->sink->source_begin(b->sink->ud, op, "query", DFL_REQUEST);

	b->sink->source_append(b->sink->ud, s, question, strlen(question), b->pos, strlen(question),
			       b->now);
	see(b, 0, op, DFL_REQUEST, NULL, question);
	b->sink->source_end(b->sink->ud, s, b->now);
	return op;
}

/* Each hop of its own place. */
static double hops(const struct dfl_rules *rules, int n, uint64_t *ret_made)
{
	struct dfl_trace_stats stats;
	struct bench b;
	char place[32];
	double from, ms;

	start(&b, rules);
	request(&b);
	from = now_ms();
	for (int i = 0; i < n; i++) {
		struct dfl_op *op;

		snprintf(place, sizeof(place), "t.%d", i);
		op = begin(&b, 1, "INSERT t", place);
		see(&b, 1, op, DFL_REQUEST, NULL, question);
		b.sink->op_end(b.sink->ud, op, b.now);
	}
	ms = now_ms() - from;
	dfl_trace_stats(b.t, &stats);
	*ret_made = stats.hops;
	stop(&b);
	return ms;
}

/*
 * A model answers n times; then others' operations have a few words of the question, and an id that
 * may still be bound.
 */
static double forget(const struct dfl_rules *rules, int n, uint64_t *ret_made)
{
	struct dfl_trace_stats stats;
	struct bench b;
	char text[200];
	double from;

	start(&b, rules);
	request(&b);
	for (int i = 0; i < n; i++) {
		struct dfl_op *op = begin(&b, 2, "POST /v1/chat/completions", NULL);

		see(&b, 2, op, DFL_REQUEST, NULL, question);
		snprintf(text, sizeof(text),
			 "Answer %d: cut what is dead, then branch %d, and leave bud %d of twig %d "
			 "where it grows.",
			 i, i * 7, i * 31, i * 131);
		see(&b, 2, op, DFL_RESPONSE, "answer", text);
		b.sink->op_end(b.sink->ud, op, b.now);
	}
	for (int i = 0; i < REMEMBERED; i++) {
		struct dfl_op *op = begin(&b, 1, "INSERT t", "t.x");

		snprintf(text, sizeof(text), "id-%d", i);
		b.sink->op_id(b.sink->ud, op, DFL_ID_MESSAGE, text, strlen(text));
		see(&b, 1, op, DFL_REQUEST, NULL, "how to prune an old apple tree");
		b.sink->op_end(b.sink->ud, op, b.now);
	}
	dfl_trace_stats(b.t, &stats);
	*ret_made = stats.hops;
	from = now_ms();
	stop(&b);
	return now_ms() - from;
}

/* The best of some rounds. */
static double best(double (*fn)(const struct dfl_rules *rules, int n, uint64_t *ret_made),
		   const struct dfl_rules *rules, int n, uint64_t *ret_made)
{
	double ms = fn(rules, n, ret_made), again;

	for (int i = 1; i < ROUNDS; i++) {
		again = fn(rules, n, ret_made);
		ms = again < ms ? again : ms;
	}
	return ms;
}

static void show(const char *name,
		 double (*fn)(const struct dfl_rules *rules, int n, uint64_t *ret_made),
		 const struct dfl_rules *rules, int n, const char *end)
{
	uint64_t made, made2;
	double ms = best(fn, rules, n, &made), ms2 = best(fn, rules, 2 * n, &made2);

	printf("\"%s\":{\"n\":%d,\"hops\":[%llu,%llu],\"ms\":[%.2f,%.2f],\"ratio\":%.2f}%s", name,
	       n, (unsigned long long)made, (unsigned long long)made2, ms, ms2, ms2 / ms, end);
}

int main(void)
{
	struct dfl_rules *rules;
	struct dfl_err err;

	if (dfl_rules_load(NULL, &rules, &err))
		return 1;
	printf("{\"bench\":\"trace\",");
	show("hops", hops, rules, HOPS, ",");
	show("forget", forget, rules, TEXTS, "}\n");
	dfl_rules_free(rules);
	return 0;
}
