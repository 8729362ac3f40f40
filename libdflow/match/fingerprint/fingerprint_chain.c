// SPDX-License-Identifier: Apache-2.0
/*
 * Fingerprint chains: fingerprints of one old text that stand one after the other in a scan. A
 * chosen k-gram that the old text does not have ends its chain, because there the texts differ. One
 * that is in too many texts to be sure does not.
 *
 * The cost is in finding nothing. While no chain is open, only every other chosen k-gram is looked
 * up (the SIMD loop does that), because a chain of one is never reported and two in a row hold one
 * of every other. A hit goes back to the one before it, which may be the first of the chain.
 */
#include <stdlib.h>
#include <string.h>

#include "match/fingerprint/fingerprint_chain.h"
#include "match/position.h"
#include "match/simd/simd.h"

/*
 * Canonical bytes before a chain that may be of its text, at most: those that a scan surely still
 * holds.
 */
#define REACH (DFL_UNSURE - 2 * DFL_PRINT_K)

struct chain {
	struct dfl_fingerprint_set *set;
	uint64_t from, last; /* canonical bytes of the scan: the first and the last k-gram */
	uint32_t hits, distinct;
	uint64_t first; /* print */
	uint8_t *seen;	/* NULL: only the first */
	uint8_t enc;
	uint64_t pos_from, pos_to, reach_from, ts_first_ns, ts_last_ns;
	bool over;
};

struct dfl_fingerprint_chains {
	struct chain open[DFL_PRINT_CHAINS];
	uint32_t n;
};

/* Stream positions of canonical bytes [at, end), which are still there. */
static void position(const struct dfl_scan *s, uint64_t at, uint64_t end, uint64_t *ret_from,
		     uint64_t *ret_to)
{
	uint64_t from, to, ignored;

	dfl_map_find(&s->text.map, (uint32_t)(at - s->text.base), &from, &ignored);
	dfl_map_find(&s->text.map, (uint32_t)(end - 1 - s->text.base), &ignored, &to);
	dfl_position_in_stream(s, from, to, ret_from, ret_to);
}

/* Counts the fingerprint as seen; distinct: different ones so far. */
static void see(struct chain *k, uint64_t print)
{
	uint32_t i = dfl_fingerprint_table_index(k->set, print);

	k->distinct += !(k->seen[i / 8] >> (i & 7) & 1);
	k->seen[i / 8] |= (uint8_t)(1 << (i & 7));
}

/*
 * Most chains have but one fingerprint: their sets, which are anywhere in memory, are not touched.
 * 0 or -ENOMEM.
 */
static int count(struct chain *k, uint64_t print)
{
	if (!k->hits) {
		k->first = print;
		k->distinct = 1;
		return 0;
	}
	if (!k->seen) {
		k->seen = calloc((k->set->n + 7) / 8, 1);
		if (!k->seen)
			return -ENOMEM;
		k->distinct = 0;
		see(k, k->first);
	}
	see(k, print);
	return 0;
}

/* The chain has this k-gram, too: where it stands, when, and what was undone since the last one. */
static void hit(struct dfl_scan *s, struct chain *k, uint64_t at)
{
	uint64_t from = k->hits ? k->last + DFL_PRINT_K - 1 : at, pos, ignored;

	position(s, at, at + DFL_PRINT_K, &pos, &k->pos_to);
	if (!k->hits++) {
		position(s, at - s->after_print < REACH ? s->after_print : at - REACH, at + 1,
			 &k->reach_from, &ignored);
		k->from = at;
		k->pos_from = pos;
		k->ts_first_ns = dfl_position_time(s, at);
	}
	k->last = at;
	k->ts_last_ns = dfl_position_time(s, at + DFL_PRINT_K - 1);
	from = from < s->text.base ? s->text.base : from;
	k->enc |= dfl_map_enc(&s->text.map, (uint32_t)(from - s->text.base),
			      (uint32_t)(at + DFL_PRINT_K - s->text.base));
}

/* Texts of others that have all that this one has. */
static uint32_t others(const struct dfl_fingerprint_chains *t, const struct chain *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		n += t->open[i].set->owner != k->set->owner && t->open[i].from <= k->from &&
		     t->open[i].last >= k->last && t->open[i].hits >= k->hits;
	return n;
}

/* end: no byte of its text can stand from there on. */
static void report(struct dfl_scan *s, const struct chain *k, uint64_t end)
{
	uint64_t ignored;
	struct dfl_fingerprint_run run = {
		.pos_from = k->pos_from,
		.pos_to = k->pos_to,
		.reach_from = k->reach_from,
		.span = (uint32_t)(k->last - k->from) + DFL_PRINT_K,
		.hits = k->hits,
		.distinct = k->distinct,
		.seen = k->seen,
		.others = others(s->chains, k),
		.encodings = (uint32_t)(k->enc | s->enc) ?: DFL_ENC_RAW,
		.ts_first_ns = k->ts_first_ns,
		.ts_last_ns = k->ts_last_ns,
	};

	position(s, end - 1, end, &ignored, &run.reach_to);
	s->m->opts.print_fn(s->m->ud, s->view->ud, k->set->ud, &run);
}

/* Reports those that are over, then lets them go. */
static void close_over(struct dfl_scan *s, uint64_t end)
{
	struct dfl_fingerprint_chains *t = s->chains;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->open[i].over && t->open[i].distinct > 1)
			report(s, &t->open[i], end);
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->open[i].over)
			free(t->open[i].seen);
		else
			t->open[n++] = t->open[i];
	}
	t->n = n;
}

static struct chain *open_chain(struct dfl_scan *s, struct dfl_fingerprint_set *set)
{
	struct dfl_fingerprint_chains *t = s->chains;

	for (uint32_t i = 0; i < t->n; i++)
		if (t->open[i].set == set)
			return &t->open[i];
	if (t->n == DFL_PRINT_CHAINS) {
		s->m->stats.capped_candidates++;
		return NULL;
	}
	t->open[t->n] = (struct chain){ .set = set };
	return &t->open[t->n++];
}

/* Is the set among those that have the fingerprint? */
static bool is_in(const struct dfl_fingerprint_found *found, const struct dfl_fingerprint_set *set)
{
	for (uint32_t i = 0; i < found->n; i++)
		if (found->set[i] == set)
			return true;
	return false;
}

/*
 * One chosen k-gram. Chains whose text does not have it are over: the first byte that cannot be of
 * their text is the last one of this k-gram. All of them are reported before any is let go, because
 * each counts the others that hold it. Then the chains of its sets go on, or begin.
 */
static void step(struct dfl_scan *s, uint64_t at, uint64_t print,
		 const struct dfl_fingerprint_found *found)
{
	struct dfl_fingerprint_chains *t = s->chains;
	bool any_over = false;

	for (uint32_t i = 0; i < t->n; i++) {
		t->open[i].over = !found->more && !is_in(found, t->open[i].set);
		any_over |= t->open[i].over;
	}
	if (any_over)
		close_over(s, at + DFL_PRINT_K - 1);
	for (uint32_t i = 0; i < found->n; i++) {
		struct chain *k = open_chain(s, found->set[i]);

		if (k && !count(k, print)) {
			hit(s, k, at);
		} else if (k) {
			*k = t->open[--t->n];
			s->m->stats.capped_candidates++;
		}
	}
}

/* Looks one chosen k-gram up. */
static void look(struct dfl_scan *s, uint64_t at)
{
	uint64_t print = dfl_fingerprint_hash(&s->m->prints, dfl_scan_at(s, at));
	struct dfl_fingerprint_found found;

	dfl_fingerprint_table_find(&s->m->prints, print, &found);
	if (!s->chains && found.n)
		s->chains = calloc(1, sizeof(*s->chains));
	if (s->chains)
		step(s, at, print, &found);
	else if (found.n)
		s->m->stats.capped_candidates++;
	if (!found.more) /* else the text that goes on behind it may have it, too */
		s->after_print = at + 1;
}

/* ---- where to look ---- */

/*
 * The chosen k-grams of what the text has grown by, and which of them (every other one, and the
 * last) may be in the table.
 */
struct sifted {
	const uint8_t *text;
	size_t n, n_hits, hit; /* hit: those before it were dealt with */
	uint64_t chosen[DFL_SIFTED / 64 + 1];
	uint16_t hits[DFL_SIFTED / 2 + 2 + DFL_SIFT_SLACK];
};

/* The first one from `at` on; f->n: none. */
static size_t chosen_from(const struct sifted *f, size_t at)
{
	uint64_t w;

	if (at >= f->n)
		return f->n;
	for (w = f->chosen[at / 64] >> at % 64 << at % 64; !w; w = f->chosen[at / 64]) {
		at = (at / 64 + 1) * 64;
		if (at >= f->n)
			return f->n;
	}
	return at / 64 * 64 + (unsigned)__builtin_ctzll(w);
}

/* Behind the last one before `at`; 0: none. */
static size_t chosen_before(const struct sifted *f, size_t at)
{
	size_t i = at / 64;
	uint64_t w = at % 64 ? f->chosen[i] << (64 - at % 64) >> (64 - at % 64) : 0;

	while (!w && i)
		w = f->chosen[--i];
	return w ? i * 64 + 64 - (unsigned)__builtin_clzll(w) : 0;
}

static bool maybe(const struct dfl_fingerprint_table *p, const struct sifted *f, size_t at)
{
	return dfl_fingerprint_maybe(p, dfl_fingerprint_hash(p, f->text + at));
}

/* Finds the chosen ones between `from` and next_print, and which of every other may be known. */
static void sift(const struct dfl_scan *s, uint64_t from, struct sifted *ret)
{
	size_t last;

	ret->text = dfl_scan_at(s, from);
	ret->n = (size_t)(s->next_print - from);
	ret->n_hits = s->m->simd->sift(&s->m->prints, ret->text, ret->n, ret->chosen, ret->hits);
	ret->hit = 0;
	last = chosen_before(ret, ret->n);
	if (last && (!ret->n_hits || ret->hits[ret->n_hits - 1] + 1u < last) &&
	    maybe(&s->m->prints, ret, last - 1))
		ret->hits[ret->n_hits++] = (uint16_t)(last - 1);
}

/*
 * Where a chain may begin, from `at` on; f->n: nowhere. Of a single fingerprint nothing is told,
 * so there must be another one on either side, if only in what is to come. What stands right before
 * that place, and was not looked at, is not in the table.
 */
static size_t next_look(const struct dfl_fingerprint_table *p, struct sifted *f, size_t at)
{
	for (; f->hit < f->n_hits; f->hit++) {
		size_t hit = f->hits[f->hit], before, after;

		if (hit < at)
			continue;
		before = chosen_before(f, hit);
		if (before > at && maybe(p, f, before - 1))
			return before - 1;
		after = chosen_from(f, hit + 1);
		if (after == f->n || maybe(p, f, after))
			return hit;
	}
	return f->n;
}

void dfl_fingerprint_chain_scan(struct dfl_scan *s)
{
	uint64_t total = dfl_scan_total(s), from = s->next_print;
	struct sifted f;

	if (from + DFL_PRINT_K > total)
		return;
	s->next_print = total - DFL_PRINT_K + 1;
	if (!s->m->prints.n_sets) {
		s->after_print = s->next_print;
		return;
	}
	sift(s, from, &f);
	for (size_t at = chosen_from(&f, 0); at < f.n; at = chosen_from(&f, at + 1)) {
		if (!s->chains || !s->chains->n) { /* what is not in the table ends nothing */
			size_t next = next_look(&s->m->prints, &f, at);

			if (next > at)
				s->after_print = from + chosen_before(&f, next);
			at = next;
		}
		if (at < f.n)
			look(s, from + at);
	}
}

void dfl_fingerprint_chain_end(struct dfl_scan *s)
{
	for (uint32_t i = 0; s->chains && i < s->chains->n; i++)
		s->chains->open[i].over = true;
	if (s->chains && s->chains->n)
		close_over(s, dfl_scan_total(s));
}

void dfl_fingerprint_chain_free(struct dfl_scan *s)
{
	for (uint32_t i = 0; s->chains && i < s->chains->n; i++)
		free(s->chains->open[i].seen);
	free(s->chains);
}

void dfl_fingerprint_chain_forget(struct dfl_scan *s, const struct dfl_fingerprint_set *set)
{
	for (uint32_t i = 0; s->chains && i < s->chains->n; i++) {
		if (s->chains->open[i].set != set)
			continue;
		free(s->chains->open[i].seen);
		s->chains->open[i] = s->chains->open[--s->chains->n];
		return;
	}
}
