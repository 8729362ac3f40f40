// SPDX-License-Identifier: Apache-2.0
/*
 * What was lost between the kernel and here: counters by cause, holes in the sequences, skipped
 * runs.
 */
#include "capture/live/loss.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "capture/live/emit.h"
#include "dflow.skel.h"

struct loss_record {
	struct dfl_k_head head;
	struct dfl_ev_loss loss;
};

static const enum dfl_loss_reason drop_reasons[DFL_K_N_DROP] = {
	[DFL_K_DROP_RING] = DFL_LOSS_RING_FULL, [DFL_K_DROP_FAULT] = DFL_LOSS_FAULT,
	[DFL_K_DROP_NO_FD] = DFL_LOSS_NO_FD,	[DFL_K_DROP_TABLE] = DFL_LOSS_TABLE_FULL,
	[DFL_K_DROP_STEPS] = DFL_LOSS_OTHER,
};

/* Sums a drop counter over all CPUs. */
static int read_drops(struct dfl_live *l, uint32_t cause, struct dfl_k_count *ret)
{
	*ret = (struct dfl_k_count){ 0 };
	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.drops), &cause, l->per_cpu))
		return -errno;
	for (int i = 0; i < l->n_cpus; i++) {
		ret->events += l->per_cpu[i].events;
		ret->bytes += l->per_cpu[i].bytes;
	}
	return 0;
}

/* The loss takes its place in the order of time among the records. */
static int tell_loss(struct dfl_live *l, enum dfl_loss_reason reason, uint64_t events,
		     uint64_t bytes, uint64_t now_ns)
{
	struct loss_record rec = {
		.head = { .type = LIVE_REC_LOSS, .size = sizeof(rec), .ts_ns = now_ns },
		.loss = { .reason = reason,
			  .events = events,
			  .bytes = bytes,
			  .since_ns = l->last_check_ns }
	};

	return dfl_backlog_put(&l->backlog, &rec.head, DFL_BACKLOG_OTHER);
}

int dfl_live_loss_emit(struct dfl_live *l, const struct dfl_k_head *h)
{
	struct dfl_event ev = { .type = DFL_EV_LOSS,
				.ts_ns = h->ts_ns,
				.loss = ((const struct loss_record *)h)->loss };

	return dfl_live_emit(l, &ev);
}

/* Tells what the programs counted since the last check, each cause as a loss of its own. */
static int check_drops(struct dfl_live *l, uint64_t now_ns)
{
	struct dfl_k_count now, *was;
	int r = 0;

	for (uint32_t cause = 0; cause < DFL_K_N_DROP && !r; cause++) {
		if (cause == DFL_K_DROP_CAP || cause == DFL_K_DROP_FDS ||
		    read_drops(l, cause, &now))
			continue; /* gaps by themselves; no loss of data */
		was = &l->drops[cause];
		if (now.events == was->events && now.bytes == was->bytes)
			continue;
		r = tell_loss(l, drop_reasons[cause], now.events - was->events,
			      now.bytes - was->bytes, now_ns);
		if (cause == DFL_K_DROP_RING)
			l->accounted += now.events - was->events;
		*was = now;
	}
	return r;
}

/*
 * Runs that the kernel skipped, because a program of its kind was running on this CPU already
 * (bpf_prog_info.recursion_misses, Linux 5.12; 0 before).
 */
static uint64_t read_misses(const struct dfl_live *l)
{
	struct bpf_program *p;
	uint64_t sum = 0;

	bpf_object__for_each_program(p, l->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

/*
 * Numbers that are missing and that no counter explains. While the ring holds records, their
 *numbers would look missing, so this is exact only when it is empty.
 *
 *	holes = Σ (highest number − records received), over all classes and CPUs
 *	accounted = what was told of them already, as "the ring was full" or here
 */
static int check_holes(struct dfl_live *l, uint64_t now_ns)
{
	uint64_t holes = 0, n;

	for (int i = 0; i < DFL_K_N_SEQ * l->n_cpus; i++)
		if (l->seqs[i].last > l->seqs[i].received)
			holes += l->seqs[i].last - l->seqs[i].received;
	if (holes <= l->accounted)
		return 0;
	n = holes - l->accounted;
	l->accounted = holes;
	return tell_loss(l, DFL_LOSS_OTHER, n, 0, now_ns);
}

int dfl_live_loss_check(struct dfl_live *l, uint64_t now_ns, bool empty)
{
	uint64_t misses;
	int r = check_drops(l, now_ns);

	if (!r && empty)
		r = check_holes(l, now_ns);
	misses = read_misses(l);
	if (!r && misses != l->misses) {
		r = tell_loss(l, DFL_LOSS_OTHER, misses - l->misses, 0, now_ns);
		l->misses = misses;
	}
	l->last_check_ns = now_ns;
	return r;
}

/* Sums a statistics counter over all CPUs. The values are smaller than those of drops: the room is
 * enough. */
static uint64_t read_stat(struct dfl_live *l, uint32_t stat)
{
	uint64_t *per_cpu = (uint64_t *)l->per_cpu, sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.stats), &stat, per_cpu))
		return 0;
	for (int i = 0; i < l->n_cpus; i++)
		sum += per_cpu[i];
	return sum;
}

void dfl_live_loss_stats(struct dfl_live *l, struct dfl_live_stats *ret_stats)
{
	struct dfl_live_stats *s = ret_stats;
	struct dfl_k_count drops[DFL_K_N_DROP];

	for (uint32_t i = 0; i < DFL_K_N_DROP; i++)
		read_drops(l, i, &drops[i]);
	s->lost_events = drops[DFL_K_DROP_RING].events;
	s->lost_bytes = drops[DFL_K_DROP_RING].bytes;
	s->faults = drops[DFL_K_DROP_FAULT].bytes;
	s->no_fd = drops[DFL_K_DROP_NO_FD].events;
	s->table_full = drops[DFL_K_DROP_TABLE].events;
	s->swapped_fds = read_stat(l, DFL_K_STAT_SWAPPED);
	s->skipped_peeks = read_stat(l, DFL_K_STAT_PEEK);
	s->other_fds = read_stat(l, DFL_K_STAT_OTHER_FD);
	s->tls_calls = read_stat(l, DFL_K_STAT_TLS_CALLS);
	s->tls_retries = read_stat(l, DFL_K_STAT_TLS_RETRY);
}
