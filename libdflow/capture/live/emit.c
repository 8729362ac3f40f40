// SPDX-License-Identifier: Apache-2.0
/* The one way in which events leave the live source. */
#include "capture/live/emit.h"

int dfl_live_emit(struct dfl_live *l, struct dfl_event *ev)
{
	if (ev->ts_ns < l->backlog.last_tick_ns) {
		ev->ts_ns = l->backlog.last_tick_ns;
		l->stats.late++;
	}
	return l->fn(l->ud, ev);
}
