// SPDX-License-Identifier: Apache-2.0
/* Builds the trace document of a request from what the stage remembers. */
#include "trace/document/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/document/completeness.h"
#include "trace/document/connections.h"
#include "trace/document/places.h"

static int by_time(const void *a, const void *b)
{
	return dfl_hop_order(*(const struct hop *const *)a, *(const struct hop *const *)b);
}

static void sort_hops(struct build *b)
{
	struct hop *h, *next;

	b->hops = dfl_part_array(b, HASH_COUNT(b->r->hops), sizeof(*b->hops));
	if (!b->hops)
		return;
	HASH_ITER(hh, b->r->hops, h, next)
	b->hops[b->n_hops++] = h;
	qsort(b->hops, b->n_hops, sizeof(*b->hops), by_time);
}

/* 1: the bytes were TLS on the wire; 0: they were not; -1: it was a file, where that means nothing.
 */
static int is_encrypted(const struct hop *h)
{
	if (h->layer == DFL_TLS)
		return 1;
	return h->tc->medium == DFL_FILE ? -1 : 0;
}

/* Canonical bytes of the text. The request's own text may have grown since the hop changed last. */
static uint64_t size_of_field(const struct hop *h)
{
	return h->source ? dfl_match_source_canon_bytes(h->source->match) : h->text_canon;
}

/*
 * The canonical form drops some bytes at the end of a text (a full stop). They belong to a copy
 * that has all that is before them.
 */
static bool reaches_end(const struct hop *h)
{
	return h->source && h->canon.n && h->canon.at[h->canon.n - 1].to == size_of_field(h);
}

static void build_ranges(struct build *b, const struct hop *h, struct dfl_doc_hop *d)
{
	d->bytes = DFL_DOC_UNKNOWN;
	d->ranges = dfl_part_array(b, h->raw.n, sizeof(*d->ranges));
	if (!d->ranges)
		return;
	d->n_ranges = h->raw.n;
	for (size_t i = 0; i < h->raw.n; i++)
		d->ranges[i] = (struct dfl_doc_range){ h->raw.at[i].from, h->raw.at[i].to };
	if (h->raw.n && reaches_end(h))
		d->ranges[h->raw.n - 1].to = dfl_match_source_raw_bytes(h->source->match);
	d->bytes = 0;
	for (size_t i = 0; i < h->raw.n; i++)
		d->bytes += d->ranges[i].to - d->ranges[i].from;
}

static void build_coverage(struct build *b, const struct hop *h, struct dfl_doc_hop *d)
{
	uint64_t seen = dfl_ranges_sum(&h->canon), all = size_of_field(h);

	d->occurrences = dfl_hop_occurrences(h);
	d->coverage = all ? (double)seen / all : 1.0;
	if (d->coverage > 1.0)
		d->coverage = 1.0;
	if (h->n_prints)
		d->coverage = (double)h->distinct / h->n_prints;
	d->coverage_basis = dfl_part_string(b, h->n_prints ? "sampled" : "exact");
}

static void build_network(struct build *b, const struct hop *h, struct dfl_doc_hop *d)
{
	/* region and name are those of the end that is elsewhere; if both are here, of the server
	 */
	enum dfl_end far = h->tc->end[DFL_SERVER].pid && !h->tc->end[DFL_CLIENT].pid ? DFL_CLIENT :
										       DFL_SERVER;
	const struct dfl_addr *addr = &h->tc->end[far].addr;
	const char *evidence, *name = dfl_tconn_name(b->t, h->tc, far, &evidence);

	d->in_vpc = -1;
	if (h->tc->medium != DFL_TCP && h->tc->medium != DFL_UDP)
		return;
	if (addr->family)
		d->in_vpc = dfl_rules_in_vpc(b->t->opts.rules, addr);
	d->region = dfl_part_string(
		b, dfl_rules_region(b->t->opts.rules, addr->family ? addr : NULL, name));
	if (d->encrypted != 1 || !h->tc->tls)
		return;
	d->tls_version = dfl_part_string(b, h->tc->tls->version);
	d->tls_cipher = dfl_part_string(b, h->tc->tls->cipher);
	d->tls_sni = dfl_part_string(b, h->tc->tls->sni);
}

static void build_candidates(struct build *b, const struct hop *h, struct dfl_doc_hop *d)
{
	d->ambiguous = h->n_candidates > 1;
	for (size_t i = 0; d->ambiguous && i < h->n_candidates; i++)
		dfl_part_add(b, &d->candidates, &d->n_candidates, h->candidates[i]);
}

/* What the store said of the text. Where nothing stays, there is nothing to say. */
static void build_kept(struct build *b, const struct hop *h, struct dfl_doc_hop *d)
{
	uint64_t since_ns;
	enum dfl_kept kept = dfl_hop_kept(b->t, h, &since_ns);

	d->kept_ns = -1;
	if (!h->deposits || d->residency == DFL_TRANSIT)
		return;
	d->kept = dfl_part_string(b, dfl_kept_name(kept));
	d->kept_ns = (int64_t)(since_ns - b->r->start_ns);
}

static void build_hop(struct build *b, const struct hop *h, uint32_t connection,
		      struct dfl_doc_hop *d)
{
	enum dfl_end from = h->key.dir == DFL_REQUEST ? DFL_CLIENT : DFL_SERVER;
	struct end_question q_from = dfl_part_question(h, from), q_to = dfl_part_question(h, !from);

	d->seq = h->seq;
	d->connection = connection;
	dfl_part_endpoint(b, &q_from, &d->from);
	dfl_part_endpoint(b, &q_to, &d->to);
	d->observed_by_from = h->tc->end[from].chan && !h->tc->tap;
	d->observed_by_to = h->tc->end[!from].chan && !h->tc->tap;
	d->medium = h->tc->medium;
	d->protocol = dfl_part_string(b, h->protocol);
	d->operation = dfl_part_string(b, h->key.operation);
	d->place = dfl_part_string(b, h->key.place);
	d->direction = h->key.dir;
	d->residency = dfl_station_residency(d->to.station, h->residency);
	d->ttl_s = h->ttl_s;
	d->encrypted = is_encrypted(h);
	build_network(b, h, d);
	d->field = dfl_part_string(b, h->field);
	build_ranges(b, h, d);
	build_coverage(b, h, d);
	d->wire_bytes = dfl_ranges_sum(&h->wire);
	d->encodings = h->encodings;
	d->evidence_content = true;
	d->evidence_id = h->by_id;
	d->common = h->common_sources > 0;
	d->common_sources = h->common_sources;
	build_candidates(b, h, d);
	d->replayed_from = dfl_part_string(b, h->key.history_of);
	d->first_ns = (int64_t)(h->first_ns - b->r->start_ns);
	d->last_ns = (int64_t)(h->last_ns - b->r->start_ns);
	build_kept(b, h, d);
}

static void build_field(struct build *b, const struct dfl_src *s, struct dfl_doc_field *f)
{
	f->field = dfl_part_string(b, s->field);
	f->derived = s->derived_from;
	f->derived_from = dfl_part_string(b, s->derived_from);
	f->bytes = s->cut ? DFL_DOC_UNKNOWN : dfl_match_source_raw_bytes(s->match);
	f->canonical_bytes = dfl_match_source_canon_bytes(s->match);
	f->matchable = dfl_part_string(b, !f->canonical_bytes		? "none" :
					  s->binary			? "binary" :
					  f->canonical_bytes < RUN_FULL ? "whole-leaf" :
									  "content");
}

static bool have_foreign_field(const struct dfl_doc *doc, const struct hop *h)
{
	for (size_t i = 0; i < doc->n_fields; i++)
		if (doc->fields[i].from_trace &&
		    !strcmp(doc->fields[i].from_trace, h->key.history_of) &&
		    !strcmp(doc->fields[i].field, h->field))
			return true;
	return false;
}

static void build_fields(struct build *b)
{
	struct dfl_doc *doc = b->doc;
	const struct dfl_src *s;

	doc->fields = dfl_part_array(b, b->r->n_sources + b->n_hops, sizeof(*doc->fields));
	if (!doc->fields)
		return;
	for (s = b->r->sources; s; s = s->next)
		build_field(b, s, &doc->fields[doc->n_fields++]);
	for (size_t i = 0; i < b->n_hops && !b->failed; i++) {
		struct dfl_doc_field *f = &doc->fields[doc->n_fields];

		if (!b->hops[i]->key.history_of[0] || have_foreign_field(doc, b->hops[i]))
			continue;
		f->field = dfl_part_string(b, b->hops[i]->field);
		f->bytes = DFL_DOC_UNKNOWN;
		f->canonical_bytes = b->hops[i]->text_canon;
		f->matchable = dfl_part_string(b, "content");
		f->from_trace = dfl_part_string(b, b->hops[i]->key.history_of);
		doc->n_fields++;
	}
}

static void build_source(struct build *b)
{
	const struct dfl_settings *settings = b->t->settings;
	struct dfl_doc *doc = b->doc;
	const struct request *r = b->r;
	char text[DFL_ADDR_STRLEN];

	memcpy(doc->trace_id, r->trace_id, sizeof(doc->trace_id));
	doc->settled = r->settled;
	doc->started_ns = (int64_t)r->start_ns + b->t->realtime_offset_ns;
	doc->ended_ns = r->response_ended ? (int64_t)r->ended_ns + b->t->realtime_offset_ns : -1;
	doc->operation = dfl_part_string(b, r->operation);
	if (r->operation)
		doc->route = dfl_part_string(
			b, dfl_request_is_route_unknown(r->operation) ? "unknown" : "known");
	doc->weak_matches = r->weak_matches;
	for (int i = 0; i < DFL_N_ID; i++)
		doc->ids[i] = dfl_part_string(b, r->ids[i]);
	if (r->have_client && settings->keep_client_address)
		doc->client_address = dfl_part_string(b, dfl_addr_ip_str(&r->client, text));
	if (r->via_alb)
		dfl_part_add(b, &doc->client_via, &doc->n_client_via, "alb");
}

static void build_node(struct build *b)
{
	b->doc->nodes = dfl_part_array(b, 1, sizeof(*b->doc->nodes));
	if (!b->doc->nodes)
		return;
	b->doc->n_nodes = 1;
	b->doc->nodes[0] = (struct dfl_doc_node){
		.id = dfl_part_string(b, b->t->node_id),
		.hostname = dfl_part_string(b, b->t->hostname),
		.boot_id = dfl_part_string(b, b->t->boot_id),
	};
}

static int by_start(const void *one, const void *other)
{
	const struct later_hop *a = one, *b = other;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return strcmp(a->trace_id, b->trace_id) ?: (a->seq > b->seq) - (a->seq < b->seq);
}

static void build_later(struct build *b)
{
	struct dfl_doc *doc = b->doc;
	struct request *r = b->r;

	doc->replayed_in = dfl_part_array(b, r->n_later, sizeof(*doc->replayed_in));
	if (!doc->replayed_in)
		return;
	qsort(r->later, r->n_later, sizeof(*r->later), by_start);
	for (size_t i = 0; i < r->n_later; i++)
		doc->replayed_in[doc->n_replayed_in++] = (struct dfl_doc_replay){
			dfl_part_string(b, r->later[i].trace_id), r->later[i].seq
		};
}

static void build_lists(struct build *b)
{
	struct dfl_doc *doc = b->doc;
	const struct request *r = b->r;

	doc->hops = dfl_part_array(b, b->n_hops, sizeof(*doc->hops));
	doc->links = dfl_part_array(b, r->n_links, sizeof(*doc->links));
	if (b->failed)
		return;
	for (size_t i = 0; i < b->n_hops; i++)
		build_hop(b, b->hops[i], dfl_part_conn_number(b, b->hops[i]->tc),
			  &doc->hops[doc->n_hops++]);
	dfl_connections_build(b);
	build_later(b);
	for (size_t i = 0; i < r->n_links; i++)
		doc->links[doc->n_links++] = (struct dfl_doc_link){
			dfl_part_string(b, r->links[i].trace_id),
			dfl_part_string(b, r->links[i].why)
		};
}

static int done(struct build *b, struct dfl_doc **ret_doc)
{
	free(b->hops);
	free(b->conns);
	free(b->entries);
	if (b->failed) {
		dfl_doc_free(b->doc);
		return -ENOMEM;
	}
	*ret_doc = b->doc;
	return 0;
}

int dfl_document_build(struct dfl_trace *t, struct request *r, struct dfl_doc **ret_doc)
{
	struct build b = { .t = t, .r = r, .doc = calloc(1, sizeof(*b.doc)) };

	if (!b.doc)
		return -ENOMEM;
	sort_hops(&b);
	dfl_connections_find(&b);
	build_source(&b);
	build_node(&b);
	build_lists(&b);
	build_fields(&b);
	dfl_completeness_build(&b);
	dfl_places_build(&b);
	return done(&b, ret_doc);
}

int dfl_document_build_head(struct dfl_trace *t, struct request *r, const struct hop *only,
			    struct dfl_doc **ret_doc)
{
	struct build b = { .t = t, .r = r, .doc = calloc(1, sizeof(*b.doc)) };

	if (!b.doc)
		return -ENOMEM;
	build_source(&b);
	b.doc->hops = dfl_part_array(&b, only ? 1 : 0, sizeof(*b.doc->hops));
	if (b.doc->hops)
		build_hop(&b, only, dfl_connections_number(r, only->tc),
			  &b.doc->hops[b.doc->n_hops++]);
	return done(&b, ret_doc);
}

size_t dfl_document_hop_index(const struct request *r, const struct hop *h)
{
	const struct hop *other;
	size_t n = 0;

	/* nearly always: found last, and begun last */
	if (!h->hh.next && h->first_ns == r->newest_ns)
		return HASH_COUNT(r->hops) - 1;
	for (other = r->hops; other; other = other->hh.next)
		n += dfl_hop_order(other, h) < 0;
	return n;
}
