/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was taken from the ring and is not worked off yet. It is put in the order of time, bounded,
 * and worked off in slices, so that the ring is looked at in between. Ticks go by the time of the
 * records, so time goes on however long the backlog is.
 */
#pragma once

#include <stdbool.h>

#include "capture/live/reorder.h"

/* Of how much worth a record is. When the backlog grows, the least worth loses its bytes first. */
enum dfl_backlog_worth {
	DFL_BACKLOG_FILE_READ, /* surely of no request: what a process reads from a file */
	DFL_BACKLOG_OTHER,
	DFL_BACKLOG_INBOUND, /* what clients send: without it there is no trace at all */
	DFL_BACKLOG_N_WORTH
};

struct dfl_backlog {
	struct dfl_reorder window;
	uint64_t max_bytes;
	unsigned max_records; /* at most DFL_REORDER_MAX_RECORDS / 2 */
	/*
	 * The ring fills too, so it has to be drained. Without it the backlog takes half of what it
	 * may, and sheds nothing: the rest can wait in the ring.
	 */
	bool pressed;
	uint64_t tick_ns; /* least time between two ticks */
	/* CLOCK_MONOTONIC, as the records have it */
	uint64_t watermark_ns; /* nothing older comes any more */
	uint64_t last_tick_ns;
	uint64_t early; /* records that went before the watermark, for want of room */
	struct {
		uint64_t records, bytes;
	} shed[DFL_BACKLOG_N_WORTH]; /* that lost their bytes */
	bool more;		     /* the last slice ended with work left */
};

struct dfl_backlog_ops {
	/* Takes the record, borrowed. A negative result ends the slice. */
	int (*record)(void *ud, const struct dfl_k_head *rec);
	/* Nothing older than this comes any more. */
	int (*tick)(void *ud, uint64_t ts_ns);
	/* The time of the slice is up. Asked after each record. */
	bool (*is_over)(void *ud);
};

/* How many records it has room for now. Ask again after a few: their bytes count too. */
unsigned dfl_backlog_room(const struct dfl_backlog *b);
/*
 * Copies the record. When it is pressed and half full, it leaves out the bytes of FILE_READ; three
 * quarters full, those of all but INBOUND: such a record stands for bytes that were not copied, so
 * the streams tell a gap. 0 or -ENOMEM.
 */
int dfl_backlog_put(struct dfl_backlog *b, const struct dfl_k_head *rec,
		    enum dfl_backlog_worth worth);
/*
 * One slice: at most `max` records, in the order of time, with the ticks between them. Returns how
 * many, or what a callback returned.
 */
int dfl_backlog_work(struct dfl_backlog *b, unsigned max, const struct dfl_backlog_ops *ops,
		     void *ud);
/* Wipes and frees all it holds. */
void dfl_backlog_fini(struct dfl_backlog *b);
