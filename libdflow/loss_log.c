// SPDX-License-Identifier: Apache-2.0
/* Losses over time: one row in the store and two log lines for each. */
#include "loss_log.h"

#include <stdio.h>

/* A loss is over when none followed for so long. */
#define OVER_NS 5000000000ull
#define MAX_WHY 256

static const char *const reasons[DFL_N_LOSS] = {
	[DFL_LOSS_RING_FULL] = "the ring was full",
	[DFL_LOSS_FAULT] = "memory of a process could not be read",
	[DFL_LOSS_NO_FD] = "a file was closed before it was looked at",
	[DFL_LOSS_TABLE_FULL] = "a table was full",
	[DFL_LOSS_TRUNCATED_FILE] = "the recording ends in the middle",
	[DFL_LOSS_OTHER] = "other",
};

static void why(const struct dfl_loss_log *l, char text[static MAX_WHY])
{
	size_t n = 0;

	text[0] = 0;
	for (int i = 0; i < DFL_N_LOSS && n < MAX_WHY; i++)
		if (l->reasons & 1u << i)
			n += (size_t)snprintf(text + n, MAX_WHY - n, "%s%s", n ? ", " : "",
					      reasons[i]);
}

static void begin(struct dfl_loss_log *l, const struct dfl_event *ev)
{
	l->open = true;
	l->from_ns = ev->loss.since_ns && ev->loss.since_ns < ev->ts_ns ? ev->loss.since_ns :
									  ev->ts_ns;
	l->events = l->bytes = 0;
	l->reasons = 0;
}

static void add(struct dfl_loss_log *l, const struct dfl_event *ev)
{
	char text[MAX_WHY];
	bool is_first = !l->open;

	if (is_first)
		begin(l, ev);
	l->changed = true;
	l->to_ns = ev->ts_ns;
	l->events += ev->loss.events;
	l->bytes += ev->loss.bytes;
	l->reasons |= 1u << ev->loss.reason;
	if (!is_first)
		return;
	why(l, text);
	dfl_log_write(&l->log, DFL_LOG_WARN, "events are being lost: %s", text);
}

static void end(struct dfl_loss_log *l)
{
	char text[MAX_WHY];

	l->open = false;
	why(l, text);
	dfl_log_write(&l->log, DFL_LOG_INFO,
		      "no more events are lost; in %.1f s %llu events and %llu bytes were: %s",
		      (double)(l->to_ns - l->from_ns) / 1e9, (unsigned long long)l->events,
		      (unsigned long long)l->bytes, text);
}

void dfl_loss_log_event(struct dfl_loss_log *l, const struct dfl_event *ev)
{
	if (ev->type == DFL_EV_NODE)
		l->realtime_offset_ns = ev->node.realtime_offset_ns;
	else if (ev->type == DFL_EV_LOSS)
		add(l, ev);
	else if (ev->type == DFL_EV_TICK && l->open && ev->ts_ns >= l->to_ns + OVER_NS)
		end(l);
}

int dfl_loss_log_store(struct dfl_loss_log *l, struct dfl_err *err)
{
	char text[MAX_WHY];
	int r;

	if (!l->changed || !l->store)
		return 0;
	why(l, text);
	r = dfl_outbox_put_loss(
		l->store,
		&(struct dfl_store_loss){ .from_ns = (int64_t)l->from_ns + l->realtime_offset_ns,
					  .to_ns = (int64_t)l->to_ns + l->realtime_offset_ns,
					  .events = l->events,
					  .bytes = l->bytes,
					  .why = text },
		err);
	l->changed = false;
	return r;
}
