// SPDX-License-Identifier: Apache-2.0
/*
 * The live source: takes records from the ring, puts them in order of time, hands them on as
 * events, and accounts for what was lost on the way.
 */
#include "capture/live/live.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "capture/live/channel.h"
#include "capture/live/emit.h"
#include "capture/live/load.h"
#include "capture/live/loss.h"
#include "capture/live/process.h"
#include "capture/live/rescan.h"
#include "capture/live/tls_attach.h"
#include "capture/live/tls_object.h"
#include "dflow.skel.h"

#define DEFAULT_WINDOW_NS 5000000ull
#define DEFAULT_WINDOW_BYTES (64u << 20)
#define DEFAULT_STOP_NS 8000000000ull
#define TAKE_AT_ONCE 16		 /* records; then their bytes are looked at */
#define SLICE_NS 20000000ull	 /* after so much work the ring is looked at */
#define POLL_BUSY_NS 2000000ull	 /* the ring is looked at this often under load, */
#define POLL_IDLE_NS 20000000ull /* and this often else; it wakes us when it fills */
#define CHECK_NS 100000000ull	 /* the kernel's loss counters */

/* Nanoseconds of a clock. */
static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- the first event ---- */

/* The first line of a file without its newline; "" when it cannot be read. */
static void read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	buf[0] = 0;
	if (!f)
		return;
	if (!fgets(buf, size, f))
		buf[0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	fclose(f);
}

static int send_node(struct dfl_live *l, uint64_t now_ns)
{
	char machine[128], boot[64], host[128] = "", id[17];
	struct dfl_event ev = { .type = DFL_EV_NODE, .ts_ns = now_ns };

	read_line("/etc/machine-id", machine, sizeof(machine));
	read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	gethostname(host, sizeof(host) - 1);
	/* machine-id(5) asks not to show the id itself */
	snprintf(id, sizeof(id), "%016llx",
		 (unsigned long long)XXH64(machine[0] ? machine : host,
					   strlen(machine[0] ? machine : host), 0));
	ev.node.id = id;
	ev.node.hostname = host;
	ev.node.boot_id = boot;
	ev.node.realtime_offset_ns = (int64_t)(clock_ns(CLOCK_REALTIME) -
					       clock_ns(CLOCK_MONOTONIC));
	return dfl_live_emit(l, &ev);
}

/*
 * The first events: the node, then the processes that were targets from the beginning. With `all` a
 * process is told when it does something: a host has hundreds that never do.
 */
static int start(struct dfl_live *l)
{
	uint64_t now_ns = l->opened_ns;
	int r = send_node(l, now_ns);

	for (size_t i = 0; i < l->at_start.n && !r && !l->opts.all; i++)
		if (l->at_start.pid[i] != (uint32_t)getpid())
			r = dfl_live_process_see(l, l->at_start.pid[i], now_ns);
	for (size_t i = 0; i < l->open_ways.n && !r; i++)
		r = dfl_live_process_blind(l, l->open_ways.list[i].pid, l->open_ways.list[i].why, 0,
					   now_ns);
	dfl_open_ways_fini(&l->open_ways);
	l->started = true;
	return r;
}

/* ---- taking ---- */

/* Bytes that a record of this type has at least. Data has bytes behind that. */
static size_t least_size(uint8_t type)
{
	switch (type) {
	case DFL_K_CHAN:
		return sizeof(struct dfl_k_chan);
	case DFL_K_CLOSE:
		return sizeof(struct dfl_k_close);
	case DFL_K_DATA:
		return sizeof(struct dfl_k_data);
	case DFL_K_PROC:
		return sizeof(struct dfl_k_proc);
	default:
		return sizeof(struct dfl_k_note);
	}
}

/*
 * TLS records of data (RFC 8446, 5.1: type 23, then version 3.x) that are not covered by plaintext.
 */
static bool is_unread_tls(const struct dfl_k_data *d)
{
	const uint8_t *bytes = (const uint8_t *)(d + 1);

	return !d->layer && d->key.kind == DFL_K_TCP && d->copied >= 3 && bytes[0] == 23 &&
	       bytes[1] == 3 && bytes[2] <= 4;
}

/* Probes of a process that began or mapped a library. */
static void act_on_process(struct dfl_live *l, const struct dfl_k_proc *p)
{
	if (p->fork && !p->same_mm)
		dfl_live_tls_attach_fork(l, p->ppid, p->pid);
	dfl_live_rescan_later(l, p->pid, p->head.ts_ns);
}

/* What can not wait for the backlog: probes in new libraries and processes. */
static void act_at_once(struct dfl_live *l, const struct dfl_k_head *h)
{
	const struct dfl_k_note *note = (const void *)h;
	const struct dfl_k_data *data = (const void *)h;

	switch (h->type) {
	case DFL_K_LIB:
		dfl_live_tls_attach_scan(l, note->pid);
		return;
	case DFL_K_EXIT:
		dfl_live_tls_attach_exit(l, note->pid);
		dfl_live_rescan_exit(l, note->pid);
		return;
	case DFL_K_PROC:
		act_on_process(l, (const void *)h);
		return;
	case DFL_K_CHAN:
		dfl_live_rescan_see(l, ((const struct dfl_k_chan *)h)->pid, h->ts_ns);
		return;
	case DFL_K_DATA:
		dfl_live_rescan_see(l, data->pid, h->ts_ns);
		if (is_unread_tls(data))
			dfl_live_rescan_unread(l, data->pid, h->ts_ns);
	}
}

/* A connection that is not known yet may be one that a client opened. */
static enum dfl_backlog_worth worth_of(struct dfl_live *l, const struct dfl_k_head *h)
{
	const struct dfl_k_data *d = (const void *)h;
	const struct dfl_live_chan *c;

	if (h->type != DFL_K_DATA || d->layer)
		return DFL_BACKLOG_INBOUND;
	if (d->out)
		return DFL_BACKLOG_OTHER;
	if (d->key.kind == DFL_K_FILE)
		return DFL_BACKLOG_FILE_READ;
	c = dfl_live_channel_find(l, &d->key);
	return c && c->ev.role != DFL_ROLE_ACCEPTED ? DFL_BACKLOG_OTHER : DFL_BACKLOG_INBOUND;
}

/* A record comes out of the ring: it is counted, acted on, and copied into the backlog. */
static int take(void *ud, const void *rec, size_t len)
{
	const struct dfl_k_head *h = rec;
	struct dfl_live *l = ud;
	struct dfl_live_seq *seq;

	if (len < sizeof(*h) || h->size > len || h->size < least_size(h->type) ||
	    h->seq_class >= DFL_K_N_SEQ || h->cpu >= l->n_cpus)
		return -EBADMSG; /* both sides are built together: can not happen */
	seq = &l->seqs[h->seq_class * l->n_cpus + h->cpu];
	seq->received++;
	if (h->seq > seq->last)
		seq->last = h->seq;
	l->taken_ns = h->ts_ns;
	l->stats.records++;
	act_at_once(l, h);
	return dfl_backlog_put(&l->backlog, h, worth_of(l, h));
}

/* Takes what the backlog has room for. Returns how many records, or a negative errno. */
static int drain_ring(struct dfl_live *l)
{
	struct dfl_backlog *b = &l->backlog;
	unsigned room;
	int r, n = 0;

	b->pressed = dfl_ring_used(&l->ring) >= l->ring.size / 4;
	while ((room = dfl_backlog_room(b))) {
		r = dfl_ring_take(&l->ring, take, l, room < TAKE_AT_ONCE ? room : TAKE_AT_ONCE);
		if (r <= 0)
			return r < 0 ? r : n;
		n += r;
	}
	return n;
}

/* ---- letting go ---- */

/* A record leaves the backlog and becomes events. */
static int release(struct dfl_live *l, const struct dfl_k_head *h)
{
	const struct dfl_k_note *note = (const void *)h;
	const struct dfl_k_data *data = (const void *)h;
	int r;

	switch (h->type) {
	case DFL_K_CHAN:
		return dfl_live_channel_record(l, (const void *)h);
	case DFL_K_CLOSE:
		return dfl_live_channel_close(l, (const void *)h);
	case DFL_K_DATA:
		return data->layer ? dfl_live_tls_object_data(l, data) :
				     dfl_live_channel_data(l, data);
	case DFL_K_PROC:
		return dfl_live_process_record(l, (const void *)h);
	case DFL_K_EXIT:
		dfl_live_tls_object_forget(l, note->pid);
		r = dfl_live_channel_exit(l, note->pid, h->ts_ns);
		return r ? r : dfl_live_process_exit(l, note->pid, h->ts_ns);
	case DFL_K_BIND:
		return dfl_live_tls_object_bind(l, note);
	case DFL_K_BLIND:
		return dfl_live_process_blind(l, note->pid, note->arg, note->key.ino, h->ts_ns);
	case LIVE_REC_LOSS:
		return dfl_live_loss_emit(l, h);
	default:
		return 0;
	}
}

static int on_record(void *live, const struct dfl_k_head *rec)
{
	return release(live, rec);
}

static int on_tick(void *live, uint64_t ts_ns)
{
	struct dfl_live *l = live;
	struct dfl_event ev = { .type = DFL_EV_TICK, .ts_ns = ts_ns };
	int r = dfl_live_tls_object_expire(l, ts_ns, false);

	if (!r)
		r = dfl_live_process_tick(l, ts_ns);
	return r ? r : dfl_live_emit(l, &ev);
}

static bool is_slice_over(void *live)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE) >= ((struct dfl_live *)live)->slice_ends_ns;
}

static int work(struct dfl_live *l, unsigned max, uint64_t until_ns)
{
	static const struct dfl_backlog_ops ops = { on_record, on_tick, is_slice_over };

	l->slice_ends_ns = until_ns;
	return dfl_backlog_work(&l->backlog, max, &ops, l);
}

/* ---- the source ---- */

static int live_fd(struct dfl_event_source *s)
{
	return dfl_live_of(s)->epoll_fd;
}

static uint64_t live_timeout_ns(struct dfl_event_source *s)
{
	const struct dfl_live *l = dfl_live_of(s);

	if (l->backlog.more)
		return 0;
	return l->busy ? POLL_BUSY_NS : POLL_IDLE_NS;
}

/*
 * Nothing older than the watermark comes any more. A program takes its time just before it reserves
 * room, so records of one CPU come in order, and those of two CPUs differ by less than window_ns,
 * unless a program was preempted in between for longer (a uprobe can be): such a record counts as
 * late. If the ring was empty, all that happened before we looked has been taken.
 */
static void set_watermark(struct dfl_live *l, uint64_t began_ns, bool empty)
{
	uint64_t newest_ns = empty ? began_ns : l->taken_ns;

	if (newest_ns > l->opts.window_ns &&
	    newest_ns - l->opts.window_ns > l->backlog.watermark_ns)
		l->backlog.watermark_ns = newest_ns - l->opts.window_ns;
}

static int live_dispatch(struct dfl_event_source *s, dfl_event_fn fn, void *ud, unsigned max_events)
{
	struct dfl_live *l = dfl_live_of(s);
	struct epoll_event ev;
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	bool empty;
	int r;

	l->fn = fn;
	l->ud = ud;
	if (!l->started && (r = start(l)))
		return r;
	epoll_wait(l->epoll_fd, &ev, 1, 0); /* edge-triggered: takes the readiness back */
	l->skel->bss->woken = 0; /* before reading: what comes from now on may wake us again */
	r = drain_ring(l);
	if (r < 0)
		return r;
	l->busy = r > 0;
	empty = dfl_ring_empty(&l->ring);
	set_watermark(l, began_ns, empty);
	dfl_live_rescan_tick(l, began_ns);
	r = began_ns - l->last_check_ns >= CHECK_NS ? dfl_live_loss_check(l, began_ns, empty) : 0;
	return r ? r : work(l, max_events, began_ns + SLICE_NS);
}

/* Its number and bytes are all that is wanted of a record. */
static int count_record(void *sum, const void *rec, size_t len)
{
	struct dfl_k_count *n = sum;
	const struct dfl_k_data *d = rec;

	n->events++;
	n->bytes += d->head.type == DFL_K_DATA ? d->len : 0;
	return 0;
}

/* The time for a stop is up: what is under way is a loss, and is said. */
static int give_up(struct dfl_live *l)
{
	struct dfl_k_count lost = { 0 };
	uint64_t since_ns = l->backlog.last_tick_ns;
	struct dfl_k_head *rec;
	int r;

	while ((rec = dfl_reorder_pop(&l->backlog.window))) {
		count_record(&lost, rec, rec->size);
		dfl_reorder_release(rec);
	}
	do
		r = dfl_ring_take(&l->ring, count_record, &lost, UINT32_MAX);
	while (r > 0);
	dfl_log_write(&l->opts.log, DFL_LOG_WARN,
		      "the stop took too long: %llu events (%llu bytes) of the last %.1f s were "
		      "not looked at",
		      (unsigned long long)lost.events, (unsigned long long)lost.bytes,
		      (double)(l->backlog.watermark_ns - since_ns) / 1e9);
	return dfl_live_emit(l, &(struct dfl_event){ .type = DFL_EV_LOSS,
						     .ts_ns = l->backlog.watermark_ns,
						     .loss = { .reason = DFL_LOSS_OTHER,
							       .events = lost.events,
							       .bytes = lost.bytes,
							       .since_ns = since_ns } });
}

/* Nothing new comes: takes what the ring holds, until it is done or the time is up. */
static int work_off(struct dfl_live *l, uint64_t until_ns)
{
	int taken, r;

	do {
		taken = drain_ring(l);
		l->backlog.watermark_ns = clock_ns(CLOCK_MONOTONIC);
		r = taken < 0 ? taken : work(l, UINT32_MAX, until_ns);
		if (r < 0)
			return r;
		if (!taken && !l->backlog.more)
			return 0;
	} while (clock_ns(CLOCK_MONOTONIC) < until_ns);
	return give_up(l);
}

static int live_finish(struct dfl_event_source *s, dfl_event_fn fn, void *ud)
{
	struct dfl_live *l = dfl_live_of(s);
	int r;

	l->fn = fn;
	l->ud = ud;
	if (!l->detached) {
		dfl_process_wide_listen(&l->opts.log);
		dflow_bpf__detach(l->skel);
		dfl_process_wide_unlisten();
		dfl_live_tls_attach_fini(l);
		l->detached = true;
	}
	r = l->started ? 0 : start(l);
	if (!r)
		r = work_off(l, clock_ns(CLOCK_MONOTONIC) + l->opts.stop_ns);
	if (r >= 0)
		r = dfl_live_loss_check(l, l->backlog.watermark_ns, true);
	if (r >= 0)
		r = work(l, UINT32_MAX, UINT64_MAX);
	if (r >= 0)
		r = dfl_live_tls_object_expire(l, l->backlog.watermark_ns, true);
	if (r < 0)
		return r;
	l->backlog.last_tick_ns = l->backlog.watermark_ns;
	return on_tick(l, l->backlog.watermark_ns);
}

static void live_free(struct dfl_event_source *s)
{
	struct dfl_live *l;

	if (!s)
		return;
	l = dfl_live_of(s);
	dfl_live_tls_attach_fini(l);
	dfl_live_rescan_fini(l);
	dfl_async_close_fini(&l->async_close);
	dfl_ring_close(&l->ring);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	dfl_process_wide_listen(&l->opts.log);
	dflow_bpf__destroy(l->skel);
	dfl_process_wide_unlisten();
	dfl_process_wide_lower(&l->limits);
	dfl_backlog_fini(&l->backlog);
	dfl_live_tls_object_fini(l);
	dfl_live_channel_fini(l);
	dfl_live_process_fini(l);
	dfl_preexisting_free(l->preexisting);
	dfl_open_ways_fini(&l->open_ways);
	dfl_pids_fini(&l->at_start);
	free(l->seqs);
	free(l->per_cpu);
	free(l);
}

static const struct dfl_event_source_ops live_ops = {
	.fd = live_fd,
	.timeout_ns = live_timeout_ns,
	.dispatch = live_dispatch,
	.finish = live_finish,
	.free = live_free,
};

static int open_poll(struct dfl_live *l, struct dfl_err *err)
{
	/* edge-triggered: a ring that holds something is always "readable", a wakeup is wanted */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, bpf_map__fd(l->skel->maps.ring), &ev))
		return dfl_err_set(err, errno, "cannot poll the ring of events: %m");
	return 0;
}

/* What is open already, and which TLS libraries are mapped already. */
static int look_around(struct dfl_live *l, struct dfl_err *err)
{
	int r = dfl_preexisting_new(&l->preexisting);

	for (size_t i = 0; i < l->at_start.n && !r; i++) {
		if (l->at_start.pid[i] == (uint32_t)getpid())
			continue;
		r = dfl_preexisting_add(l->preexisting, l->at_start.pid[i]);
		if (!r)
			r = dfl_open_ways_add(&l->open_ways, l->at_start.pid[i]);
		dfl_live_tls_attach_scan(l, l->at_start.pid[i]);
		dfl_live_rescan_later(l, l->at_start.pid[i], clock_ns(CLOCK_MONOTONIC));
	}
	if (!r)
		r = dfl_open_ways_done(&l->open_ways);
	return r ? dfl_err_set(err, -r, "cannot look at the processes to record: %s",
			       strerror(-r)) :
		   0;
}

/* On failure the caller frees what is there. */
static int set_up(struct dfl_live *l, const struct dfl_live_opts *opts, struct dfl_err *err)
{
	int r;

	l->opts = *opts;
	if (!l->opts.window_ns)
		l->opts.window_ns = DEFAULT_WINDOW_NS;
	if (!l->opts.stop_ns)
		l->opts.stop_ns = DEFAULT_STOP_NS;
	l->backlog = (struct dfl_backlog){ .max_bytes = opts->window_max_bytes ?
								opts->window_max_bytes :
								DEFAULT_WINDOW_BYTES,
					   .max_records = DFL_REORDER_MAX_RECORDS / 2,
					   .tick_ns = LIVE_TICK_NS };
	l->n_cpus = libbpf_num_possible_cpus();
	if (l->n_cpus < 1)
		return dfl_err_set(err, EIO, "cannot tell the number of CPUs");
	l->seqs = calloc((size_t)l->n_cpus * DFL_K_N_SEQ, sizeof(*l->seqs));
	l->per_cpu = calloc(l->n_cpus, sizeof(*l->per_cpu));
	if (!l->seqs || !l->per_cpu)
		return dfl_err_set(err, ENOMEM, "no memory");
	l->opened_ns = l->last_check_ns = clock_ns(CLOCK_MONOTONIC);
	r = dfl_live_load(l, opts, err);
	if (!r)
		r = open_poll(l, err);
	return r ? r : look_around(l, err);
}

void dfl_live_stats(struct dfl_event_source *source, struct dfl_live_stats *ret_stats)
{
	struct dfl_live *l = dfl_live_of(source);

	*ret_stats = l->stats;
	ret_stats->early = l->backlog.early;
	ret_stats->shed_file_events = l->backlog.shed[DFL_BACKLOG_FILE_READ].records;
	ret_stats->shed_file_bytes = l->backlog.shed[DFL_BACKLOG_FILE_READ].bytes;
	ret_stats->shed_other_events = l->backlog.shed[DFL_BACKLOG_OTHER].records;
	ret_stats->shed_other_bytes = l->backlog.shed[DFL_BACKLOG_OTHER].bytes;
	ret_stats->backlog_events = l->backlog.window.n;
	dfl_live_loss_stats(l, ret_stats);
}

int dfl_live_open(const struct dfl_live_opts *opts, struct dfl_event_source **ret_source,
		  struct dfl_err *err)
{
	struct dfl_live *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return dfl_err_set(err, ENOMEM, "no memory");
	l->source.ops = &live_ops;
	dfl_async_close_open(&l->async_close);
	l->epoll_fd = -1;
	r = set_up(l, opts, err);
	if (r) {
		live_free(&l->source);
		return r;
	}
	*ret_source = &l->source;
	return 0;
}
