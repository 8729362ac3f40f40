// SPDX-License-Identifier: Apache-2.0
/*
 * More than it can carry: chats come at three times the rate that the recorder can work off, for a
 * minute, then at half of it. What becomes of traces, of events, of memory, and when it is current
 * again.
 *
 *   overload [-o json] [--seconds N] [--after N] <texts
 *
 * The clock is the CPU time that the recorder uses: while it works, time passes, and chats come as
 * their rate is. So other load on the machine changes nothing but the wall time. Between the chats
 * and the pipeline stand a ring of 64 MiB, as the kernel's, and the live source's backlog. What is
 * not in here: the kernel's part, and waiting for the disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/live/backlog.h"
#include "natural.h"
#include "pipeline.h"

#define RING_BYTES (64u << 20)
#define BACKLOG_BYTES (64u << 20)
#define SLICE_NS 20000000ull
#define STEP_NS 2000000ull /* when there is nothing to do, the ring is looked at this often */
#define WINDOW_NS 5000000ull
#define COMMIT_NS 500000000ull
#define REPORT_NS 10000000000ull
#define WARM_CHATS 64 /* the first ones: what follows them tells the rate */
#define RATE_CHATS 64
#define IN_FLIGHT 16
#define CALLS_PER_CHAT 560 /* sends of a chat, so that a rate of chats is a pace of sends */
#define FILE_EVERY 8	   /* steps of chats: then a process reads a file */
#define FILE_BYTES (16u << 10)
#define CURRENT_NS 1000000000ull /* a lag below this is none */
#define MAX_ROWS 64

/* A record on its way: DATA as the kernel has it, all else with the event itself. */
struct record {
	struct record *next;
	union {
		struct dfl_k_head head;
		struct dfl_k_data data;
		struct {
			struct dfl_k_head head;
			struct dfl_event ev;
		} other;
	};
};

/* What was counted since the last row. */
struct row {
	double t_s, lag_s, rss_mb;
	uint64_t chats, complete, incomplete, dropped, shed_file_kb, shed_other_kb, backlog;
};

static struct {
	struct dfl_pipeline *pipeline;
	struct dfl_backlog backlog;
	struct record *ring, **ring_tail;
	uint64_t ring_bytes, dropped, dropped_bytes, dropped_told, seq;
	uint64_t dropped_since_ns;
	uint64_t now_ns; /* the clock: advances with the CPU time of the work */
	uint64_t slice_began_ns, done_ns, committed_ns;
	uint64_t complete, incomplete;
	struct natural chats;
	bool reads_a_file;		 /* the event that is made now */
	struct row rows[MAX_ROWS], sums; /* sums: at the last row */
	unsigned n_rows;
} o;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "overload: %s: %s\n", what, why);
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
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

/* ---- the ring ---- */

static size_t size_of(const struct dfl_event *ev)
{
	if (ev->type == DFL_EV_DATA)
		return sizeof(struct dfl_k_data) + ev->data.copied;
	return sizeof(struct dfl_k_head) + sizeof(*ev);
}

static void fill_data(struct dfl_k_data *k, const struct dfl_event *ev)
{
	const struct dfl_ev_data *d = &ev->data;

	k->key.ino = d->chan;
	k->key.kind = o.reads_a_file ? DFL_K_FILE : DFL_K_TCP;
	k->call = d->call;
	k->pos = d->pos;
	k->ssl = d->ssl;
	k->pid = d->pid;
	k->tid = d->tid;
	k->fd = d->fd;
	k->len = d->len;
	k->copied = d->copied;
	k->flags = d->flags;
	k->layer = d->layer;
	k->out = d->out;
	if (d->copied)
		memcpy(k + 1, d->data, d->copied);
}

/* The strings of the invented events live as long as the program. */
static void produce(void *ud, const struct dfl_event *ev)
{
	size_t size = size_of(ev);
	struct record *r;

	if (ev->type == DFL_EV_TICK)
		return; /* the backlog makes them */
	if (o.ring_bytes + size > RING_BYTES) {
		if (!o.dropped++)
			o.dropped_since_ns = ev->ts_ns;
		o.dropped_bytes += ev->type == DFL_EV_DATA ? ev->data.len : 0;
		return;
	}
	r = calloc(1, sizeof(*r) + size);
	if (!r)
		die("ring", "out of memory");
	r->head = (struct dfl_k_head){ .type = ev->type == DFL_EV_DATA ? DFL_K_DATA : DFL_K_CHAN,
				       .size = (uint32_t)size,
				       .seq = ++o.seq,
				       .ts_ns = ev->ts_ns };
	if (ev->type == DFL_EV_DATA)
		fill_data(&r->data, ev);
	else
		r->other.ev = *ev;
	o.ring_bytes += size;
	*o.ring_tail = r;
	o.ring_tail = &r->next;
}

static enum dfl_backlog_worth worth_of(const struct record *r)
{
	if (r->head.type != DFL_K_DATA || r->data.layer)
		return DFL_BACKLOG_INBOUND;
	if (r->data.key.kind == DFL_K_FILE)
		return DFL_BACKLOG_FILE_READ;
	return r->data.out || r->data.pid != API ? DFL_BACKLOG_OTHER : DFL_BACKLOG_INBOUND;
}

static void drain_ring(void)
{
	struct record *r;

	o.backlog.pressed = o.ring_bytes >= RING_BYTES / 4;
	while ((r = o.ring) && dfl_backlog_room(&o.backlog)) {
		if (dfl_backlog_put(&o.backlog, &r->head, worth_of(r)))
			die("backlog", "out of memory");
		o.ring = r->next;
		o.ring_bytes -= r->head.size;
		free(r);
	}
	if (!o.ring)
		o.ring_tail = &o.ring;
}

/* ---- the work ---- */

static void give(const struct dfl_event *ev)
{
	int r = dfl_pipeline_event(o.pipeline, ev);

	if (r)
		die("pipeline", strerror(-r));
}

static int on_record(void *ud, const struct dfl_k_head *rec)
{
	const struct dfl_k_data *k = (const void *)rec;
	struct dfl_event ev = { .type = DFL_EV_DATA, .ts_ns = rec->ts_ns };

	o.done_ns = rec->ts_ns;
	if (rec->type != DFL_K_DATA) {
		memcpy(&ev, rec + 1, sizeof(ev));
		give(&ev);
		return 0;
	}
	ev.data = (struct dfl_ev_data){ .chan = k->key.ino,
					.call = k->call,
					.pos = k->pos,
					.ssl = k->ssl,
					.pid = k->pid,
					.tid = k->tid,
					.fd = k->fd,
					.out = k->out,
					.layer = k->layer,
					.flags = k->flags,
					.len = k->len,
					.copied = k->copied,
					.data = (const uint8_t *)(k + 1) };
	give(&ev);
	return 0;
}

static int on_tick(void *ud, uint64_t ts_ns)
{
	give(&(struct dfl_event){ .type = DFL_EV_TICK, .ts_ns = ts_ns });
	return 0;
}

static bool is_slice_over(void *ud)
{
	return cpu_ns() - o.slice_began_ns >= SLICE_NS;
}

static void tell_losses(void)
{
	if (o.dropped == o.dropped_told)
		return;
	give(&(struct dfl_event){ .type = DFL_EV_LOSS,
				  .ts_ns = o.done_ns,
				  .loss = { .reason = DFL_LOSS_RING_FULL,
					    .events = o.dropped - o.dropped_told,
					    .bytes = o.dropped_bytes,
					    .since_ns = o.dropped_since_ns } });
	o.dropped_told = o.dropped;
	o.dropped_bytes = 0;
}

/* As a dispatch of the recorder. Time passes by what it costs. */
static void work(void)
{
	static const struct dfl_backlog_ops ops = { on_record, on_tick, is_slice_over };

	drain_ring();
	o.slice_began_ns = cpu_ns();
	o.backlog.watermark_ns = o.now_ns - WINDOW_NS;
	tell_losses();
	dfl_backlog_work(&o.backlog, UINT32_MAX, &ops, NULL);
	if (o.now_ns - o.committed_ns >= COMMIT_NS) {
		o.committed_ns = o.now_ns;
		dfl_pipeline_commit(o.pipeline);
	}
	o.now_ns += cpu_ns() - o.slice_began_ns;
	if (!o.backlog.more)
		o.now_ns += STEP_NS;
}

/* ---- the load ---- */

static void read_a_file(void)
{
	static uint8_t bytes[FILE_BYTES];
	struct conn file;

	wire_file(&w, &file, PLUGIN, "/app/module.py");
	o.reads_a_file = true;
	wire_send(&w, &file, false, bytes, sizeof(bytes), false);
	o.reads_a_file = false;
	wire_close(&w, &file);
}

/* Chats go on up to this time; per_s: how many begin a second. */
static void load_until(uint64_t until_ns, double per_s)
{
	w.pace_ns = (uint64_t)(1e9 / per_s / CALLS_PER_CHAT);
	while (w.now_ns < until_ns) {
		natural_step(&o.chats, UINT32_MAX);
		if (!wire_dice(&w, FILE_EVERY))
			read_a_file();
	}
}

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	const struct dfl_doc *doc;

	if (what != DFL_DOC_SETTLED && what != DFL_DOC_DROPPED)
		return;
	doc = dfl_change_doc(change);
	if (doc && doc->completeness.complete)
		o.complete++;
	else
		o.incomplete++;
}

static double lag_s(void)
{
	uint64_t oldest_ns = dfl_reorder_peek(&o.backlog.window) ?
				     dfl_reorder_peek(&o.backlog.window)->ts_ns :
				     o.now_ns;

	return o.now_ns > oldest_ns ? (double)(o.now_ns - oldest_ns) / 1e9 : 0;
}

static void add_row(uint64_t began_ns, bool json)
{
	struct row now = { .t_s = (double)(o.now_ns - began_ns) / 1e9,
			   .lag_s = lag_s(),
			   .rss_mb = rss_mb(),
			   .chats = o.chats.ended,
			   .complete = o.complete,
			   .incomplete = o.incomplete,
			   .dropped = o.dropped,
			   .shed_file_kb = o.backlog.shed[DFL_BACKLOG_FILE_READ].bytes / 1000,
			   .shed_other_kb = o.backlog.shed[DFL_BACKLOG_OTHER].bytes / 1000,
			   .backlog = o.backlog.window.n },
		   was = o.sums, *row = &o.rows[o.n_rows];

	if (o.n_rows == MAX_ROWS)
		return;
	o.n_rows++;
	o.sums = *row = now;
	row->chats -= was.chats;
	row->complete -= was.complete;
	row->incomplete -= was.incomplete;
	row->dropped -= was.dropped;
	row->shed_file_kb -= was.shed_file_kb;
	row->shed_other_kb -= was.shed_other_kb;
	if (!json)
		printf("%5.0f %6llu %9llu %11llu %8llu %10llu %11llu %8llu %7.1f %8.0f\n", row->t_s,
		       (unsigned long long)row->chats, (unsigned long long)row->complete,
		       (unsigned long long)row->incomplete, (unsigned long long)row->dropped,
		       (unsigned long long)row->shed_file_kb,
		       (unsigned long long)row->shed_other_kb, (unsigned long long)row->backlog,
		       row->lag_s, row->rss_mb);
	fflush(stdout);
}

/* Chats a second that it can carry: CPU time of some, when others were before them. */
static double measure_rate(void)
{
	uint64_t from_ns = 0, cpu = 0;

	while (o.chats.ended < WARM_CHATS + RATE_CHATS) {
		if (!from_ns && o.chats.ended >= WARM_CHATS)
			from_ns = w.now_ns;
		load_until(w.now_ns + SLICE_NS, 10);
		o.now_ns = w.now_ns;
		do {
			uint64_t began = cpu_ns();

			work();
			o.now_ns = w.now_ns;
			cpu += from_ns ? cpu_ns() - began : 0;
		} while (o.backlog.more);
	}
	return RATE_CHATS / ((double)cpu / 1e9);
}

/* Returns the seconds after `calm_ns` until it was current; -1: not. */
static double run(double rate, uint64_t seconds, uint64_t after, bool json)
{
	uint64_t began_ns = o.now_ns, calm_ns = began_ns + seconds * 1000000000;
	uint64_t end_ns = calm_ns + after * 1000000000, report_ns = began_ns + REPORT_NS;
	double recovered_s = -1;

	add_row(began_ns, true);
	o.n_rows = 0;
	while (o.now_ns < end_ns) {
		load_until(o.now_ns, o.now_ns < calm_ns ? 3 * rate : rate / 2);
		work();
		if (o.now_ns >= calm_ns && recovered_s < 0 && lag_s() < CURRENT_NS / 1e9 && !o.ring)
			recovered_s = (double)(o.now_ns - calm_ns) / 1e9;
		if (o.now_ns >= report_ns) {
			add_row(began_ns, json);
			report_ns += REPORT_NS;
		}
	}
	return recovered_s;
}

static void report_json(double rate, double recovered_s)
{
	printf("{\"bench\":\"overload\",\"chats_per_s\":%.1f,\"recovered_s\":%.1f,\"rows\":[", rate,
	       recovered_s);
	for (unsigned i = 0; i < o.n_rows; i++) {
		const struct row *r = &o.rows[i];

		printf("%s{\"t_s\":%.0f,\"chats\":%llu,\"complete\":%llu,\"incomplete\":%llu,"
		       "\"dropped_events\":%llu,\"shed_file_kb\":%llu,\"shed_other_kb\":%llu,"
		       "\"backlog_events\":%llu,\"lag_s\":%.1f,\"rss_mb\":%.0f}",
		       i ? "," : "", r->t_s, (unsigned long long)r->chats,
		       (unsigned long long)r->complete, (unsigned long long)r->incomplete,
		       (unsigned long long)r->dropped, (unsigned long long)r->shed_file_kb,
		       (unsigned long long)r->shed_other_kb, (unsigned long long)r->backlog,
		       r->lag_s, r->rss_mb);
	}
	puts("]}");
}

int main(int argc, char **argv)
{
	uint64_t seconds = 60, after = 30;
	struct dfl_rules *rules;
	struct dfl_err err;
	double rate, recovered_s;
	bool json = false;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-o"))
			json = !strcmp(argv[i + 1], "json");
		else if (!strcmp(argv[i], "--seconds"))
			seconds = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--after"))
			after = strtoul(argv[i + 1], NULL, 10);
		else
			die(argv[i], "no such option");
	}
	natural_read_texts();
	if (dfl_rules_load(NULL, &rules, &err))
		die("rules", err.msg);
	if (dfl_pipeline_new(&(struct dfl_pipeline_opts){ .rules = rules, .on_change = on_change },
			     &o.pipeline))
		die("pipeline", "out of memory");
	o.ring_tail = &o.ring;
	o.chats.in_flight = IN_FLIGHT;
	o.backlog = (struct dfl_backlog){ .max_bytes = BACKLOG_BYTES,
					  .max_records = DFL_REORDER_MAX_RECORDS / 2,
					  .tick_ns = 50000000 };
	w = (struct wire){ .seed = 1, .take = produce };
	wire_begin(&w);
	open_pools();
	rate = measure_rate();
	if (!json)
		printf("it carries %.1f chats/s; %.1f come for %llu s, then %.1f\n\n    s  chats  "
		       "complete  incomplete  dropped  shed file  shed other  backlog   lag s  RSS "
		       "MiB\n",
		       rate, 3 * rate, (unsigned long long)seconds, rate / 2);
	recovered_s = run(rate, seconds, after, json);
	if (json)
		report_json(rate, recovered_s);
	else
		printf("\ncurrent again %.1f s after the load fell\n", recovered_s);
	dfl_pipeline_finish(o.pipeline);
	dfl_pipeline_free(o.pipeline);
	dfl_backlog_fini(&o.backlog);
	dfl_rules_free(rules);
	return 0;
}
