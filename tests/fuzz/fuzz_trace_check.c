// SPDX-License-Identifier: Apache-2.0
/* What the trace stage hands out is checked. */
#include "fuzz_trace.h"

#define MAX_HOPS 2048

static bool is_known(const struct run *f, const char *trace_id)
{
	for (size_t i = 0; i < f->n_ids; i++)
		if (!strcmp(f->ids[i], trace_id))
			return true;
	return false;
}

void learn_id(struct run *f, const char *trace_id)
{
	need(strlen(trace_id) == DFL_TRACE_ID_LEN);
	if (is_known(f, trace_id))
		return;
	need(f->n_ids < MAX_IDS);
	strcpy(f->ids[f->n_ids++], trace_id);
}

/* The largest, when several have that name: UNKNOWN bytes are the most. */
static const struct dfl_doc_field *find_field(const struct dfl_doc *doc,
					      const struct dfl_doc_hop *h)
{
	const char *from = h->replayed_from ?: "";
	const struct dfl_doc_field *at = NULL;

	for (size_t i = 0; i < doc->n_fields && h->field; i++)
		if (!strcmp(doc->fields[i].field, h->field) &&
		    !strcmp(doc->fields[i].from_trace ?: "", from) &&
		    (!at || doc->fields[i].bytes > at->bytes))
			at = &doc->fields[i];
	return at;
}

static void check_candidates(const struct run *f, const struct dfl_doc *doc,
			     const struct dfl_doc_hop *h)
{
	const char *of = h->replayed_from ?: doc->trace_id;
	bool any = false;

	need(h->ambiguous == (h->n_candidates > 0)); /* the others may have been let go meanwhile */
	for (size_t i = 0; i < h->n_candidates; i++) {
		need(is_known(f, h->candidates[i]));
		any |= !strcmp(h->candidates[i], of);
		for (size_t j = 0; j < i; j++)
			need(strcmp(h->candidates[i], h->candidates[j]));
	}
	need(any || !h->ambiguous);
}

static void check_hop(const struct run *f, const struct dfl_doc *doc, const struct dfl_doc_hop *h)
{
	const struct dfl_doc_field *field = find_field(doc, h);

	need(field && h->seq && h->connection && h->connection <= doc->n_connections);
	need(h->coverage >= 0 && h->coverage <= 1 && h->occurrences);
	need(h->first_ns <= h->last_ns);
	need(!h->replayed_from ||
	     (is_known(f, h->replayed_from) && strcmp(h->replayed_from, doc->trace_id)));
	for (size_t i = 0; i < h->n_ranges; i++) {
		need(h->ranges[i].from < h->ranges[i].to &&
		     (!i || h->ranges[i - 1].to < h->ranges[i].from));
		need(h->ranges[i].to <= field->bytes);
	}
	check_candidates(f, doc, h);
}

static void check_doc(const struct run *f, const struct dfl_doc *doc)
{
	static uint32_t seen[MAX_HOPS];

	need(is_known(f, doc->trace_id) && doc->n_hops <= MAX_HOPS);
	for (size_t i = 0; i < doc->n_hops; i++) {
		seen[i] = doc->hops[i].seq;
		for (size_t j = 0; j < i; j++)
			need(seen[j] != seen[i]);
		check_hop(f, doc, &doc->hops[i]);
	}
	for (size_t i = 0; i < doc->n_links; i++)
		need(is_known(f, doc->links[i].trace_id) &&
		     strcmp(doc->links[i].trace_id, doc->trace_id));
	for (size_t i = 0; i < doc->n_replayed_in; i++)
		need(is_known(f, doc->replayed_in[i].trace_id));
	need(doc->weak_matches < 1000000);
}

/* The hop that is told alone is the one of the whole document. */
static void check_told(const struct dfl_doc *head, const struct dfl_doc *doc, size_t index)
{
	struct dfl_doc only = *head;
	char *a, *b;

	need(head->n_hops == 1 && index < doc->n_hops);
	only.hops = &doc->hops[index];
	need(!dfl_doc_to_json(head, &a) && !dfl_doc_to_json(&only, &b) && !strcmp(a, b));
	free(a);
	free(b);
}

void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	const struct dfl_doc *head = dfl_change_head(change), *doc = dfl_change_doc(change);
	struct run *f = ud;

	need(head && doc);
	if (what == DFL_DOC_OPENED)
		learn_id(f, doc->trace_id);
	check_doc(f, doc);
	if (what == DFL_DOC_HOP_NEW || what == DFL_DOC_HOP_CHANGED)
		check_told(head, doc, dfl_change_hop_index(change));
	need(what != DFL_DOC_SETTLED || doc->settled);
}

void on_store(void *ud, const struct dfl_doc *doc)
{
	struct dfl_doc *copy;
	char *json, *again;

	check_doc(ud, doc);
	need(!dfl_doc_to_json(doc, &json) && !dfl_doc_from_json(json, strlen(json), &copy));
	need(!dfl_doc_to_json(copy, &again) && !strcmp(json, again));
	dfl_doc_free(copy);
	free(json);
	free(again);
}

void on_prints(void *ud, const struct dfl_past_text *of)
{
	need(is_known(ud, of->trace_id) && of->field && of->n_prints &&
	     dfl_fingerprint_valid(of->prints, of->n_prints));
}

void on_history(void *ud, const char *trace_id, const char *in_trace_id, const uint32_t *seqs,
		size_t n)
{
	need(is_known(ud, trace_id) && is_known(ud, in_trace_id) && n);
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			need(seqs[i] != seqs[j]);
}
