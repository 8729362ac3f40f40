// SPDX-License-Identifier: Apache-2.0
/*
 * Runs: what a scan and a source have in common, from the first k-gram found to both ends.
 *
 * A run is reported when it is over, unless another run of the same source holds all of its bytes
 * of the view. Of several places of the source that are equally long, the leftmost free one is
 * meant: one that no run reported for this view has covered yet.
 *
 * Why free places: a text that repeats itself ("I think that …, I think that …") has several places
 * for the second "I think that". Were the first place taken again, a whole copy of the text would
 * cover only a part of it.
 *
 * Runs of one source can overlap in the scan, and several sources can have the same bytes; both are
 * reported. Which of them explains the bytes is not decided here.
 */
#include <stdlib.h>
#include <string.h>

#include "match/position.h"
#include "match/runs.h"

static bool is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the common beginning of a and b, of which n bytes count. */
static size_t common(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t x = dfl_bytes_load64(a + i) ^ dfl_bytes_load64(b + i);

		if (x)
			return i + dfl_bytes_same_front64(x);
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

/*
 * Where the run begins in the stream, and when; and what was undone in it, up to its end. Asked
 * early, because the positions of the beginning may be forgotten before a long run is over.
 */
static void locate(const struct dfl_scan *s, struct dfl_open_run *r)
{
	uint64_t lo;

	if (r->enc_to == r->from) {
		dfl_map_find(&s->text.map, (uint32_t)(r->from - s->text.base), &r->pos_from, &lo);
		r->ts_first_ns = dfl_position_time(s, r->from);
	}
	/* From one byte before, so that what was undone between there and here counts. */
	lo = r->enc_to > r->from ? r->enc_to - 1 : r->from;
	r->enc |= dfl_map_enc(&s->text.map, (uint32_t)(lo - s->text.base),
			      (uint32_t)(r->end - s->text.base));
	r->enc_to = r->end;
}

/*
 * A run may be found late: where its k-grams are common only when DFL_ROW places in a row were seen
 * (probe.c). Of the run's own bytes that takes at most 4 before the first place, the places, and
 * the last k-gram. A run within it, which has k bytes at least, is over by then, and so many bytes
 * more were seen.
 */
static uint64_t late(const struct dfl_scan *s)
{
	return DFL_ROW * s->m->opts.stride - 1;
}

/* So many canonical bytes must have been seen before the run can be due. */
static uint64_t due_from(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	return r->exhausted || r->ended ? r->end : r->end + late(s) + 1;
}

/* A run of the source was found that is not brief. Without memory its brief runs are not told. */
static void note_long(struct dfl_match_view *v, const struct dfl_match_source *source)
{
	if (!v->long_of)
		v->long_of = calloc(DFL_LONG_WORDS, sizeof(*v->long_of));
	if (v->long_of)
		v->long_of[source->number / 64 % DFL_LONG_WORDS] |= 1ull << source->number % 64;
}

/*
 * Walks the run on as far as both texts go, and says whether it is over:
 *
 * - the texts differ: over, and cut back to a whole character, because the form of half a character
 *   is no text;
 * - the source ends there: exhausted. It is over if the source has ended, or if the scan has gone
 * on by more than the look-back meanwhile (what the source grows by could not be compared then);
 * - the scan ends there: it goes on.
 *
 * Runs too short to be reported never ask for their positions.
 */
static void extend(struct dfl_scan *s, struct dfl_open_run *r)
{
	const struct dfl_match_source *src = r->source;
	uint64_t total = dfl_scan_total(s), source_at = r->source_from + (r->end - r->from), n;

	if (r->over)
		return;
	n = total - r->end;
	if (n > src->text.len - source_at)
		n = src->text.len - source_at;
	n = common(dfl_scan_at(s, r->end), src->text.data + source_at, (size_t)n);
	s->m->stats.compared_bytes += n;
	r->end += n;
	source_at = r->source_from + (r->end - r->from);
	if (source_at == src->text.len) {
		r->exhausted = src->ended || total - r->end > s->m->opts.look_back;
		r->over = r->exhausted;
	} else if (r->end < total) {
		r->over = true;
		while (r->end > r->from && is_continuation(*dfl_scan_at(s, r->end)))
			r->end--; /* end with a whole character */
	}
	if (r->end - r->from >= DFL_MATCH_BRIEF)
		note_long(s->view, src);
	if (r->over && due_from(s, r) < s->next_due)
		s->next_due = due_from(s, r);
	if (r->end > r->enc_to && r->end - r->from >= s->m->opts.min_run)
		locate(s, r);
}

void dfl_runs_extend(struct dfl_scan *s)
{
	for (uint32_t i = 0; i < s->n_open; i++)
		extend(s, &s->open[i]);
}

/* ---- finding open runs ---- */

/*
 * A scan and a source run along a *diagonal*: `from - source_from` is the same for all pairs of
 * equal bytes of a run. The table finds the open runs of a source on a diagonal: open addressing,
 * at most half full, of indices + 1 into s->open. Taking a run out moves others, so the table is
 * built anew when it is next asked.
 */
#define FIND_SLOTS 256
_Static_assert(FIND_SLOTS >= 2 * DFL_OPEN_RUNS && DFL_OPEN_RUNS < 256, "half full; a byte each");

static unsigned first_slot(const struct dfl_match_source *source, uint64_t diagonal)
{
	uint64_t h = (uintptr_t)source * 0x9e3779b97f4a7c15ull + diagonal * 0xc2b2ae3d27d4eb4full;

	return (unsigned)(h >> 56);
}

static void find_add(struct dfl_scan *s, uint32_t i)
{
	const struct dfl_open_run *r = &s->open[i];
	unsigned slot = first_slot(r->source, r->from - r->source_from);

	while (s->find[slot])
		slot = (slot + 1) % FIND_SLOTS;
	s->find[slot] = (uint8_t)(i + 1);
}

static void find_build(struct dfl_scan *s)
{
	memset(s->find, 0, FIND_SLOTS);
	for (uint32_t i = 0; i < s->n_open; i++)
		if (!s->open[i].brief) /* never asked for */
			find_add(s, i);
	s->open_moved = false;
}

struct dfl_open_run *dfl_runs_find(struct dfl_scan *s, const struct dfl_match_source *source,
				   uint64_t at, uint32_t source_at, uint32_t held)
{
	uint64_t diagonal = at - source_at;

	if (!s->n_open)
		return NULL;
	if (s->open_moved)
		find_build(s);
	for (unsigned slot = first_slot(source, diagonal); s->find[slot];
	     slot = (slot + 1) % FIND_SLOTS) {
		struct dfl_open_run *r = &s->open[s->find[slot] - 1];

		if (r->source != source || r->from - r->source_from != diagonal ||
		    r->end < at + s->m->index.k)
			continue;
		r->held = held < r->held ? held : r->held;
		r->exact |= held == DFL_NONE;
		return r;
	}
	return NULL;
}

/* ---- opening ---- */

static struct dfl_open_run *new_open(struct dfl_scan *s)
{
	uint32_t cap = s->cap_open ? s->cap_open * 2 : 8;
	struct dfl_open_run *p;

	if (!s->find)
		s->find = calloc(FIND_SLOTS, 1);
	if (!s->find)
		return NULL;
	if (s->n_open == s->cap_open) {
		p = reallocarray(s->open, cap, sizeof(*p));
		if (!p)
			return NULL;
		s->open = p;
		s->cap_open = cap;
	}
	return &s->open[s->n_open++];
}

bool dfl_runs_full(const struct dfl_scan *s, const struct dfl_match_source *source)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_open && s->n_open >= DFL_OPEN_PER_SOURCE; i++)
		n += s->open[i].source == source && !s->open[i].waits;
	return s->n_open >= DFL_OPEN_RUNS || n >= DFL_OPEN_PER_SOURCE;
}

void dfl_runs_open(struct dfl_scan *s, struct dfl_match_source *source, uint64_t at,
		   uint32_t source_at, uint64_t floor, uint32_t held, enum dfl_run_found found)
{
	const uint8_t *src = source->text.data;
	uint64_t from = at;
	struct dfl_open_run *r;

	if (dfl_runs_find(s, source, at, source_at, held))
		return;
	s->m->stats.candidates++;
	if (dfl_runs_full(s, source) || !(r = new_open(s))) {
		s->m->stats.capped_candidates++;
		return;
	}
	/* Back to where the texts differ, or one of them begins. */
	while (from > floor && source_at && *dfl_scan_at(s, from - 1) == src[source_at - 1]) {
		from--;
		source_at--;
	}
	s->m->stats.compared_bytes += at - from;
	/* Begin with a whole character; the k-gram has 12 bytes, so one begins within it. */
	while (is_continuation(src[source_at])) {
		from++;
		source_at++;
	}
	*r = (struct dfl_open_run){
		.source = source,
		.from = from,
		.end = from,
		.source_from = source_at,
		.held_first = held,
		.held = held,
		.exact = held == DFL_NONE,
		.unsure = found & DFL_RUN_UNSURE,
		.long_only = found & DFL_RUN_LONG_ONLY,
		.enc_to = from,
	};
	extend(s, r);
	if (!s->open_moved)
		find_add(s, s->n_open - 1);
}

/* Was this brief run found before? */
static bool is_added(const struct dfl_scan *s, const struct dfl_match_source *source, uint64_t from,
		     uint32_t source_from)
{
	for (uint32_t i = 0; i < s->n_open; i++)
		if (s->open[i].brief && s->open[i].source == source && s->open[i].from == from &&
		    s->open[i].source_from == source_from)
			return true;
	return false;
}

void dfl_runs_add(struct dfl_scan *s, struct dfl_match_source *source, uint64_t from, uint64_t end,
		  uint32_t source_from, uint32_t others)
{
	struct dfl_open_run *r;

	while (from < end && is_continuation(*dfl_scan_at(s, from))) {
		from++;
		source_from++;
	}
	while (end > from && is_continuation(*dfl_scan_at(s, end)))
		end--;
	if (end - from < s->m->opts.min_run || is_added(s, source, from, source_from))
		return;
	s->m->stats.candidates++;
	r = new_open(s);
	if (!r) {
		s->m->stats.capped_candidates++;
		return;
	}
	*r = (struct dfl_open_run){
		.source = source,
		.from = from,
		.end = end,
		.source_from = source_from,
		.enc_to = from,
		.others = others,
		.over = true,
		.counted = true,
		.brief = true,
	};
	locate(s, r);
	if (due_from(s, r) < s->next_due)
		s->next_due = due_from(s, r);
}

/* ---- reporting ---- */

/* Could it be the whole leaf? Then it is not over before the leaf is. */
static bool may_be_leaf(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	return r->from == 0 && !s->gapped;
}

/* Does another place of the source, equal so far, go on? Then it is too early to choose. */
static bool twin_goes_on(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct dfl_open_run *o = &s->open[i];

		if (!o->over && o->source == r->source && o->from == r->from && o->end == r->end)
			return true;
	}
	return false;
}

/*
 * Can nothing that is still to come change what is reported of it? total: canonical bytes seen, as
 * if no more were there. `end < total`: at least one byte behind the run was seen, so every run
 * that holds it has been found. A run that is exhausted needs no byte behind it, unless it may turn
 * out to be the whole leaf or an equal place of the source goes on.
 */
static bool due(const struct dfl_scan *s, const struct dfl_open_run *r, uint64_t total)
{
	if (!r->over || r->end > total)
		return false;
	if (r->ended)
		return true;
	if (r->waits)
		return r->end + DFL_UNSURE < total;
	if (r->exhausted && !may_be_leaf(s, r) && !twin_goes_on(s, r))
		return r->end <= total;
	return r->end + late(s) < total;
}

static bool holds(const struct dfl_open_run *outer, const struct dfl_open_run *inner)
{
	return outer->from <= inner->from && outer->end >= inner->end;
}

/*
 * How many places a run has at most, if not all were looked at; else DFL_NONE. Of a brief run it is
 * what was known when it was found: one whose ends are in sight is told then.
 */
static uint32_t held_by(const struct dfl_open_run *r)
{
	if (r->end - r->from < DFL_MATCH_BRIEF)
		return r->held_first;
	return r->exact ? DFL_NONE : r->held;
}

/* Sources of other owners that hold the run as well, each counted once; or what it has at most. */
static uint32_t count_others(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	uint32_t n = 0, held = held_by(r);

	s->m->count++;
	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct dfl_open_run *o = &s->open[i];

		if (o->source->owner == r->source->owner || o->source->counted == s->m->count ||
		    !holds(o, r))
			continue;
		o->source->counted = s->m->count;
		n++;
	}
	if (held != DFL_NONE && held > n + 1)
		n = held - 1;
	return n;
}

static uint32_t source_to(const struct dfl_open_run *r)
{
	return r->source_from + (uint32_t)(r->end - r->from);
}

/* Is the place in the source one that no reported run of this view has covered yet? */
static bool is_free(const struct dfl_match_view *v, const struct dfl_open_run *r)
{
	uint32_t to = source_to(r);

	for (uint32_t i = 0; i < v->n_covered; i++) {
		const struct dfl_covered *c = &v->covered[i];

		if (c->source == r->source && c->source_from < to && r->source_from < c->source_to)
			return false;
	}
	return true;
}

/* Of two runs over the same bytes of the view, is a the one to report? */
static bool better(const struct dfl_match_view *v, const struct dfl_open_run *a,
		   const struct dfl_open_run *b)
{
	bool free_a, free_b;

	if (a->over != b->over)
		return !a->over;
	free_a = is_free(v, a);
	free_b = is_free(v, b);
	if (free_a != free_b)
		return free_a;
	return a->source_from < b->source_from;
}

/* Is the run part of one that goes on, was reported, or is preferred? */
static bool is_part(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	const struct dfl_match_view *v = s->view;

	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct dfl_open_run *o = &s->open[i];

		if (o == r || o->source != r->source || !holds(o, r))
			continue;
		if (!holds(r, o) || better(v, o, r))
			return true;
	}
	for (uint32_t i = 0; i < v->n_covered; i++) {
		const struct dfl_covered *c = &v->covered[i];

		if (c->source == r->source && c->scan == s && c->from <= r->from &&
		    c->end >= r->end)
			return true;
	}
	return false;
}

/* Remembers that the run was reported; the oldest of DFL_COVERED is forgotten. */
static void cover(struct dfl_scan *s, const struct dfl_open_run *r)
{
	struct dfl_match_view *v = s->view;

	if (!v->covered)
		v->covered = calloc(DFL_COVERED, sizeof(*v->covered));
	if (!v->covered)
		return; /* places may count twice then */
	v->covered[v->next_covered] = (struct dfl_covered){
		.source = r->source,
		.scan = s,
		.source_from = r->source_from,
		.source_to = source_to(r),
		.from = r->from,
		.end = r->end,
	};
	v->next_covered = (v->next_covered + 1) % DFL_COVERED;
	if (v->n_covered < DFL_COVERED)
		v->n_covered++;
}

/* Fills in what the caller is told. leaf: as dfl_runs_end. */
static void report(struct dfl_scan *s, struct dfl_open_run r, bool leaf)
{
	const struct dfl_match_source *src = r.source;
	struct dfl_run run = { .canon_from = r.source_from, .canon_to = source_to(&r) };
	uint64_t pos_to, ignored;

	cover(s, &r);
	dfl_position_in_source(src, &run);
	dfl_map_find(&s->text.map, (uint32_t)(r.end - 1 - s->text.base), &ignored, &pos_to);
	dfl_position_in_stream(s, r.pos_from, pos_to, &run.pos_from, &run.pos_to);
	run.encodings = r.enc | s->enc;
	if (!run.encodings)
		run.encodings = DFL_ENC_RAW;
	run.other_sources = r.others;
	run.ts_first_ns = r.ts_first_ns;
	run.ts_last_ns = dfl_position_time(s, r.end - 1);
	run.whole_leaf = leaf && r.from == 0 && r.end == dfl_scan_total(s) && !s->gapped;
	s->m->fn(s->m->ud, s->view->ud, src->ud, &run);
}

/* Takes out the run and all that are part of it; puts it back if it has to wait. */
static void take_out(struct dfl_scan *s, struct dfl_open_run r, bool wait)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct dfl_open_run *o = &s->open[i];

		if (o->source == r.source && holds(&r, o) && o->over)
			continue;
		s->open[n++] = *o;
	}
	s->n_open = n;
	s->open_moved = true;
	if (wait) {
		r.waits = true;
		s->open[s->n_open++] = r;
	}
}

/*
 * The order in which runs that are due at the same time are reported. It is total for the runs of
 * one source, and does not depend on the order in which they were opened.
 */
static bool earlier(const struct dfl_open_run *a, const struct dfl_open_run *b)
{
	if (a->end != b->end)
		return a->end < b->end;
	if (a->exhausted != b->exhausted)
		return a->exhausted;
	if (a->from != b->from)
		return a->from < b->from;
	return a->source_from < b->source_from;
}

/*
 * The first run that is due, or NULL. All that are over and that it holds are counted at once,
 * because it goes, and then would not be counted for the rest.
 */
static struct dfl_open_run *first_due(struct dfl_scan *s, uint64_t total)
{
	struct dfl_open_run *first = NULL;

	for (uint32_t i = 0; i < s->n_open; i++)
		if (due(s, &s->open[i], total) && (!first || earlier(&s->open[i], first)))
			first = &s->open[i];
	if (!first || first->counted)
		return first;
	for (uint32_t i = 0; i < s->n_open; i++) {
		struct dfl_open_run *r = &s->open[i];

		if (r->counted || !holds(first, r) ||
		    !(due(s, r, total) || (r->over && r->end < total)))
			continue;
		r->others = count_others(s, r);
		r->counted = true;
	}
	return first;
}

/* The last one takes its place. */
static void take_one(struct dfl_scan *s, uint32_t i)
{
	s->open[i] = s->open[--s->n_open];
	s->open_moved = true;
}

/* Is it chance, as far as one can say? */
static bool is_chance(const struct dfl_scan *s, const struct dfl_open_run *r)
{
	uint64_t len = r->end - r->from;

	if (len < s->m->opts.min_run || (len < DFL_MATCH_BRIEF && r->long_only))
		return true;
	return len < DFL_MATCH_BRIEF && r->source->settled && !r->exhausted && !may_be_leaf(s, r) &&
	       !dfl_view_has_long(s->view, r->source);
}

/* Short runs are none: most that were opened end so. */
static void drop_short(struct dfl_scan *s, uint64_t total)
{
	for (uint32_t i = 0; i < s->n_open;) {
		const struct dfl_open_run *r = &s->open[i];

		if (due(s, r, total) && is_chance(s, r))
			take_one(s, i);
		else
			i++;
	}
}

/* No run is due before so many canonical bytes were seen; UINT64_MAX: none is over. */
static uint64_t earliest_due(const struct dfl_scan *s)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < s->n_open; i++)
		if (s->open[i].over && due_from(s, &s->open[i]) < first)
			first = due_from(s, &s->open[i]);
	return first;
}

/* Reports what is due, one after the other, until nothing is. */
static void retire(struct dfl_scan *s, uint64_t total, bool leaf)
{
	struct dfl_open_run *first;

	drop_short(s, total);
	while (s->n_open && (first = first_due(s, total))) {
		struct dfl_open_run r = *first;
		bool wait = r.unsure && !r.waits && !r.ended;

		if (is_part(s, first)) {
			take_one(s, (uint32_t)(first - s->open));
			continue;
		}
		take_out(s, r, wait);
		if (!wait)
			report(s, r, leaf);
	}
	s->next_due = earliest_due(s);
}

void dfl_runs_retire(struct dfl_scan *s, uint64_t total)
{
	if (!s->n_open || total < s->next_due)
		return;
	/* Whole characters: then all runs that part within one are over at the same time. */
	while (total < dfl_scan_total(s) && is_continuation(*dfl_scan_at(s, total)))
		total--;
	retire(s, total, false);
}

void dfl_runs_end(struct dfl_scan *s, const struct dfl_match_source *source, bool leaf)
{
	bool any = false;

	for (uint32_t i = 0; i < s->n_open; i++)
		if (!source || s->open[i].source == source)
			any = s->open[i].over = s->open[i].ended = true;
	if (any)
		retire(s, dfl_scan_total(s), leaf);
}
