// SPDX-License-Identifier: Apache-2.0
/* What a trace document says of where the text is now. */
#include "trace/document/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One field in one place: what its hops come to. */
struct spot {
	const struct dfl_doc_hop *first;
	enum dfl_kept now;
	uint64_t now_ns;
};

struct spots {
	struct spot *at;
	size_t n;
};

static bool is_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct spot *spot_of(struct spots *s, const struct dfl_doc_hop *h)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].first->to.station == h->to.station &&
		    is_equal(s->at[i].first->place, h->place) &&
		    is_equal(s->at[i].first->field, h->field))
			return &s->at[i];
	return NULL;
}

/* Operations that take what they read out of a queue. */
static bool pops(const struct dfl_doc_hop *h)
{
	return h->operation && (strstr(h->operation, "POP") || strstr(h->operation, "MOVE"));
}

/* An entry of a queue is gone when it was popped. */
static void look_for_pops(const struct build *b, struct spot *s)
{
	const struct dfl_doc *doc = b->doc;

	if (s->first->residency != DFL_QUEUE || s->now == DFL_KEPT_NOT ||
	    s->now == DFL_KEPT_REMOVED)
		return;
	for (size_t i = 0; i < doc->n_hops; i++) {
		const struct dfl_doc_hop *h = &doc->hops[i];

		if (h->direction != DFL_RESPONSE || h->from.station != s->first->to.station ||
		    !pops(h) || !is_equal(h->place, s->first->place) ||
		    !is_equal(h->field, s->first->field) || h->first_ns < s->first->first_ns)
			continue;
		s->now = DFL_KEPT_REMOVED;
		s->now_ns = b->r->start_ns + (uint64_t)h->first_ns;
		return;
	}
}

/*
 * A place that has no name counts only in the stores themselves: a company outside is one place,
 * and its hops tell.
 */
static bool is_place(const struct dfl_doc_hop *h)
{
	const struct dfl_station_row *row = dfl_station_row(h->to.station);

	return h->kept && row->keeps && (h->place || row->who != DFL_WHO_OUTSIDE);
}

static void find_spots(struct build *b, struct spots *s)
{
	for (size_t i = 0; i < b->doc->n_hops; i++) {
		const struct dfl_doc_hop *h = &b->doc->hops[i];
		uint64_t since_ns;
		enum dfl_kept now;
		struct spot *spot;

		if (!is_place(h))
			continue;
		now = dfl_hop_kept(b->t, b->hops[i], &since_ns);
		spot = spot_of(s, h);
		if (!spot) {
			s->at[s->n++] = (struct spot){ h, now, since_ns };
			continue;
		}
		if (dfl_kept_sum(spot->now, now) == now &&
		    (spot->now != now || since_ns > spot->now_ns)) {
			spot->now = now;
			spot->now_ns = since_ns;
		}
	}
	for (size_t i = 0; i < s->n; i++)
		look_for_pops(b, &s->at[i]);
}

/* Fields of which the same is true share an entry. */
static struct dfl_doc_place *entry_of(struct dfl_doc *doc, const struct spot *s)
{
	for (size_t i = 0; i < doc->n_places; i++)
		if (doc->places[i].station == s->first->to.station &&
		    is_equal(doc->places[i].place, s->first->place) &&
		    is_equal(doc->places[i].now, dfl_kept_name(s->now)))
			return &doc->places[i];
	return NULL;
}

static void add_entry(struct build *b, const struct spot *s)
{
	struct dfl_doc *doc = b->doc;
	struct dfl_doc_place *p = entry_of(doc, s);
	int64_t now_ns = (int64_t)(s->now_ns - b->r->start_ns);

	if (!p) {
		p = &doc->places[doc->n_places++];
		p->station = s->first->to.station;
		p->place = dfl_part_string(b, s->first->place);
		p->residency = s->first->residency;
		p->ttl_s = s->first->ttl_s;
		p->first_ns = s->first->first_ns;
		p->now = dfl_part_string(b, dfl_kept_name(s->now));
		p->now_ns = now_ns;
	}
	p->now_ns = now_ns > p->now_ns ? now_ns : p->now_ns;
	p->removed_ns = s->now == DFL_KEPT_REMOVED ? p->now_ns : -1;
	dfl_part_add(b, &p->fields, &p->n_fields, s->first->field);
}

void dfl_places_build(struct build *b)
{
	struct dfl_doc *doc = b->doc;
	struct spots s = { calloc(doc->n_hops + 1, sizeof(*s.at)), 0 };

	doc->places = dfl_part_array(b, doc->n_hops, sizeof(*doc->places));
	b->failed |= !s.at;
	if (!b->failed && doc->places)
		find_spots(b, &s);
	for (size_t i = 0; i < s.n && !b->failed; i++)
		add_entry(b, &s.at[i]);
	free(s.at);
}
