// SPDX-License-Identifier: Apache-2.0
/* Tells the user of the stage what changed. Nothing is built before it is asked for, so that a hop
 * costs only what is taken of it. */
#include "trace/document/notify.h"

#include "trace/document/document.h"

struct dfl_change {
	struct dfl_trace *t;
	struct request *r;
	const struct hop *hop;	    /* NULL: not of a hop */
	struct dfl_doc *head, *doc; /* NULL: not asked for yet */
};

const struct dfl_doc *dfl_change_head(struct dfl_change *c)
{
	if (!c->head && dfl_document_build_head(c->t, c->r, c->hop, &c->head))
		return NULL;
	return c->head;
}

const struct dfl_doc *dfl_change_doc(struct dfl_change *c)
{
	if (!c->doc && dfl_document_build(c->t, c->r, &c->doc))
		return NULL;
	return c->doc;
}

size_t dfl_change_hop_count(const struct dfl_change *c)
{
	return HASH_COUNT(c->r->hops);
}

size_t dfl_change_hop_index(const struct dfl_change *c)
{
	return c->hop ? dfl_document_hop_index(c->r, c->hop) : SIZE_MAX;
}

void dfl_notify(struct dfl_trace *t, struct request *r, enum dfl_doc_change what,
		const struct hop *hop)
{
	struct dfl_change c = { .t = t, .r = r, .hop = hop };

	if (what == DFL_DOC_HOP_CHANGED)
		dfl_request_changed(r);
	else
		dfl_request_news(r);
	if (hop && hop->first_ns > r->newest_ns)
		r->newest_ns = hop->first_ns;
	if (!t->opts.on_change)
		return;
	t->opts.on_change(t->opts.ud, what, &c);
	dfl_doc_free(c.head);
	dfl_doc_free(c.doc);
}
