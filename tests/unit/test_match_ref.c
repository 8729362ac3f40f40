// SPDX-License-Identifier: Apache-2.0
/* The matcher against a slow, obviously correct one, on random texts, spellings and splits. */
#include "match_help.h"
#include "match_ref.h"

static uint64_t rng = 0x9e3779b97f4a7c15ull;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 11) % n;
}

static const char *const words[] = {
	"東京", "の天気",  "について", "lorem", "ipsum", "dolor sit", "amet",
	"、",	"あい",	   "うえ",     "\"x\"", " ",	 "\n",	      "abc",
	"def",	"\\u6771", "%20",      "&lt;",	"50%",	 "😀",
};

static size_t put_words(char *p, size_t n, size_t vocabulary)
{
	size_t len = 0;

	while (n--) {
		const char *w = words[rnd((uint32_t)vocabulary)];

		memcpy(p + len, w, strlen(w));
		len += strlen(w);
	}
	return len;
}

/* Parts of the source between other words of the same vocabulary. */
static size_t put_view(char *p, const char *src, size_t src_len, size_t vocabulary)
{
	size_t len = 0;

	for (uint32_t k = 1 + rnd(8); k && len < 3000; k--) {
		if (rnd(2) && src_len) {
			size_t a = rnd((uint32_t)src_len), n = rnd((uint32_t)(src_len - a) + 1);

			n = n > 400 ? 400 : n;
			memcpy(p + len, src + a, n);
			len += n;
		} else {
			len += put_words(p + len, rnd(10), vocabulary);
		}
	}
	return len;
}

static bool same(const struct dfl_run *run, const struct ref_run *ref, const struct ref_text *view,
		 bool place)
{
	return run->pos_from == view->b[ref->from].from && run->pos_to == view->b[ref->to - 1].to &&
	       run->canon_to - run->canon_from == ref->to - ref->from &&
	       (!place || run->canon_from == ref->source_from);
}

static bool part_of_any(const struct dfl_run *run, const struct ref_run *refs, size_t n,
			const struct ref_text *view)
{
	for (size_t i = 0; i < n; i++)
		if (view->b[refs[i].from].from <= run->pos_from &&
		    view->b[refs[i].to - 1].to >= run->pos_to)
			return true;
	return false;
}

static void compare(const struct seen *s, const struct ref_run *refs, size_t n,
		    const struct ref_text *view, bool place)
{
	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (size_t j = 0; j < s->n && !found; j++)
			found = same(&s->hits[j].run, &refs[i], view, place);
		assert_true(found);
	}
	for (size_t j = 0; j < s->n; j++)
		assert_true(part_of_any(&s->hits[j].run, refs, n, view));
	if (place)
		assert_int_equal(s->n, n);
}

/* Source and view come in random pieces, either first. Until there is a source, nothing is looked
 * for. */
static void interleave(struct seen *s, const char *src, size_t src_len, const char *view,
		       size_t view_len)
{
	struct dfl_match_source *source = NULL;
	struct dfl_match_view *v;
	size_t a = 0, b = 0;

	assert_int_equal(dfl_match_view_new(s->m, NULL, &v), 0);
	while (a < src_len || b < view_len || !source) {
		size_t n = 1 + rnd(30);

		if (!source && (!rnd(20) || b == view_len))
			assert_int_equal(dfl_match_source_new(s->m, 1, NULL, &source), 0);
		if (source && rnd(2) && a < src_len) {
			n = n < src_len - a ? n : src_len - a;
			assert_int_equal(dfl_match_source_append(source, src + a, n), 0);
			a += n;
		} else if (b < view_len) {
			n = n < view_len - b ? n : view_len - b;
			feed(v, view + b, n, b, 0);
			b += n;
		}
	}
	dfl_match_source_end(source);
	dfl_match_view_close(v);
}

static bool capped(struct seen *s)
{
	return stats_of(s).capped_candidates || stats_of(s).capped_positions;
}

static void random_texts(void **state)
{
	unsigned compared = 0;

	for (int round = 0; round < 4000; round++) {
		size_t vocabulary = 4 + rnd(16);
		static char src[2048], view[8192];
		size_t src_len = put_words(src, rnd(40), vocabulary), view_len;
		struct ref_text rs, rv;
		struct ref_run *refs;
		size_t n;

		view_len = put_view(view, src, src_len, vocabulary);
		ref_canon((uint8_t *)src, src_len, &rs);
		ref_canon((uint8_t *)view, view_len, &rv);
		n = ref_match(&rv, &rs, 16, &refs);
		for (int mode = 0; mode < 4 && rs.n >= 16; mode++) {
			struct dfl_match_opts opts = { .stride = 4 + rnd(2) };
			struct seen *s = seen_new(&opts);

			if (mode == 3) {
				interleave(s, src, src_len, view, view_len);
			} else {
				add_source(s, 1, NULL, src, src_len);
				scan(s, NULL, view, view_len,
				     mode == 0 ? 0 :
				     mode == 1 ? 1 :
						 1 + rnd(60));
			}
			if (!capped(s)) {
				compare(s, refs, n, &rv, mode != 3);
				compared++;
			}
			seen_free(s);
		}
		free(refs);
		free(rs.b);
		free(rv.b);
	}
	assert_true(compared > 10000);
}

/* ---- nested spellings ---- */

static size_t spell_json(const char *in, size_t n, char *out)
{
	size_t len = 0;

	out[len++] = '"';
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)in[i];

		if (c == '"' || c == '\\' || c == '/')
			len += (size_t)sprintf(out + len, "\\%c", c);
		else if (c < 0x20)
			len += (size_t)sprintf(out + len, "\\u%04x", c);
		else
			out[len++] = (char)c;
	}
	out[len++] = '"';
	return len;
}

static size_t spell_percent(const char *in, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)in[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
			out[len++] = (char)c;
		else
			len += (size_t)sprintf(out + len, "%%%02X", c);
	}
	return len;
}

static size_t spell_html(const char *in, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		const char *e = in[i] == '<' ? "&lt;" :
				in[i] == '&' ? "&amp;" :
				in[i] == '"' ? "&#34;" :
					       NULL;

		if (e)
			len += (size_t)sprintf(out + len, "%s", e);
		else
			out[len++] = in[i];
	}
	return len;
}

static size_t spell_base64(const char *in, size_t n, char *out)
{
	int variant = rnd(2) ? sodium_base64_VARIANT_ORIGINAL :
			       sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t before = rnd(4);

	memset(out, 'k', before);
	sodium_bin2base64(out + before, 1 << 19, (const uint8_t *)in, n, variant);
	return strlen(out);
}

static size_t spell_hex(const char *in, size_t n, char *out)
{
	out[0] = '\\';
	out[1] = 'x';
	sodium_bin2hex(out + 2, 1 << 19, (const uint8_t *)in, n);
	return strlen(out);
}

static size_t (*const spell[])(const char *in, size_t n, char *out) = {
	spell_json, spell_percent, spell_html, spell_base64, spell_hex,
};

/* Any nesting (two encodings that need decoding at most) is covered, at the right positions. */
static void random_nesting(void **state)
{
	static char buf[2][1 << 20];

	for (int round = 0; round < 3000; round++) {
		struct seen *s = seen_new(NULL);
		struct dfl_match_source *source;
		char src[2048];
		size_t src_len = put_words(src, 16 + rnd(30), sizeof(words) / sizeof(words[0])), n;
		unsigned decoded = 0, which = 0;
		struct ref_text canon;

		ref_canon((uint8_t *)src, src_len, &canon);
		memcpy(buf[0], src, src_len);
		n = src_len;
		for (uint32_t depth = rnd(5); depth; depth--) {
			uint32_t how = rnd(decoded < 2 ? 5 : 3);

			decoded += how >= 3;
			n = spell[how](buf[which], n, buf[!which]);
			which = !which;
		}
		source = add_source(s, 1, s, src, src_len);
		assert_int_equal(dfl_match_source_canon_bytes(source), canon.n);
		scan(s, NULL, buf[which], n, rnd(2) ? 0 : 1 + rnd(200));
		/*
		 * Percent signs of the text itself are eaten when the layers are crossed: see docs.
		 */
		if (canon.n >= 60 && !memmem(src, src_len, "%", 1) && !capped(s) &&
		    covered(s, s) + 4 < canon.n)
			fail_msg("round %d: %zu of %zu", round, covered(s, s), canon.n);
		for (size_t i = 0; i < s->n; i++)
			assert_true(s->hits[i].run.pos_to <= n);
		seen_free(s);
		free(canon.b);
	}
}

/* A text with binary, other characters and line breaks of its own, in pieces of any length. */
static size_t put_mixed(char *p, size_t max)
{
	static const char ascii
		[] = "The quick brown fox: \"jumps\" over 13 lazy dogs, and then some more.\n\t";
	size_t len = 0;

	while (len + 700 < max) {
		uint32_t how = rnd(8), n = rnd(500);

		if (how == 0) {
			for (n = rnd(150); n; n--)
				p[len++] = (char)rnd(256);
		} else if (how == 1) {
			len += put_words(p + len, rnd(20), sizeof(words) / sizeof(words[0]));
		} else {
			for (; n; n--)
				p[len++] = ascii[rnd(sizeof(ascii) - 1)];
		}
	}
	return len;
}

/* Base64 of 76 chars a line, of any length, or with chars that are none. */
static size_t put_coded(char *out, const char *in, size_t n)
{
	static char b64[1 << 16];
	uint32_t how = rnd(4);
	size_t len = 0;

	sodium_bin2base64(b64, sizeof(b64), (const uint8_t *)in, n, sodium_base64_VARIANT_ORIGINAL);
	for (size_t i = 0; b64[i]; i++) {
		out[len++] = b64[i];
		if (how == 1 && i % 76 == 75)
			len += (size_t)sprintf(out + len, rnd(2) ? "\\r\\n" : "\r\n");
		else if (how == 2 && !rnd(3000))
			len += (size_t)sprintf(out + len, rnd(2) ? "\\/" : "*");
	}
	return len;
}

static int by_all(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hit));
}

static void scan_coded(struct seen *s, const char *src, size_t src_len, const char *view,
		       size_t len, size_t step)
{
	for (size_t i = 0; i + 300 < src_len; i += 300) /* many sources: which parts are found? */
		add_source(s, i, NULL, src + i, 300);
	scan(s, NULL, view, len, step);
	for (size_t i = 0; i < s->n; i++)
		s->hits[i].source = NULL,
		s->hits[i].run.ts_first_ns = s->hits[i].run.ts_last_ns = 0;
	qsort(s->hits, s->n, sizeof(*s->hits), by_all);
}

/* Long base64 is decoded in bulk; that finds what it finds byte by byte. */
static void long_base64(void **state)
{
	static char src[20000], view[1 << 16];
	size_t found = 0;

	for (int round = 0; round < 300; round++) {
		struct seen *whole = seen_new(NULL), *split = seen_new(NULL);
		size_t n = put_mixed(src, 1000 + rnd(sizeof(src) - 1000)), len = rnd(6);

		memset(view, 'k', len);
		len += put_coded(view + len, src, n);
		len += (size_t)sprintf(view + len, "%s", rnd(2) ? "\"}" : "");
		scan_coded(whole, src, n, view, len, 0);
		scan_coded(split, src, n, view, len, rnd(4) ? 1 + rnd(300) : 1);
		assert_int_equal(whole->n, split->n);
		assert_memory_equal(whole->hits, split->hits, whole->n * sizeof(*whole->hits));
		found += whole->n;
		seen_free(whole);
		seen_free(split);
	}
	assert_true(found > 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_texts),
		cmocka_unit_test(random_nesting),
		cmocka_unit_test(long_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
