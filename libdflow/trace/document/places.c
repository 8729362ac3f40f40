// SPDX-License-Identifier: Apache-2.0
/* What a trace document says of where the text is now. */
#include "trace/document/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dfl_doc_place *find_place(struct dfl_doc *doc, const struct dfl_doc_hop *h)
{
	for (size_t i = 0; i < doc->n_places; i++)
		if (doc->places[i].station == h->to.station &&
		    !strcmp(doc->places[i].place, h->place))
			return &doc->places[i];
	return NULL;
}

/*
 * What is known of the place now. An entry of a queue is gone when it was popped; a key, when its
 * time is over. Sets removed_ns when a pop was seen.
 */
static const char *place_now(const struct build *b, struct dfl_doc_place *p)
{
	const struct dfl_doc *doc = b->doc;
	int64_t age_ns = (int64_t)(b->t->now_ns - b->r->start_ns) - p->first_ns;

	if (p->removed_ns >= 0)
		return "removed";
	for (size_t i = 0; i < doc->n_hops && p->residency == DFL_QUEUE; i++) {
		const struct dfl_doc_hop *h = &doc->hops[i];

		if (h->direction == DFL_RESPONSE && h->from.station == p->station && h->place &&
		    !strcmp(h->place, p->place) && h->first_ns >= p->first_ns) {
			p->removed_ns = h->first_ns;
			return "removed";
		}
	}
	if (p->ttl_s >= 0)
		return age_ns > p->ttl_s * 1000000000 ? "expired" : "present";
	if (p->residency == DFL_PERSISTENT || p->residency == DFL_OBJECT || p->residency == DFL_LOG)
		return "present";
	return "unknown";
}

void dfl_places_build(struct build *b)
{
	struct dfl_doc *doc = b->doc;

	doc->places = dfl_part_array(b, doc->n_hops, sizeof(*doc->places));
	for (size_t i = 0; i < doc->n_hops && !b->failed; i++) {
		struct dfl_doc_hop *h = &doc->hops[i];
		struct dfl_doc_place *p;

		if (!h->place || !dfl_station_row(h->to.station)->keeps)
			continue;
		p = find_place(doc, h);
		if (!p) {
			p = &doc->places[doc->n_places++];
			p->station = h->to.station;
			p->place = dfl_part_string(b, h->place);
			p->residency = h->residency;
			p->ttl_s = h->ttl_s;
			p->first_ns = h->first_ns;
			p->removed_ns = b->hops[i]->removed_ns ?
						(int64_t)(b->hops[i]->removed_ns - b->r->start_ns) :
						-1;
		}
		dfl_part_add(b, &p->fields, &p->n_fields, h->field);
	}
	for (size_t i = 0; i < doc->n_places && !b->failed; i++)
		doc->places[i].now = dfl_part_string(b, place_now(b, &doc->places[i]));
}
