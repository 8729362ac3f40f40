// SPDX-License-Identifier: Apache-2.0
/* A bounded queue between the ring and the work, that sheds by worth and keeps time going. */
#include "capture/live/backlog.h"

#include <string.h>

/* In quarters of what it may hold, by records or by bytes. */
static unsigned fill(const struct dfl_backlog *b)
{
	uint64_t records = 4 * (uint64_t)b->window.n / b->max_records,
		 bytes = 4 * (uint64_t)b->window.bytes / b->max_bytes;

	return (unsigned)(records > bytes ? records : bytes);
}

static bool is_full(const struct dfl_backlog *b)
{
	return fill(b) >= (b->pressed ? 4 : 2);
}

unsigned dfl_backlog_room(const struct dfl_backlog *b)
{
	return is_full(b) ? 0 : b->max_records - (unsigned)b->window.n;
}

static bool is_shed(const struct dfl_backlog *b, enum dfl_backlog_worth worth)
{
	if (!b->pressed)
		return false;
	switch (worth) {
	case DFL_BACKLOG_FILE_READ:
		return fill(b) >= 2;
	case DFL_BACKLOG_OTHER:
		return fill(b) >= 3;
	default:
		return false;
	}
}

int dfl_backlog_put(struct dfl_backlog *b, const struct dfl_k_head *rec,
		    enum dfl_backlog_worth worth)
{
	struct dfl_k_data bare;

	if (rec->type != DFL_K_DATA || !is_shed(b, worth))
		return dfl_reorder_put(&b->window, rec);
	memcpy(&bare, rec, sizeof(bare));
	b->shed[worth].records++;
	b->shed[worth].bytes += bare.copied;
	bare.copied = 0;
	bare.head.size = sizeof(bare);
	return dfl_reorder_put(&b->window, &bare.head);
}

/* Before the watermark a record goes only when there is no room to wait. */
static bool may_go(const struct dfl_backlog *b, const struct dfl_k_head *rec)
{
	return rec->ts_ns <= b->watermark_ns || is_full(b);
}

static int tick(struct dfl_backlog *b, uint64_t ts_ns, const struct dfl_backlog_ops *ops, void *ud)
{
	int r;

	if (ts_ns < b->last_tick_ns + b->tick_ns)
		return 0;
	r = ops->tick(ud, ts_ns);
	if (!r)
		b->last_tick_ns = ts_ns;
	return r;
}

static int work_one(struct dfl_backlog *b, const struct dfl_backlog_ops *ops, void *ud)
{
	struct dfl_k_head *rec = dfl_reorder_pop(&b->window);
	int r = 0;

	if (rec->ts_ns > b->watermark_ns)
		b->early++;
	else /* it is the oldest one, so nothing older than it comes any more */
		r = tick(b, rec->ts_ns, ops, ud);
	if (!r)
		r = ops->record(ud, rec);
	dfl_reorder_release(rec);
	return r;
}

int dfl_backlog_work(struct dfl_backlog *b, unsigned max, const struct dfl_backlog_ops *ops,
		     void *ud)
{
	const struct dfl_k_head *next;
	unsigned n = 0;
	int r = 0;

	b->more = false;
	while ((next = dfl_reorder_peek(&b->window)) && may_go(b, next)) {
		if (n == max || (n && ops->is_over(ud))) {
			b->more = true;
			return (int)n;
		}
		r = work_one(b, ops, ud);
		if (r)
			return r;
		n++;
	}
	r = tick(b, b->watermark_ns, ops, ud);
	return r ? r : (int)n;
}

void dfl_backlog_fini(struct dfl_backlog *b)
{
	dfl_reorder_fini(&b->window);
}
