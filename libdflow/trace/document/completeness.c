// SPDX-License-Identifier: Apache-2.0
/* What a trace document says of its completeness. */
#include "trace/document/completeness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/alloc.h"

static const char *const loss_words[DFL_N_LOSS] = {
	[DFL_LOSS_RING_FULL] = "events lost: the ring buffer was full",
	[DFL_LOSS_FAULT] = "events lost: the buffer could not be read",
	[DFL_LOSS_NO_FD] = "events lost: the file descriptor was closed meanwhile",
	[DFL_LOSS_TABLE_FULL] = "events lost: a table in the kernel was full",
	[DFL_LOSS_TRUNCATED_FILE] = "the recording ends in the middle",
	[DFL_LOSS_OTHER] = "events lost",
};

/* Each reason is told once. */
static void reason(struct build *b, const char *text)
{
	dfl_part_add(b, &b->doc->completeness.reasons, &b->doc->completeness.n_reasons, text);
}

static const char *const unread_words[N_UNREAD] = {
	[UNREAD_TLS] = "tls",	      [UNREAD_ENCODING] = "encoding",
	[UNREAD_OPAQUE] = "opaque",   [UNREAD_NO_BUFFER] = "no-buffer",
	[UNREAD_SKIPPED] = "skipped",
};

static void add_unread(struct build *b, uint32_t connection, enum unread_why why, uint64_t bytes,
		       bool idle)
{
	struct dfl_doc *doc = b->doc;
	struct dfl_doc_unread *list;

	list = reallocarray(doc->completeness.unread, doc->completeness.n_unread + 1,
			    sizeof(*list));
	if (!list) {
		b->failed = true;
		return;
	}
	doc->completeness.unread = list;
	list[doc->completeness.n_unread++] = (struct dfl_doc_unread){
		.connection = connection,
		.why = dfl_part_string(b, unread_words[why]),
		.bytes = bytes,
		.idle = idle,
	};
}

/* Lost and unread bytes of one entry of the list of connections, with each reason. */
static void build_unread(struct build *b, size_t entry)
{
	const struct conn_bytes *n = &b->entries[entry].bytes;
	uint64_t idle = b->entries[entry].idle;

	b->doc->completeness.lost_bytes += n->gap;
	if (n->gap)
		reason(b, "bytes of a connection were not seen");
	if (idle)
		add_unread(b, (uint32_t)entry + 1, UNREAD_TLS, idle, true);
	for (int why = 0; why < N_UNREAD; why++) {
		uint64_t bytes = n->unread[why] - (why == UNREAD_TLS ? idle : 0);

		if (bytes)
			add_unread(b, (uint32_t)entry + 1, (enum unread_why)why, bytes, false);
	}
}

/* Are there bytes that could have held text, and were not read? */
static bool any_unread(const struct dfl_doc *doc)
{
	for (size_t i = 0; i < doc->completeness.n_unread; i++)
		if (!doc->completeness.unread[i].idle)
			return true;
	return false;
}

/* What stays open counts whenever it was opened; else it has to be used since the request began. */
static void add_blind(struct build *b, const struct proc *p)
{
	const struct blind_way *w;

	LL_FOREACH(p->blind, w)
	if (w->lasts || w->last_ns >= b->r->start_ns)
		dfl_part_add(b, &b->doc->completeness.blind, &b->doc->completeness.n_blind, w->way);
}

void dfl_completeness_build(struct build *b)
{
	struct dfl_doc *doc = b->doc;
	const struct request *r = b->r;
	char text[80];

	doc->completeness.lost_events = r->lost_events;
	doc->completeness.lost_bytes = r->lost_bytes;
	for (int i = 0; i < DFL_N_LOSS; i++)
		if (r->loss_reasons & 1u << i)
			reason(b, loss_words[i]);
	for (size_t i = 0; i < b->n_entries; i++)
		build_unread(b, i);
	if (r->text_gap)
		reason(b, "a part of the text was not seen");
	if (r->short_of_memory || (!r->settled && r->alloc_failures != dfl_alloc_failures()))
		reason(b, "memory was short");
	if (r->capped)
		reason(b, "a limit was reached");
	if (r->cut_derived) {
		snprintf(text, sizeof(text), "%u derived texts beyond a limit are not looked for",
			 r->cut_derived);
		reason(b, text);
	}
	if (!r->settled)
		reason(b, DFL_REASON_NOT_SETTLED);
	dfl_part_pids(b);
	for (size_t i = 0; i < b->n_pids; i++) {
		const struct proc *p = dfl_proc_find(b->t, b->pids[i]);

		if (p)
			add_blind(b, p);
	}
	if (b->more_pids)
		reason(b, "a limit was reached");
	doc->completeness.complete = r->settled && !doc->completeness.n_reasons &&
				     !any_unread(doc) && !doc->completeness.n_blind;
}
