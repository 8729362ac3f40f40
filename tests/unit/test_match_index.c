// SPDX-License-Identifier: Apache-2.0
/* The index of the sources against a plain list, while sources come, grow and go. */
#include "match_help.h"

#include "match/match_priv.h"

#define K 12
#define N_SOURCES 40
#define MAX_TEXT 3000
#define MAX_LIST (N_SOURCES * MAX_TEXT)

struct place {
	uint32_t source, at;
};

/* What is in the index, oldest first. */
struct model {
	struct dfl_secret secret;
	struct dfl_index ix;
	struct dfl_match_source sources[N_SOURCES];
	struct place list[MAX_LIST];
	size_t n;
};

static uint64_t rng = 0x9e3779b97f4a7c15ull;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 11) % n;
}

static const uint8_t *text_of(const struct model *m, const struct place *p)
{
	return m->sources[p->source].text.data + p->at;
}

/* All places of a k-gram, newest first. */
static size_t places(const struct model *m, const uint8_t *gram, struct place *ret)
{
	size_t n = 0;

	for (size_t i = m->n; i--;)
		if (!memcmp(text_of(m, &m->list[i]), gram, K))
			ret[n++] = m->list[i];
	return n;
}

static void check(const struct model *m, const uint8_t *gram)
{
	static struct place all[MAX_LIST];
	size_t n = places(m, gram, all), half = DFL_ENTRIES_PER_PROBE / 2;
	uint64_t h = dfl_index_hash(&m->ix, gram);
	struct dfl_index_found f;

	dfl_index_find(&m->ix, h, DFL_ENTRIES_PER_PROBE, &f);
	assert_int_equal(f.count, n);
	assert_int_equal(f.n, n < DFL_ENTRIES_PER_PROBE ? n : DFL_ENTRIES_PER_PROBE);
	assert_true(!n || dfl_index_maybe(&m->ix, h));
	for (size_t i = 0; i < f.n; i++) {
		const struct dfl_index_page *c = dfl_index_page_of(&m->ix, f.entries[i]);
		size_t want = n > DFL_ENTRIES_PER_PROBE && i >= half ? n - 1 - (i - half) : i;

		assert_ptr_equal(c->source, &m->sources[all[want].source]);
		assert_int_equal(c->first + f.entries[i] % DFL_INDEX_PAGE, all[want].at);
		assert_ptr_equal(dfl_index_text(&m->ix, f.entries[i]), text_of(m, &all[want]));
	}
}

static bool has_its_share(const struct model *m, uint32_t source, const uint8_t *gram)
{
	static struct place all[MAX_LIST];
	size_t n = places(m, gram, all), own = 0;

	for (size_t i = 0; i < n && i < DFL_INDEX_SHARE_OF; i++)
		own += all[i].source == source;
	return own >= DFL_POSITIONS_PER_SOURCE;
}

/* The text grows by n letters of an alphabet so small that k-grams come again. */
static void append(struct model *m, uint32_t source, size_t n)
{
	struct dfl_match_source *s = &m->sources[source];

	assert_int_equal(dfl_text_reserve(&s->text, n), 0);
	for (size_t i = 0; i < n; i++) {
		bool again = i && s->text.len && rnd(12); /* goes on as some text before did */
		const struct dfl_text *t = &m->sources[again ? rnd(N_SOURCES) : source].text;
		size_t from = t->len ? rnd((uint32_t)t->len) : 0, copy = again ? 20 : 0;

		for (; copy && i + 1 < n && from < t->len; copy--, i++)
			s->text.data[s->text.len++] = t->data[from++];
		s->text.data[s->text.len++] = (uint8_t)('a' + rnd(3));
	}
	if (s->text.len < K)
		return;
	assert_int_equal(dfl_index_reserve(&m->ix, &s->indexed_text, s->text.data,
					   (uint32_t)s->text.len - K + 1),
			 0);
	for (; s->indexed + K <= s->text.len; s->indexed++) {
		bool share = has_its_share(m, source, s->text.data + s->indexed);

		assert_int_equal(dfl_index_add(&m->ix, &s->indexed_text, s->indexed), !share);
		if (!share)
			m->list[m->n++] = (struct place){ source, s->indexed };
	}
}

static void drop(struct model *m, uint32_t source)
{
	struct dfl_match_source *s = &m->sources[source];
	size_t n = 0;

	dfl_index_remove(&m->ix, &s->indexed_text);
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].source != source)
			m->list[n++] = m->list[i];
	m->n = n;
	dfl_text_fini(&s->text);
	s->indexed = 0;
}

static void as_a_list(void **state)
{
	static struct model m;
	bool grew = false, listed = false;

	assert_int_equal(dfl_index_init(&m.ix, &m.secret, K), 0);
	for (uint32_t i = 0; i < N_SOURCES; i++) {
		m.sources[i].text.secret = &m.secret;
		m.sources[i].indexed_text.source = &m.sources[i];
	}
	for (int step = 0; step < 1500; step++) {
		uint32_t source = rnd(N_SOURCES);
		struct dfl_text *t = &m.sources[source].text;

		if (t->len && (t->len > MAX_TEXT / 2 || !rnd(12)))
			drop(&m, source);
		else
			append(&m, source, 1 + rnd(rnd(8) ? 40 : MAX_TEXT / 4));
		for (int i = 0; i < 5 && m.n; i++)
			check(&m, text_of(&m, &m.list[rnd((uint32_t)m.n)]));
		check(&m, (const uint8_t *)"no such text");
		assert_int_equal(m.ix.entries, m.n);
		grew |= m.ix.table_bits > 8;
		listed |= m.ix.slots + 1000 < m.ix.entries;
	}
	assert_true(grew && listed);
	for (uint32_t i = 0; i < N_SOURCES; i++)
		drop(&m, i);
	assert_int_equal(m.ix.entries, 0);
	assert_int_equal(m.ix.slots, 0);
	dfl_index_fini(&m.ix);
	dfl_secret_fini(&m.secret);
	assert_int_equal(m.secret.bytes, 0);
}

/* The same text many times: lists of many lines, from which entries go at both ends and between. */
static void one_long_list(void **state)
{
	static struct model m;
	static const uint8_t text[] = "twelve bytes";

	assert_int_equal(sodium_init() < 0, 0);
	assert_int_equal(dfl_index_init(&m.ix, &m.secret, K), 0);
	for (uint32_t i = 0; i < N_SOURCES; i++)
		m.sources[i].indexed_text.source = &m.sources[i];
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < N_SOURCES; i++)
			for (uint32_t j = 0; j < DFL_POSITIONS_PER_SOURCE; j++) {
				struct dfl_match_source *s = &m.sources[i];

				assert_int_equal(dfl_text_reserve(&s->text, K), 0);
				memcpy(s->text.data + s->text.len, text, K);
				s->text.len += K;
				assert_int_equal(dfl_index_reserve(&m.ix, &s->indexed_text,
								   s->text.data, j * K + 1),
						 0);
				assert_true(dfl_index_add(&m.ix, &s->indexed_text, j * K));
				m.list[m.n++] = (struct place){ i, j * K };
			}
		check(&m, text);
		for (uint32_t i = 0; i < N_SOURCES; i++) {
			drop(&m, round == 0 ? i :
				 round == 1 ? N_SOURCES - 1 - i :
					      (i * 7) % N_SOURCES);
			check(&m, text);
		}
		assert_int_equal(m.ix.slots, 0);
	}
	dfl_index_fini(&m.ix);
	dfl_secret_fini(&m.secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_a_list),
		cmocka_unit_test(one_long_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
