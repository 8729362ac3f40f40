// SPDX-License-Identifier: Apache-2.0
/*
 * Fills a store with many traces through the writer's own code: STORE N <TEMPLATES. Each template
 * is a document, one a line. A trace is one of them with ids, times, ports and process ids of its
 * own. The first OPEN_TRACES are stored as a recorder does: twice while they are open, with the
 * hops known until then, and once when they settled; the others once, which makes the same store in
 * less time. Prints the number of hops, the traces that were open, the CPU seconds of the writes
 * of open ones, and those of the writes of settled ones with the commits.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doc/doc_pack.h"
#include "doc/doc_unpack.h"
#include "store/store.h"

#define MAX_TEMPLATES 64
#define BEGIN_NS 1767225600000000000ll /* 2026-01-01 */
#define APART_NS 100000000ll
#define SYNC_EVERY 1000
#define OPEN_TRACES 20000

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void) /* xorshift64*, Vigna 2016 */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

/* Other digits, of the same kind, in the same places. */
static void renew_id(char *id)
{
	for (; id && *id; id++) {
		if ((*id >= '0' && *id <= '9') || (*id >= 'a' && *id <= 'f'))
			*id = "0123456789abcdef"[next_random() & 15];
	}
}

/* Another port where it is an ephemeral one. */
static void renew_endpoint(struct dfl_doc_endpoint *e, uint32_t pids, uint16_t ports)
{
	char *colon = e->address ? strrchr(e->address, ':') : NULL;
	unsigned port = colon ? (unsigned)atoi(colon + 1) : 0;

	if (port >= 32768 && strlen(colon) == 6)
		snprintf(colon, 7, ":%05u", 32768 + (port + ports) % 28000);
	if (e->pid)
		e->pid += pids;
}

static void renew(struct dfl_doc *doc, unsigned n)
{
	uint32_t pids = (n / 5000) * 17; /* processes are restarted now and then */
	uint16_t ports = (uint16_t)next_random();
	int64_t length = doc->ended_ns - doc->started_ns;

	renew_id(doc->trace_id);
	for (int i = 0; i < DFL_N_ID; i++)
		renew_id(doc->ids[i]);
	doc->started_ns = BEGIN_NS + n * APART_NS + (int64_t)(next_random() % APART_NS);
	if (doc->ended_ns != -1)
		doc->ended_ns = doc->started_ns + length;
	for (size_t i = 0; i < doc->n_connections; i++) {
		renew_endpoint(&doc->connections[i].from, pids, ports);
		renew_endpoint(&doc->connections[i].to, pids, ports);
	}
	for (size_t i = 0; i < doc->n_hops; i++) {
		int64_t later = (int64_t)(next_random() % 5000000);

		renew_endpoint(&doc->hops[i].from, pids, ports);
		renew_endpoint(&doc->hops[i].to, pids, ports);
		doc->hops[i].first_ns += later;
		doc->hops[i].last_ns += later;
	}
}

/* A template: a document in both its parts, which are quickly made a document again. */
struct template
{
	struct dfl_buf head, body;
};

static size_t read_templates(struct template *ret_templates)
{
	size_t n = 0, cap = 0;
	char *line = NULL;
	ssize_t len;

	while (n < MAX_TEMPLATES && (len = getline(&line, &cap, stdin)) > 1) {
		struct dfl_doc *doc;

		if (dfl_doc_from_json(line, (size_t)len, &doc))
			break;
		if (!dfl_doc_pack(doc, DFL_DOC_HEAD, &ret_templates[n].head) &&
		    !dfl_doc_pack(doc, DFL_DOC_BODY, &ret_templates[n].body))
			n++;
		dfl_doc_free(doc);
	}
	free(line);
	return n;
}

static struct dfl_doc *make_doc(const struct template *t, unsigned n)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));

	if (!doc || dfl_doc_unpack(t->head.data, t->head.len, doc) ||
	    dfl_doc_unpack(t->body.data, t->body.len, doc))
		abort();
	renew(doc, n);
	return doc;
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The trace with so many of its hops. Adds the CPU time to *cpu. */
static int put(struct dfl_store *s, struct dfl_doc *doc, size_t n_hops, bool settled, double *cpu,
	       struct dfl_err *err)
{
	size_t all = doc->n_hops;
	double begin = cpu_s();
	int r;

	doc->n_hops = n_hops;
	doc->settled = settled;
	r = dfl_store_put(s, doc, err);
	doc->n_hops = all;
	*cpu += cpu_s() - begin;
	return r;
}

static int sync_now(struct dfl_store *s, double *cpu, struct dfl_err *err)
{
	double begin = cpu_s();
	int r = dfl_store_sync(s, err);

	*cpu += cpu_s() - begin;
	return r;
}

static int put_trace(struct dfl_store *s, const struct template *t, unsigned n, double cpu[2],
		     uint64_t *hops, struct dfl_err *err)
{
	struct dfl_doc *doc = make_doc(t, n);
	size_t n_hops = doc->n_hops;
	int r = n < OPEN_TRACES ? put(s, doc, n_hops / 2, false, &cpu[0], err) : 0;

	if (!r && n < OPEN_TRACES)
		r = put(s, doc, n_hops, false, &cpu[0], err);
	if (!r)
		r = put(s, doc, n_hops, true, &cpu[1], err);
	if (!r && n % SYNC_EVERY == SYNC_EVERY - 1)
		r = sync_now(s, &cpu[1], err);
	*hops += n_hops;
	dfl_doc_free(doc);
	return r;
}

int main(int argc, char **argv)
{
	const struct dfl_store_opts opts = { .max_bytes = UINT64_MAX / 4, .max_age_s = UINT32_MAX };
	static struct template templates[MAX_TEMPLATES];
	size_t n_templates = read_templates(templates);
	struct dfl_err err = { "" };
	struct dfl_store *s;
	unsigned n_traces = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	double cpu[2] = { 0 };
	uint64_t hops = 0;
	int r = 0;

	if (argc != 3 || !n_templates || dfl_store_create(argv[1], &opts, &s, &err)) {
		fprintf(stderr, "store: %s\n", err.msg[0] ? err.msg : "STORE N <TEMPLATES");
		return 1;
	}
	for (unsigned n = 0; !r && n < n_traces; n++)
		r = put_trace(s, &templates[n % n_templates], n, cpu, &hops, &err);
	if (!r)
		r = sync_now(s, &cpu[1], &err);
	dfl_store_close(s);
	for (size_t i = 0; i < n_templates; i++) {
		dfl_buf_fini(&templates[i].head);
		dfl_buf_fini(&templates[i].body);
	}
	if (r)
		fprintf(stderr, "store: %s\n", err.msg);
	else
		printf("%llu %u %.4f %.4f\n", (unsigned long long)hops,
		       n_traces < OPEN_TRACES ? n_traces : OPEN_TRACES, cpu[0], cpu[1]);
	return !!r;
}
