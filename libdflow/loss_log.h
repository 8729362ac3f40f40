/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of losses: joins losses that follow each other to one, keeps it in the store, and says
 * when it begins and when it is over.
 */
#pragma once

#include "base/log.h"
#include "capture/event.h"
#include "store/outbox.h"

struct dfl_loss_log {
	struct dfl_outbox *store; /* borrowed; NULL: none */
	struct dfl_log log;
	int64_t realtime_offset_ns; /* of the source; add to its times to get UTC */
	/* the loss that goes on; by the events' clock */
	bool open;
	bool changed; /* since it was stored */
	uint64_t from_ns, to_ns, events, bytes;
	unsigned reasons; /* bits: enum dfl_loss_reason */
};

/* Takes NODE and LOSS events, and ticks; ignores others. */
void dfl_loss_log_event(struct dfl_loss_log *l, const struct dfl_event *ev);
/* Puts what changed into the store, before a commit. The store's errors. */
int dfl_loss_log_store(struct dfl_loss_log *l, struct dfl_err *err);
