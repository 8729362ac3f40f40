// SPDX-License-Identifier: Apache-2.0
/*
 * What the recorder costs: chats with natural texts, a few at a time, made and replayed through the
 * pipeline into a store, while more and more earlier chats are remembered; and keep-alive HTTP
 * traffic that belongs to no request.
 *
 *   recorder [-o json] [--chats N] [--in-flight N] [--memory MiB] <texts
 *
 * --chats 0 measures only the traffic of no request.
 *
 * The texts are those of manpages.py. The recording is made in parts of 64 chats, and each part is
 * deleted when it was replayed. Only the replay is measured (getrusage), and what reading the file
 * alone takes is measured too and taken off.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dflow.h"
#include "natural.h"
#include "pipeline.h"

#define N_DOCS 256 /* of the newest chats, the sizes of their documents are told */
#define NO_REQUEST_ROUNDS 3
#define NO_REQUEST_GETS 20000 /* of one round, 5 events each */
#define NO_REQUEST_CONNS 32
#define NO_REQUEST_PACE_NS 9000 /* 22,000 requests/s of 5 events */
#define NGINX 500
#define SETTLE_S 20

struct options {
	unsigned chats, in_flight;
	uint64_t memory;
	bool json;
};

/* One measured stretch of events. */
struct cost {
	uint64_t events;
	double cpu_s, read_s; /* with the pipeline, reading included; reading alone */
};

struct point {
	unsigned remembered;
	struct cost cost; /* of the NATURAL_PART chats that follow */
	double rss_mb;
};

static struct natural chats;
static char folder[] = "/tmp/dflow-bench-XXXXXX", part_path[64], store_path[64];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "recorder: %s: %s\n", what, why);
	exit(1);
}

/* CPU time of this process, in the kernel too. */
static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double peak_mb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
}

static double rss_mb(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		die("/proc/self/statm", "cannot be read");
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* ---- the recording ---- */

/* What nginx does for a small file with sendfile off, seen from its process. */
static void make_gets(unsigned n)
{
	static const char get[] = "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
	static const char head[] =
		"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 28 Nov 2026 08:00:00 GMT\r\n"
		"Content-Type: text/html\r\nContent-Length: 612\r\nLast-Modified: Sat, 28 Nov 2026 "
		"07:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6567a1b0-264\"\r\n"
		"Accept-Ranges: bytes\r\n\r\n";
	static struct conn conns[NO_REQUEST_CONNS];
	char reply[sizeof(head) - 1 + 612];
	struct conn file;

	memcpy(reply, head, sizeof(head) - 1);
	memset(reply + sizeof(head) - 1, 'x', 612);
	if (!conns[0].chan) {
		wire_proc(&w, NGINX, "/usr/sbin/nginx", "nginx: worker process");
		for (int i = 0; i < NO_REQUEST_CONNS; i++)
			wire_conn(&w, &conns[i], NGINX, true, 20, 9, 8080, false);
	}
	w.pace_ns = NO_REQUEST_PACE_NS;
	for (unsigned i = 0; i < n; i++) {
		struct conn *c = &conns[wire_dice(&w, NO_REQUEST_CONNS)];

		wire_send(&w, c, false, get, sizeof(get) - 1, false);
		wire_file(&w, &file, NGINX, "/var/www/html/index.html");
		wire_send(&w, &file, false, reply + sizeof(head) - 1, 612, false);
		wire_send(&w, c, true, reply, sizeof(reply), false);
		wire_close(&w, &file);
	}
	w.pace_ns = 0;
}

/* ---- the replay ---- */

static int count(void *ud, const struct dfl_event *ev)
{
	*(uint64_t *)ud += !!ev;
	return 0;
}

static double replay(dfl_event_fn fn, void *ud)
{
	struct dfl_event_source *source;
	struct dfl_err err;
	double from = cpu_s();
	int r = dfl_recording_open(part_path, &source, &err);

	if (r)
		die(part_path, err.msg);
	while (r >= 0)
		r = source->ops->dispatch(source, fn, ud, 4096);
	source->ops->free(source);
	if (r != -ENODATA)
		die(part_path, strerror(-r));
	return cpu_s() - from;
}

/* Replays the part that was made, and deletes it. */
static struct cost take_part(struct dfl_pipeline *p)
{
	struct cost c = { 0 };

	wire_close_file(&w);
	c.read_s = replay(count, &c.events);
	c.cpu_s = replay(dfl_pipeline_event, p);
	unlink(part_path);
	wire_next_file(&w, part_path);
	return c;
}

static double us_per_event(struct cost c)
{
	return c.events ? (c.cpu_s - c.read_s) / (double)c.events * 1e6 : 0;
}

static double ms_per_chat(struct cost c)
{
	return (c.cpu_s - c.read_s) / NATURAL_PART * 1e3;
}

/* The middle one of some rounds. */
static double no_request(struct dfl_pipeline *p)
{
	double us[NO_REQUEST_ROUNDS], swap;

	make_gets(NO_REQUEST_GETS / 10);
	take_part(p); /* connections, caches */
	for (int i = 0; i < NO_REQUEST_ROUNDS; i++) {
		make_gets(NO_REQUEST_GETS);
		us[i] = us_per_event(take_part(p));
		for (int k = i; k && us[k] < us[k - 1]; k--)
			swap = us[k], us[k] = us[k - 1], us[k - 1] = swap;
	}
	return us[NO_REQUEST_ROUNDS / 2];
}

/* ---- what was stored ---- */

static int by_size(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure_documents(size_t *ret_median, size_t *ret_max, uint64_t *ret_store_bytes)
{
	struct dflow_list_opts opts = { .sz = sizeof(opts), .limit = N_DOCS };
	const struct dflow_trace *trace;
	struct dflow_cursor *cursor;
	struct dflow_store *store;
	size_t sizes[N_DOCS], n = 0;
	struct dflow_error err;
	struct stat st;
	char *json;

	if (dflow_store_open(store_path, &store, &err) ||
	    dflow_cursor_open(store, &opts, &cursor, &err))
		die(store_path, err.message);
	while (n < N_DOCS && dflow_cursor_next(cursor, &trace, &err) == 1) {
		if (dflow_trace_json(trace, &json))
			die(store_path, "out of memory");
		sizes[n++] = strlen(json);
		free(json);
	}
	qsort(sizes, n, sizeof(sizes[0]), by_size);
	*ret_median = n ? sizes[n / 2] : 0;
	*ret_max = n ? sizes[n - 1] : 0;
	*ret_store_bytes = stat(store_path, &st) ? 0 : (uint64_t)st.st_size;
	dflow_cursor_close(cursor);
	dflow_store_close(store);
}

/* ---- the run ---- */

struct stages {
	struct dfl_rules *rules;
	struct dfl_outbox *store;
	struct dfl_pipeline *pipeline;
};

static struct stages open_stages(const struct options *o)
{
	struct stages s = { 0 };
	struct dfl_err err = { "" };
	int r = dfl_rules_load(NULL, &s.rules, &err);

	if (!r)
		r = dfl_outbox_open(
			&(struct dfl_outbox_opts){
				.path = store_path,
				.store = { .prints = dfl_rules_settings(s.rules)
							     ->keep_fingerprints },
				.max_bytes = 32 << 20 },
			&s.store, &err);
	if (!r)
		r = dfl_pipeline_new(&(struct dfl_pipeline_opts){ .rules = s.rules,
								  .store = s.store,
								  .memory_limit_bytes = o->memory },
				     &s.pipeline);
	if (!r)
		r = dfl_pipeline_load(s.pipeline, &err);
	if (r)
		die("cannot start", err.msg[0] ? err.msg : strerror(-r));
	return s;
}

static void close_stages(struct stages *s)
{
	if (dfl_pipeline_finish(s->pipeline))
		die(store_path, dfl_pipeline_error(s->pipeline));
	dfl_pipeline_free(s->pipeline);
	dfl_outbox_close(s->store);
	dfl_rules_free(s->rules);
}

static bool is_point(unsigned remembered, unsigned last)
{
	static const unsigned points[] = { 64, 640, 6400 };

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		if (remembered == points[i])
			return true;
	return remembered == last;
}

static void show(const struct point *p, const struct options *o)
{
	if (!o->json)
		printf("%10u  %8.2f  %8.2f  %10.0f  %8.1f\n", p->remembered, ms_per_chat(p->cost),
		       us_per_event(p->cost), (double)p->cost.events / NATURAL_PART, p->rss_mb);
	fflush(stdout);
}

/* Memory per chat between the last two points, in kB. */
static double slope_kb(const struct point *points, unsigned n)
{
	const struct point *a = points + n - 2, *b = points + n - 1;

	if (n < 2)
		return 0;
	return (b->rss_mb - a->rss_mb) * 1024 / (b->remembered - a->remembered);
}

static void remove_files(void)
{
	char path[96];
	static const char *const ends[] = { "", "-wal", "-shm", ".key", ".lock" };

	unlink(part_path);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", store_path, ends[i]);
		unlink(path);
	}
	if (rmdir(folder))
		fprintf(stderr, "recorder: %s is left: %s\n", folder, strerror(errno));
}

static struct options parse(int argc, char **argv)
{
	struct options o = { .chats = 10000, .in_flight = 16 };

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		unsigned long n = strtoul(value, NULL, 10);

		if (!strcmp(argv[i], "-o") && !strcmp(value, "json"))
			o.json = true;
		else if (!strcmp(argv[i], "--chats") && (n || *value == '0'))
			o.chats = (unsigned)n;
		else if (!strcmp(argv[i], "--in-flight") && n && n <= NATURAL_MAX_IN_FLIGHT)
			o.in_flight = (unsigned)n;
		else if (!strcmp(argv[i], "--memory") && n)
			o.memory = (uint64_t)n << 20;
		else
			exit((fprintf(stderr, "usage: recorder [-o json] [--chats N] [--in-flight "
					      "N] [--memory MiB] <texts\n"),
			      2));
		i++;
	}
	o.chats = (o.chats + NATURAL_PART - 1) / NATURAL_PART * NATURAL_PART;
	return o;
}

static void report(const struct options *o, const struct point *points, unsigned n,
		   const double us[2], double start_mb, double peak, double seconds)
{
	uint64_t store_bytes;
	size_t median, max;

	measure_documents(&median, &max, &store_bytes);
	if (!o->json) {
		printf("\nan event of no request: %.2f us before the chats, %.2f us after them\n"
		       "memory: %.0f MiB after the start, %.0f MiB at most, %.1f kB more a chat at "
		       "the end\na chat's document: median %.1f kB, at most %.1f kB of JSON; the "
		       "store has %.1f kB a chat\n%.0f s in all\n",
		       us[0], us[1], start_mb, peak, slope_kb(points, n), (double)median / 1e3,
		       (double)max / 1e3, (double)store_bytes / 1e3 / (o->chats ?: 1), seconds);
		return;
	}
	printf("{\"bench\":\"recorder\",\"in_flight\":%u,\"points\":[", o->in_flight);
	for (unsigned i = 0; i < n; i++)
		printf("%s{\"remembered\":%u,\"ms_per_chat\":%.3f,\"us_per_event\":%.3f,"
		       "\"events_per_chat\":%.0f,\"us_per_event_reading\":%.3f,\"rss_mb\":%.1f}",
		       i ? "," : "", points[i].remembered, ms_per_chat(points[i].cost),
		       us_per_event(points[i].cost), (double)points[i].cost.events / NATURAL_PART,
		       points[i].cost.read_s / (double)points[i].cost.events * 1e6,
		       points[i].rss_mb);
	printf("],\"us_per_event_of_no_request\":{\"before\":%.3f,\"after\":%.3f},"
	       "\"start_mb\":%.1f,\"peak_mb\":%.1f,\"slope_kb_per_chat\":%.2f,"
	       "\"document_bytes\":{\"median\":%zu,\"max\":%zu},\"store_bytes_per_chat\":%llu,"
	       "\"seconds\":%.0f}\n",
	       us[0], us[1], start_mb, peak, slope_kb(points, n), median, max,
	       (unsigned long long)store_bytes / (o->chats ?: 1), seconds);
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct point points[8], *p = points;
	double start_mb, us[2], peak;
	time_t from = time(NULL);
	struct stages s;

	natural_read_texts();
	if (!mkdtemp(folder))
		die(folder, strerror(errno));
	snprintf(part_path, sizeof(part_path), "%s/part.dfrec", folder);
	snprintf(store_path, sizeof(store_path), "%s/s.db", folder);
	atexit(remove_files);
	w = (struct wire){ .seed = 1 };
	chats.in_flight = o.in_flight;
	wire_open(&w, part_path);
	open_pools();
	s = open_stages(&o);
	start_mb = rss_mb();
	us[0] = no_request(s.pipeline);
	if (!o.json)
		puts("remembered   ms/chat  us/event  events/chat  RSS MiB");
	for (unsigned done = 0; o.chats && done <= o.chats; done += NATURAL_PART) {
		p->remembered = done;
		while (chats.ended < done + NATURAL_PART)
			natural_step(&chats, o.chats + NATURAL_PART);
		p->cost = take_part(s.pipeline);
		p->rss_mb = rss_mb();
		if (is_point(done, o.chats))
			show(p++, &o);
	}
	us[1] = no_request(s.pipeline);
	peak = peak_mb();
	wire_finish(&w, SETTLE_S);
	replay(dfl_pipeline_event, s.pipeline);
	close_stages(&s);
	report(&o, points, (unsigned)(p - points), us, start_mb, peak, difftime(time(NULL), from));
	return 0;
}
