// SPDX-License-Identifier: Apache-2.0
/* A request as the stage remembers it, and the ids that are bound to it. */
#include "trace/request.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void dfl_request_link(struct request *r, const char *trace_id, const char *why)
{
	struct dfl_doc_link *links, link;

	for (size_t i = 0; i < r->n_links; i++)
		if (!strcmp(r->links[i].trace_id, trace_id))
			return;
	links = reallocarray(r->links, r->n_links + 1, sizeof(*links));
	if (!links)
		return;
	r->links = links;
	link = (struct dfl_doc_link){ strdup(trace_id), strdup(why) };
	if (link.trace_id && link.why) {
		links[r->n_links++] = link;
		return;
	}
	free(link.trace_id);
	free(link.why);
}

/* key: room for bound_id.key; it is filled in also when nothing is bound to the id. */
static struct bound_id *find_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				char *key)
{
	struct bound_id *b;
	size_t len;

	/* the decoders gave ids in one spelling, so they are compared as they are; sink.c lets none
	 * in that is longer than 128 bytes */
	key[0] = (char)('A' + kind);
	len = strnlen(value, 140);
	memcpy(key + 1, value, len);
	key[1 + len] = '\0';
	HASH_FIND(hh, t->ids, key, 1 + len, b);
	return b;
}

/* NULL at the limit or without memory: then the request is capped. */
static struct bound_id *add_id(struct dfl_trace *t, struct request *r, const char *key)
{
	struct bound_id *b = r->n_bound < MAX_IDS_PER_REQUEST ? calloc(1, sizeof(*b)) : NULL;

	if (b) {
		strcpy(b->key, key);
		b->request = r;
		HASH_ADD_STR(t->ids, key, b);
	}
	if (b && DFL_HASHED(hh, b)) {
		LL_PREPEND(r->bound, b);
		r->n_bound++;
		return b;
	}
	dfl_request_cap(r);
	free(b);
	return NULL;
}

void dfl_request_bind(struct dfl_trace *t, struct request *r, enum dfl_id_kind kind,
		      const char *value)
{
	char key[sizeof(((struct bound_id *)0)->key)];
	struct bound_id *b = find_id(t, kind, value, key);

	if (b && b->request != r && kind == DFL_ID_UPLOAD_FILE) {
		/* it uses what another request uploaded */
		dfl_request_link(r, b->request->trace_id, "file");
		return;
	}
	if (b && b->request != r && kind == DFL_ID_CONVERSATION) {
		dfl_request_link(r, b->request->trace_id, "conversation");
		LL_DELETE(b->request->bound, b);
		LL_PREPEND(r->bound, b);
		b->request = r;
	}
	if (!b)
		b = add_id(t, r, key);
	if (!b)
		return;
	/* the first binding wins */
	if (kind < DFL_N_ID && !r->ids[kind] && b->request == r) {
		r->ids[kind] = strdup(value);
		dfl_request_news(r);
	}
}

struct request *dfl_request_by_id(struct dfl_trace *t, enum dfl_id_kind kind, const char *value,
				  uint64_t ts_ns)
{
	char key[sizeof(((struct bound_id *)0)->key)];
	struct bound_id *b = find_id(t, kind, value, key);

	return b && b->request->start_ns <= ts_ns ? b->request : NULL;
}

void dfl_requests_lost(struct dfl_trace *t, const struct dfl_ev_loss *loss)
{
	struct request *r;

	DL_FOREACH2(t->unsettled, r, state_next)
	{
		if (r->start_ns > t->now_ns)
			continue;
		r->lost_events += loss->events;
		r->lost_bytes += loss->bytes;
		r->loss_reasons |= 1u << loss->reason;
		dfl_request_news(r);
	}
}

void dfl_request_found_later(struct request *r, const struct request *in, uint32_t seq)
{
	struct later_hop *list;

	if (r->n_later == MAX_LATER_HOPS) {
		dfl_request_cap(r);
		return;
	}
	list = reallocarray(r->later, r->n_later + 1, sizeof(*list));
	if (!list)
		return;
	r->later = list;
	list[r->n_later] = (struct later_hop){ .start_ns = in->start_ns, .seq = seq };
	strcpy(list[r->n_later++].trace_id, in->trace_id);
	r->later_pending = true;
	if (in->settled)
		dfl_request_news(r);
}

void dfl_request_unbind(struct dfl_trace *t, struct request *r)
{
	struct bound_id *b, *next;

	LL_FOREACH_SAFE(r->bound, b, next)
	{
		HASH_DEL(t->ids, b);
		free(b);
	}
	r->bound = NULL;
}

void dfl_request_changed(struct request *r)
{
	if (r->settled && !r->dirty)
		DL_APPEND2(r->trace->stale, r, stale_prev, stale_next);
	r->dirty = true;
}

void dfl_request_news(struct request *r)
{
	if (!r->news_ns)
		r->news_ns = r->trace->now_ns;
	dfl_request_changed(r);
}

void dfl_request_unchanged(struct request *r)
{
	if (r->settled && r->dirty)
		DL_DELETE2(r->trace->stale, r, stale_prev, stale_next);
	r->dirty = r->later_pending = false;
	r->news_ns = 0;
}

void dfl_request_cap(struct request *r)
{
	r->capped = true;
	dfl_request_changed(r);
}

bool dfl_request_is_route_unknown(const char *operation)
{
	const char *space = strchr(operation, ' ');

	return space && !strcmp(space, " *");
}
