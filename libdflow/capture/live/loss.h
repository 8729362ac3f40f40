/* SPDX-License-Identifier: Apache-2.0 */
/* What was lost between the kernel and here. */
#pragma once

#include "capture/live/live_priv.h"

/*
 * Puts what was lost since the last check into the backlog, as records of type LIVE_REC_LOSS: the
 * kernel's drop counters, missing record numbers, runs that the kernel skipped. empty: the ring is
 * empty, and only then a missing number is sure to be lost. Returns 0 or -ENOMEM.
 */
int dfl_live_loss_check(struct dfl_live *l, uint64_t now_ns, bool empty);
/* Tells a loss when its record leaves the backlog. */
int dfl_live_loss_emit(struct dfl_live *l, const struct dfl_k_head *h);
/* Fills the part of the statistics that the kernel counts. */
void dfl_live_loss_stats(struct dfl_live *l, struct dfl_live_stats *ret_stats);
