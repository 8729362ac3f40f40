// SPDX-License-Identifier: Apache-2.0
/* Which bytes can hide a text: compressed, encrypted, masked and foreign charsets can, text cannot.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <iconv.h>
#include <sodium.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/opacity.h"

#define BIG 65536

static const char english
	[] = "The patient's file 4711 says: \"no penicillin\", and the next visit is on the 3rd of "
	     "May.\n"
	     "Please write a letter to her insurance, in plain words, and mention neither the name "
	     "nor the "
	     "diagnosis. The last letter was sent back, because the number on it was wrong.\n";
static const char japanese[] = "東京支社の第三四半期の売上について、部門ごとの内訳と前年同期との比"
			       "較を教えてください。"
			       "また、カスタマーサポートへの問い合わせが増えた理由を三つ挙げ、それ"
			       "ぞれの対策を簡潔にまとめてください。"
			       "ファイルは「売上2026.xlsx」です。社外には出さないでください。\n";

static uint64_t opaque_of(const void *data, size_t len)
{
	struct dfl_opacity o = { 0 };

	dfl_opacity_feed(&o, data, len);
	return dfl_opacity_bytes(&o);
}

/* Repeats a text. Returns the length. */
static size_t repeat(char *to, size_t room, const char *text)
{
	size_t n = strlen(text), len = 0;

	while (len + n <= room) {
		memcpy(to + len, text, n);
		len += n;
	}
	return len;
}

static void text_is_readable(void **state)
{
	static char big[BIG];
	static const char *const more[] = {
		"{\"query\":\"\\u6771\\u4eac\",\"inputs\":{},\"n\":[1,2.5,-3e7]}",
		"INSERT INTO messages (query) VALUES ('it''s \\\\ here')",
		"\x1b[32mINFO\x1b[0m \x1b[1mgunicorn\x1b[0m \x1b[36mGET\x1b[0m /v1/\r\n\a\t\v\f\b",
		"絵文字😀👩‍👩‍👧‍👦 Ελληνικά العربية",
		"",
	};

	assert_int_equal(opaque_of(big, repeat(big, BIG, english)), 0);
	assert_int_equal(opaque_of(big, repeat(big, BIG, japanese)), 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		assert_int_equal(opaque_of(more[i], strlen(more[i])), 0);
		assert_int_equal(opaque_of(big, repeat(big, BIG / 4, *more[i] ? more[i] : "x")), 0);
	}
}

/* NUL goes from the canonical form: padding hides nothing, and English in UTF-16 is found. */
static void nul_hides_nothing(void **state)
{
	static uint8_t zeros[BIG];

	assert_int_equal(opaque_of(zeros, sizeof(zeros)), 0);
	for (size_t i = 0; i + 1 < sizeof(zeros); i += 2)
		zeros[i] = (uint8_t)english[i / 2 % (sizeof(english) - 1)];
	assert_int_equal(opaque_of(zeros, sizeof(zeros)), 0);
}

static void assert_opaque(const void *data, size_t len)
{
	assert_true(len > DFL_OPACITY_SHORT);
	assert_true(opaque_of(data, len) * 10 >= len * 9);
}

static void random_is_opaque(void **state)
{
	static uint8_t big[BIG];
	const uint8_t seed[randombytes_SEEDBYTES] = { 1 };

	randombytes_buf_deterministic(big, sizeof(big), seed);
	for (size_t from = 0; from + 512 <= sizeof(big); from += 512)
		assert_opaque(big + from, 512);
	for (size_t from = 0; from + 64 <= sizeof(big); from += 64)
		assert_int_equal(opaque_of(big + from, 64), 64);
}

static void compressed_is_opaque(void **state)
{
	static const char *const texts[] = { english, japanese };
	uint8_t out[4096];

	for (int i = 0; i < 2; i++) {
		uLongf n = sizeof(out);
		size_t z;

		assert_int_equal(compress2(out, &n, (const uint8_t *)texts[i], strlen(texts[i]), 9),
				 Z_OK);
		assert_opaque(out, n);
		z = ZSTD_compress(out, sizeof(out), texts[i], strlen(texts[i]), 3);
		assert_false(ZSTD_isError(z));
		assert_opaque(out, z);
	}
}

/* RFC 6455 5.3: a client's WebSocket payload is XORed with four bytes. */
static void masked_is_opaque(void **state)
{
	static const uint8_t mask[4] = { 0x8d, 0x3a, 0xf1, 0x97 };
	uint8_t out[sizeof(english)];

	for (size_t i = 0; i < sizeof(english); i++)
		out[i] = (uint8_t)english[i] ^ mask[i % 4];
	assert_true(opaque_of(out, sizeof(out)) * 2 >= sizeof(out));
}

static void foreign_charsets_are_opaque(void **state)
{
	static const char *const names[] = { "UTF-16LE", "UTF-16BE", "SHIFT_JIS", "EUC-JP",
					     "GB18030" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[2048], *to = out, *from = (char *)japanese;
		size_t in_left = strlen(japanese), left = sizeof(out);
		iconv_t cd = iconv_open(names[i], "UTF-8");

		assert_true(cd != (iconv_t)-1);
		assert_int_equal(iconv(cd, &from, &in_left, &to, &left), 0);
		iconv_close(cd);
		assert_true(opaque_of(out, (size_t)(to - out)) * 4 >= (size_t)(to - out));
	}
}

/* Ids and digests are too short to hold a text that counts. */
static void short_is_not_counted(void **state)
{
	uint8_t id[DFL_OPACITY_SHORT + 1];

	memset(id, 0xff, sizeof(id));
	assert_int_equal(opaque_of(id, DFL_OPACITY_SHORT), 0);
	assert_int_equal(opaque_of(id, DFL_OPACITY_SHORT + 1), DFL_OPACITY_SHORT + 1);
}

/* An island of ciphertext in a long text is found, and only the island counts. */
static void island(void **state)
{
	static char big[BIG];
	const uint8_t seed[randombytes_SEEDBYTES] = { 2 };
	size_t len = repeat(big, BIG, english);
	uint64_t n;

	randombytes_buf_deterministic(big + 1000, 300, seed);
	n = opaque_of(big, len);
	assert_in_range(n, 256, 300 + 2 * DFL_OPACITY_WINDOW);
}

static void splits_do_not_matter(void **state)
{
	static char big[4096];
	const uint8_t seed[randombytes_SEEDBYTES] = { 3 };
	size_t len = repeat(big, sizeof(big), japanese);

	randombytes_buf_deterministic(big + 700, 200, seed);
	for (size_t step = 1; step < 40; step++) {
		struct dfl_opacity o = { 0 };

		for (size_t at = 0; at < len; at += step)
			dfl_opacity_feed(&o, big + at, len - at < step ? len - at : step);
		assert_int_equal(dfl_opacity_bytes(&o), opaque_of(big, len));
	}
}

/* Every two-byte beginning against the definition: no byte is lost, and none counted twice. */
static void every_pair(void **state)
{
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			const uint8_t pair[2] = { (uint8_t)a, (uint8_t)b };
			struct dfl_opacity o = { 0 };

			dfl_opacity_feed(&o, pair, 2);
			assert_int_equal(o.n + o.held, 2);
			assert_true(o.binary <= 2 && o.held < 4);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_readable),
		cmocka_unit_test(nul_hides_nothing),
		cmocka_unit_test(random_is_opaque),
		cmocka_unit_test(compressed_is_opaque),
		cmocka_unit_test(masked_is_opaque),
		cmocka_unit_test(foreign_charsets_are_opaque),
		cmocka_unit_test(short_is_not_counted),
		cmocka_unit_test(island),
		cmocka_unit_test(splits_do_not_matter),
		cmocka_unit_test(every_pair),
	};

	return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
