// SPDX-License-Identifier: Apache-2.0
/* dflow.h: what a trace tells. */
#include "api_trace.h"

#include <errno.h>
#include <stdint.h>

const char *dflow_trace_id(const struct dflow_trace *trace)
{
	return trace->head->trace_id;
}

const char *dflow_trace_other_id(const struct dflow_trace *trace, const char *kind)
{
	int i = dfl_id_parse(kind);

	return i < 0 ? NULL : trace->head->ids[i];
}

const char *dflow_trace_operation(const struct dflow_trace *trace)
{
	return trace->head->operation;
}

int64_t dflow_trace_started_ns(const struct dflow_trace *trace)
{
	return trace->head->started_ns;
}

int64_t dflow_trace_ended_ns(const struct dflow_trace *trace)
{
	return trace->head->ended_ns;
}

bool dflow_trace_settled(const struct dflow_trace *trace)
{
	return trace->head->settled;
}

struct dflow_trace dfl_api_trace(const struct dfl_doc *doc)
{
	return (struct dflow_trace){ .head = doc,
				     .n_hops = doc->n_hops,
				     .hop_index = SIZE_MAX,
				     .complete = doc->completeness.complete };
}

/* The document with its lists, or why there is none. */
static int load(const struct dflow_trace *trace, const struct dfl_doc **ret_doc)
{
	if (trace->load)
		return trace->load(trace->of, ret_doc);
	*ret_doc = trace->head;
	return 0;
}

/* What lists tell: no need for the whole document where the head has it. */
static int load_row(const struct dflow_trace *trace, const struct dfl_doc **ret_doc)
{
	if (!trace->is_row)
		return load(trace, ret_doc);
	*ret_doc = trace->head;
	return 0;
}

/* Both for those who cannot tell an error. NULL: there is none. */
static const struct dfl_doc *whole(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc;

	return load(trace, &doc) ? NULL : doc;
}

static const struct dfl_doc *row_of(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc;

	return load_row(trace, &doc) ? NULL : doc;
}

const char *dflow_trace_client_address(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc = row_of(trace);

	return doc ? doc->client_address : NULL;
}

/* ---- completeness ---- */

bool dflow_trace_complete(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc;

	if (trace->complete >= 0 || !trace->head->settled)
		return trace->complete > 0;
	doc = row_of(trace);
	return doc && doc->completeness.complete;
}

int dflow_trace_completeness(const struct dflow_trace *trace,
			     struct dflow_completeness *ret_completeness)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_completeness, n_blind);
	struct dflow_completeness full = { 0 };
	const struct dfl_doc *doc;
	int r = dfl_api_check(shape, ret_completeness, NULL);

	if (!r)
		r = load_row(trace, &doc);
	if (r)
		return r;
	full.complete = doc->completeness.complete;
	full.lost_events = doc->completeness.lost_events;
	full.lost_bytes = doc->completeness.lost_bytes;
	full.n_reasons = doc->completeness.n_reasons;
	full.n_blind = doc->completeness.n_blind;
	for (size_t i = 0; i < doc->completeness.n_unread; i++)
		full.unread_bytes += doc->completeness.unread[i].bytes;
	dfl_api_out(shape, &full, ret_completeness);
	return 0;
}

static const char *string_at(char *const *strings, size_t n, size_t i)
{
	return i < n ? strings[i] : NULL;
}

const char *dflow_trace_reason(const struct dflow_trace *trace, size_t i)
{
	const struct dfl_doc *doc = row_of(trace);

	return doc ? string_at(doc->completeness.reasons, doc->completeness.n_reasons, i) : NULL;
}

const char *dflow_trace_blind(const struct dflow_trace *trace, size_t i)
{
	const struct dfl_doc *doc = row_of(trace);

	return doc ? string_at(doc->completeness.blind, doc->completeness.n_blind, i) : NULL;
}

/* ---- hops ---- */

size_t dflow_trace_hop_count(const struct dflow_trace *trace)
{
	return trace->n_hops;
}

/* 0, -EINVAL: there is no such hop, or why the document cannot be had. */
static int hop_at(const struct dflow_trace *trace, size_t i, const struct dfl_doc_hop **ret_hop)
{
	const struct dfl_doc *doc;
	int r;

	if (i >= trace->n_hops)
		return -EINVAL;
	if (i == trace->hop_index) {
		*ret_hop = &trace->head->hops[0];
		return 0;
	}
	r = load(trace, &doc);
	if (r)
		return r;
	if (i >= doc->n_hops) /* the store has it otherwise by now */
		return -EINVAL;
	*ret_hop = &doc->hops[i];
	return 0;
}

/* The two ends have the same members, with from_ or to_ before them. */
#define FILL_END(hop, side, e)                                                                     \
	do {                                                                                       \
		(hop)->side##_station = dfl_station_name((e)->station);                            \
		(hop)->side##_rule = (e)->rule;                                                    \
		(hop)->side##_name = (e)->name;                                                    \
		(hop)->side##_name_evidence = (e)->name_evidence;                                  \
		(hop)->side##_address = (e)->address;                                              \
		(hop)->side##_node = (e)->node;                                                    \
		(hop)->side##_comm = (e)->comm;                                                    \
		(hop)->side##_container = (e)->container.id;                                       \
		(hop)->side##_container_name = (e)->container.name;                                \
		(hop)->side##_image = (e)->container.image;                                        \
		(hop)->side##_pod = (e)->container.pod;                                            \
		(hop)->side##_namespace = (e)->container.namespace_;                               \
		(hop)->side##_task = (e)->container.task;                                          \
		(hop)->side##_pid = (e)->pid;                                                      \
	} while (0)

static void fill_way(const struct dfl_doc_hop *h, struct dflow_hop *hop)
{
	hop->seq = h->seq;
	hop->connection = h->connection;
	hop->medium = dfl_medium_name(h->medium);
	hop->protocol = h->protocol;
	hop->operation = h->operation;
	hop->place = h->place;
	hop->direction = h->direction == DFL_REQUEST ? "request" : "response";
	hop->residency = dfl_residency_name(h->residency);
	hop->ttl_s = h->ttl_s;
	hop->encrypted = h->encrypted;
	hop->in_vpc = h->in_vpc;
	hop->region = h->region;
	hop->tls_version = h->tls_version;
	hop->tls_cipher = h->tls_cipher;
	hop->tls_sni = h->tls_sni;
	hop->first_ns = h->first_ns;
	hop->last_ns = h->last_ns;
}

static void fill_text(const struct dfl_doc_hop *h, struct dflow_hop *hop)
{
	hop->field = h->field;
	hop->field_bytes = h->bytes;
	hop->wire_bytes = h->wire_bytes;
	hop->coverage = h->coverage;
	hop->coverage_basis = h->coverage_basis;
	hop->occurrences = h->occurrences;
	hop->evidence = (h->evidence_content ? DFLOW_EVIDENCE_CONTENT : 0) |
			(h->evidence_id ? DFLOW_EVIDENCE_ID : 0) |
			(h->evidence_causal ? DFLOW_EVIDENCE_CAUSAL : 0);
	hop->common = h->common;
	hop->common_sources = h->common_sources;
	hop->ambiguous = h->ambiguous;
	hop->n_candidates = h->n_candidates;
	hop->n_encodings = __builtin_popcount(h->encodings);
	hop->n_ranges = h->n_ranges;
	hop->n_via = h->n_via;
	hop->replayed_from = h->replayed_from;
	hop->kept = h->kept;
	hop->kept_ns = h->kept_ns;
}

int dflow_trace_hop(const struct dflow_trace *trace, size_t i, struct dflow_hop *ret_hop)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_hop, kept_ns);
	struct dflow_hop full = { 0 };
	const struct dfl_doc_hop *h;
	int r = dfl_api_check(shape, ret_hop, NULL);

	if (!r)
		r = hop_at(trace, i, &h);
	if (r)
		return r;
	FILL_END(&full, from, &h->from);
	FILL_END(&full, to, &h->to);
	fill_way(h, &full);
	fill_text(h, &full);
	dfl_api_out(shape, &full, ret_hop);
	return 0;
}

const char *dflow_trace_hop_candidate(const struct dflow_trace *trace, size_t i, size_t k)
{
	const struct dfl_doc_hop *h;

	return hop_at(trace, i, &h) ? NULL : string_at(h->candidates, h->n_candidates, k);
}

const char *dflow_trace_hop_encoding(const struct dflow_trace *trace, size_t i, size_t k)
{
	const struct dfl_doc_hop *h;
	uint32_t bits;

	if (hop_at(trace, i, &h))
		return NULL;
	for (bits = h->encodings; bits && k; k--)
		bits &= bits - 1; /* drops the lowest */
	return bits ? dfl_doc_encoding_name(__builtin_ctz(bits)) : NULL;
}

const char *dflow_trace_hop_via(const struct dflow_trace *trace, size_t i, size_t k)
{
	const struct dfl_doc_hop *h;

	return hop_at(trace, i, &h) ? NULL : string_at(h->via, h->n_via, k);
}

int dflow_trace_hop_range(const struct dflow_trace *trace, size_t i, size_t k, uint64_t *ret_from,
			  uint64_t *ret_to)
{
	const struct dfl_doc_hop *h;
	int r = hop_at(trace, i, &h);

	if (r)
		return r;
	if (k >= h->n_ranges)
		return -EINVAL;
	*ret_from = h->ranges[k].from;
	*ret_to = h->ranges[k].to;
	return 0;
}

/* ---- fields, places, links ---- */

size_t dflow_trace_field_count(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc = row_of(trace);

	return doc ? doc->n_fields : 0;
}

int dflow_trace_field(const struct dflow_trace *trace, size_t i, struct dflow_field *ret_field)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_field, canonical_bytes);
	const struct dfl_doc *doc;
	const struct dfl_doc_field *f;
	int r = dfl_api_check(shape, ret_field, NULL);

	if (!r)
		r = load_row(trace, &doc);
	if (r)
		return r;
	if (i >= doc->n_fields)
		return -EINVAL;
	f = &doc->fields[i];
	dfl_api_out(shape,
		    &(struct dflow_field){ .field = f->field,
					   .derived_from = f->derived_from,
					   .matchable = f->matchable,
					   .from_trace = f->from_trace,
					   .bytes = f->bytes,
					   .canonical_bytes = f->canonical_bytes },
		    ret_field);
	return 0;
}

size_t dflow_trace_place_count(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc = whole(trace);

	return doc ? doc->n_places : 0;
}

int dflow_trace_place(const struct dflow_trace *trace, size_t i, struct dflow_place *ret_place)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_place, now_ns);
	const struct dfl_doc *doc;
	const struct dfl_doc_place *p;
	int r = dfl_api_check(shape, ret_place, NULL);

	if (!r)
		r = load(trace, &doc);
	if (r)
		return r;
	if (i >= doc->n_places)
		return -EINVAL;
	p = &doc->places[i];
	dfl_api_out(shape,
		    &(struct dflow_place){ .station = dfl_station_name(p->station),
					   .place = p->place,
					   .residency = dfl_residency_name(p->residency),
					   .now = p->now,
					   .n_fields = p->n_fields,
					   .ttl_s = p->ttl_s,
					   .first_ns = p->first_ns,
					   .removed_ns = p->removed_ns,
					   .now_ns = p->now_ns },
		    ret_place);
	return 0;
}

const char *dflow_trace_place_field(const struct dflow_trace *trace, size_t i, size_t k)
{
	const struct dfl_doc *doc = whole(trace);

	if (!doc || i >= doc->n_places)
		return NULL;
	return string_at(doc->places[i].fields, doc->places[i].n_fields, k);
}

/* Links first, then the hops of other requests in which the text came back. */
size_t dflow_trace_link_count(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc = whole(trace);

	return doc ? doc->n_links + doc->n_replayed_in : 0;
}

int dflow_trace_link(const struct dflow_trace *trace, size_t i, struct dflow_link *ret_link)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_link, why);
	struct dflow_link full = { 0 };
	const struct dfl_doc *doc;
	int r = dfl_api_check(shape, ret_link, NULL);

	if (!r)
		r = load(trace, &doc);
	if (r)
		return r;
	if (i >= doc->n_links + doc->n_replayed_in)
		return -EINVAL;
	if (i < doc->n_links) {
		full.trace_id = doc->links[i].trace_id;
		full.why = doc->links[i].why;
	} else {
		full.trace_id = doc->replayed_in[i - doc->n_links].trace_id;
		full.seq = doc->replayed_in[i - doc->n_links].seq;
		full.why = "replayed";
	}
	dfl_api_out(shape, &full, ret_link);
	return 0;
}

int dflow_trace_json(const struct dflow_trace *trace, char **ret_json)
{
	const struct dfl_doc *doc;
	int r = load(trace, &doc);

	return r ? r : dfl_doc_to_json(doc, ret_json);
}

int dflow_trace_list_json(const struct dflow_trace *trace, char **ret_json)
{
	const struct dfl_doc *doc;
	int r = load_row(trace, &doc);

	return r ? r : dfl_doc_to_list_json(doc, trace->n_hops, ret_json);
}
