// SPDX-License-Identifier: Apache-2.0
/* The canonical form: its rules one by one, split anywhere, and against the slow reference. */
#include <stdio.h>

#include "match_help.h"
#include "match_ref.h"

#include "match/canon/canon.h"
#include "match/simd/simd_best.h"

/* Feeds pieces of `step` bytes; compares text and positions with the reference. */
static void check_with(const struct dfl_simd *simd, const uint8_t *data, size_t len, size_t first,
		       size_t step, const struct ref_text *ref)
{
	struct dfl_text t = { 0 };
	struct dfl_canon c;
	size_t i = 0, n;

	dfl_canon_init(&c, simd, &t, NULL, NULL);
	while (i < len) {
		uint8_t *copy;

		n = i ? step : first;
		n = n && n < len - i ? n : len - i;
		copy = malloc(n);
		memcpy(copy, data + i, n);
		assert_int_equal(dfl_text_reserve(&t, n), 0);
		dfl_canon_feed(&c, copy, n, 1000 + i, n);
		free(copy);
		i += n;
	}
	assert_int_equal(dfl_text_reserve(&t, 0), 0);
	dfl_canon_flush(&c);
	assert_int_equal(t.len, ref->n);
	for (i = 0; i < ref->n; i++) {
		uint64_t from, to;

		assert_int_equal(t.data[i], ref->b[i].c);
		dfl_map_find(&t.map, (uint32_t)i, &from, &to);
		assert_int_equal(from, 1000 + ref->b[i].from);
		assert_int_equal(to, 1000 + ref->b[i].to);
	}
	dfl_text_fini(&t);
}

/* By every way that this processor has. */
static void check(const uint8_t *data, size_t len, size_t first, size_t step,
		  const struct ref_text *ref)
{
	for (size_t i = 0; dfl_simds[i]; i++)
		if (dfl_simds[i]->usable())
			check_with(dfl_simds[i], data, len, first, step, ref);
}

static void check_splits(const uint8_t *data, size_t len)
{
	struct ref_text ref;

	ref_canon(data, len, &ref);
	check(data, len, 0, 0, &ref);
	check(data, len, 1, 1, &ref);
	for (size_t i = 1; i < len; i++)
		check(data, len, i, 0, &ref);
	free(ref.b);
}

static void canon_is(const char *in, const char *want)
{
	struct dfl_text t = { 0 };
	struct dfl_canon c;

	dfl_canon_init(&c, dfl_simd_best(), &t, NULL, NULL);
	assert_int_equal(dfl_text_reserve(&t, strlen(in)), 0);
	dfl_canon_feed(&c, (const uint8_t *)in, strlen(in), 0, strlen(in));
	dfl_canon_flush(&c);
	if (t.len != strlen(want) || memcmp(t.data, want, t.len))
		fail_msg("%s: %.*s is not %s", in, (int)t.len, (const char *)t.data, want);
	dfl_text_fini(&t);
	check_splits((const uint8_t *)in, strlen(in));
}

static void layer1_percent(void **state)
{
	canon_is("%E6%9D%B1%e4%ba%ac", "東京");
	canon_is("%25E6%259D%25B1", "東"); /* what %25 yields is read again */
	canon_is("%2525252541", "A");
	canon_is("100%", "100");
	canon_is("100%4", "1004");
	canon_is("5%zz%4g%", "5zz4g");
	canon_is("%%41", "A");
	canon_is("%%341", "41"); /* the first % had been given up when the 4 came out */
	canon_is("%u6771", "u6771");
	canon_is("a+b%20c", "abc");
}

static void layer2_backslashes(void **state)
{
	canon_is("\\u6771\\u4EAC", "東京");
	canon_is("\\\\\\\\u6771", "東");
	canon_is("\\u005cu6771", "東"); /* a yielded backslash begins an escape */
	canon_is("\\u005c\\u005cn1", "1");
	canon_is("\\U00006771\\U0001F600", "東😀");
	canon_is("\\UFFFFFFFFx", "x");
	canon_is("\\xe6\\x9d\\xb1", "東");
	canon_is("\\x41\\x5cx42", "AB");
	canon_is("a\\nb\\r\\t\\b\\fc", "abc");
	canon_is("a\\\\nb", "ab");
	canon_is("\\u67\\u6771", "u67東");
	canon_is("\\u677", "u677");
	canon_is("\\u677 1", "u6771");
	canon_is("\\x4", "x4");
	canon_is("C:\\temp\\dir\\", "Cempdir");
	canon_is("\\\"\\/\\'q\\e", "qe");
	canon_is("%5Cu6771%5C%5Cn", "東");
	canon_is("\\u002541", "41"); /* layer 1 was before */
}

static void layer2_entities(void **state)
{
	canon_is("a&lt;b&gt;c&amp;d&quot;e&apos;f&nbsp;g", "abcdefg");
	canon_is("&#26481;&#x6771;&#X6771;", "東東東");
	canon_is("&amp;lt;&amp;amp;#26481;", "東");
	canon_is("\\u0026#26481;", "東");
	canon_is("&#92;u6771", "東");
	canon_is("&l\\u0074;", "");
	canon_is("&lt", "lt");
	canon_is("&unknown;&LT;", "unknownLT");
	canon_is("&&lt;", "");
	canon_is("&amp&lt;x", "ampx");
	canon_is("&#xD83D;&#xDE00;", "😀");
	canon_is("&#1114112;x&#0;y&#;&#x;", "xyx");
	canon_is("&#00000026481;", "00000026481");
	canon_is("%26lt%3B", "");
}

static void utf8_and_surrogates(void **state)
{
	canon_is("\\ud83d\\ude00", "😀");
	canon_is("\\uD83D\\\\uDE00", "😀");
	canon_is("\\ud83dx\\ude00y\\ud83d", "xy");
	canon_is("\\ud83d\\ud83d\\ude00", "😀");
	canon_is("\\ud83d \\ude00", "");	   /* something stood between */
	canon_is("\xed\xa0\xbd\xed\xb8\x80", "😀"); /* CESU-8 */
	canon_is("\xed\xa0\xbd\\ude00", "😀");
	canon_is("a\xff\x80\xc0\xaf\xc1\x81z", "az");
	canon_is("\xe6\x9d"
		 "a\xe6\x9d\xb1",
		 "a東");
	canon_is("\xe6\xe6\x9d\xb1", "東");
	canon_is("\xe0\x80\x80\xf0\x80\x80\x80\xf4\x90\x80\x80\xf5\x80\x80\x80x", "x");
	canon_is("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", "😀\xf4\x8f\xbf\xbf");
	canon_is("\xe6\x9d\\n\xb1x", "x"); /* nothing joins across backslashes that went */
	canon_is("\xe6\\\x9d\xb1x", "x");
	canon_is("\\ud83d\\n\\ude00x", "x");
	canon_is("\xe6\\x9d\\xb1x", "東x");
}

static void dropped(void **state)
{
	canon_is("a b\tc\r\nd!\"#$'()*,-./:<=>?@[]^_`{|}~\x7f\x01z", "abcdz");
	canon_is("a　b\u00a0c\u200bd\u2028e\ufefff\u00adg\xc2\x85"
		 "h\u180ei\u2060j",
		 "abcdefghij");
	canon_is("、。「」…—¥－ＡＢ", "、。「」…—¥－ＡＢ");
	canon_is("👩\u200d💻", "👩💻");
	canon_is("\xf3\xa0\x81\xa1x\xf3\xa0\x84\x80", "x\xf3\xa0\x84\x80");
	canon_is("", "");
	canon_is("!?…", "…");
}

/* All bytes stand for the whole range when lengths differ. */
static void one_range(void **state)
{
	struct dfl_text t = { 0 };
	struct dfl_canon c;
	uint64_t from, to;

	dfl_canon_init(&c, dfl_simd_best(), &t, NULL, NULL);
	assert_int_equal(dfl_text_reserve(&t, 6), 0);
	dfl_canon_feed(&c, (const uint8_t *)"ab\\u67", 6, 100, 9);
	dfl_canon_feed(&c, (const uint8_t *)"71", 2, 109, 3);
	assert_int_equal(t.len, 5);
	dfl_map_find(&t.map, 1, &from, &to);
	assert_int_equal(from, 100);
	assert_int_equal(to, 109);
	dfl_map_find(&t.map, 4, &from, &to);
	assert_int_equal(from, 100);
	assert_int_equal(to, 112);
	dfl_text_fini(&t);
}

static void vector_splits(const char *name, const char *text, const uint8_t *data, size_t len)
{
	struct ref_text a, b;

	check_splits(data, len);
	if (!strncmp(name, "base64", 6) || !strncmp(name, "hex", 3) || !strncmp(name, "sql", 3))
		return; /* nested, or with something around it: test_match_spelled */
	ref_canon(data, len, &a);
	ref_canon((const uint8_t *)text, strlen(text), &b);
	if (!strstr(name, "in-json") && strcmp(name, "python-repr-bytes")) {
		assert_int_equal(a.n, b.n);
		for (size_t i = 0; i < a.n; i++)
			assert_int_equal(a.b[i].c, b.b[i].c);
	}
	free(a.b);
	free(b.b);
}

static void vectors(void **state)
{
	each_vector("spellings.json", vector_splits);
}

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % n;
}

static void random_escapes(void **state)
{
	static const char *const tokens[] = {
		"%",
		"\\",
		"&",
		"u",
		"U",
		"x",
		"n",
		"t",
		";",
		"lt",
		"amp",
		"quot",
		"#",
		"0",
		"3",
		"4",
		"1",
		"d83d",
		"de00",
		"e6",
		"9d",
		"b1",
		"\xe6",
		"\x9d",
		"\xb1",
		"\xf0\x9f\x98\x80",
		"\xe3\x80\x80",
		"\xc2\xa0",
		"\xed\xa0\xbd",
		"\xed\xb8\x80",
		"\\u005c",
		"\\u0026",
		"%25",
		"%5C",
		"%26",
		"\\ud83d\\ude00",
		"&#x5c;",
		"&#92;",
		"&amp;",
		"&lt;",
		"&#38;",
		"\\x5c",
		"\\x26",
		"\n",
		"\"",
		"A",
		"=",
		"+",
		"/",
		"\\U0001f600",
		"\xe2\x80\x8b",
		"\xef\xbb\xbf",
		"\xef\xbc\x81",
		"\xe3\x81\x82",
		"%E6%9D%B1",
		"\\u6771",
		"&#26481;",
		"&#x6771;",
		"&nbsp;",
		"-",
		"_",
		" ",
		"plain words and more of them, long enough for any shortcut to be taken. ",
		"\\u6771\\u4eac\\u306e\\u5929\\u6c17\\u306b\\u3064\\u3044\\u3066\\u6559\\u3048",
		"東京の天気について教えてください。そして、長い文が続きます。",
		/* at and beside what is dropped, malformed, or ends a range */
		"\xc0\x80",
		"\xc1",
		"\xf5",
		"\xff",
		"\xc2\x9f",
		"\xc2\xad",
		"\xc2\xae",
		"\xd8\x85",
		"\xd8\x86",
		"\xd8\x9c",
		"\xdb\x9c",
		"\xdb\x9d",
		"\xdc\x8f",
		"\xdc\x9d",
		"\xe0\x9f\xbf",
		"\xe0\xa2\x8f",
		"\xe0\xa2\x91",
		"\xe0\xa3\xa1",
		"\xe0\xa3\xa2",
		"\xe1\x9a\x80",
		"\xe1\xa0\x8e",
		"\xe1\xa0\x80",
		"\xe2\x80\x90",
		"\xe2\x80\xa8",
		"\xe2\x80\xaf",
		"\xe2\x81\x9e",
		"\xe2\x81\x9f",
		"\xe2\x81\xa5",
		"\xe2\x81\xaf",
		"\xe3\x80\x81",
		"\xed\x9f\xbf",
		"\xed\xa0\x80",
		"\xef\xbf\xb8",
		"\xef\xbf\xbb",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x91\x82\xbd",
		"\xf0\x91\x83\x8e",
		"\xf0\x93\x90\xbf",
		"\xf0\x9b\xb2\xa3",
		"\xf0\x9d\x85\xb2",
		"\xf0\x9d\x85\xba",
		"\xf3\xa0\x80\x81",
		"\xf3\xa0\x82\x80",
		"\xf4\x90\x80\x80",
		"\xe6\x9d",
		"\xf0\x9f\x98",
	};

	for (int i = 0; i < 10000; i++) {
		uint8_t b[8192];
		size_t n = 0, k = rnd(60);
		bool bytes = rnd(3) == 0;
		struct ref_text ref;

		for (size_t j = 0; j < k; j++) {
			const char *t = tokens[rnd(sizeof(tokens) / sizeof(tokens[0]))];

			if (bytes && rnd(4) == 0) {
				b[n++] = (uint8_t)rnd(256);
				continue;
			}
			memcpy(b + n, t, strlen(t));
			n += strlen(t);
		}
		ref_canon(b, n, &ref);
		check(b, n, 0, 0, &ref);
		check(b, n, 1 + rnd(80), 1 + rnd(80), &ref);
		free(ref.b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layer1_percent),  cmocka_unit_test(layer2_backslashes),
		cmocka_unit_test(layer2_entities), cmocka_unit_test(utf8_and_surrogates),
		cmocka_unit_test(dropped),	   cmocka_unit_test(one_range),
		cmocka_unit_test(vectors),	   cmocka_unit_test(random_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
