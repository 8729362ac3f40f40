// SPDX-License-Identifier: Apache-2.0
/*
 * Fills a store with many traces through the writer's own code: STORE N <TEMPLATES. Each template
 * is a document, one a line. A trace is one of them with ids, times, ports and process ids of its
 * own. Prints the number of hops and the CPU seconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "store/store.h"

#define MAX_TEMPLATES 64
#define BEGIN_NS 1767225600000000000ll /* 2026-01-01 */
#define APART_NS 100000000ll
#define SYNC_EVERY 1000

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

static size_t read_templates(char **ret_lines)
{
	size_t n = 0, cap = 0;
	ssize_t len;

	while (n < MAX_TEMPLATES && (len = getline(&ret_lines[n], &cap, stdin)) > 1) {
		n++;
		cap = 0;
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct dfl_store_opts opts = { .max_bytes = UINT64_MAX / 4, .max_age_s = UINT32_MAX };
	char *lines[MAX_TEMPLATES] = { NULL };
	size_t n_lines = read_templates(lines);
	struct dfl_err err = { "" };
	struct dfl_store *s;
	struct rusage use;
	uint64_t hops = 0;

	if (argc != 3 || !n_lines || dfl_store_create(argv[1], &opts, &s, &err)) {
		fprintf(stderr, "store: %s\n", err.msg[0] ? err.msg : "STORE N <TEMPLATES");
		return 1;
	}
	for (unsigned n = 0; n < (unsigned)atoi(argv[2]); n++) {
		const char *line = lines[n % n_lines];
		struct dfl_doc *doc;
		int r = dfl_doc_from_json(line, strlen(line), &doc);

		if (r)
			return 1;
		renew(doc, n);
		hops += doc->n_hops;
		r = dfl_store_put(s, doc, &err);
		if (!r && n % SYNC_EVERY == SYNC_EVERY - 1)
			r = dfl_store_sync(s, &err);
		dfl_doc_free(doc);
		if (r) {
			fprintf(stderr, "store: %s\n", err.msg);
			return 1;
		}
	}
	if (dfl_store_sync(s, &err))
		return 1;
	dfl_store_close(s);
	getrusage(RUSAGE_SELF, &use);
	printf("%llu %.3f\n", (unsigned long long)hops,
	       (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
		       (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6);
	for (size_t i = 0; i < n_lines; i++)
		free(lines[i]);
	return 0;
}
