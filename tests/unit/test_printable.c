// SPDX-License-Identifier: Apache-2.0
/* Names without control characters. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/printable.h"

static void expect(const char *text, const char *wanted)
{
	char *copy = strdup(text); /* of the exact size: a sanitizer sees a step too far */

	assert_int_equal(dfl_is_printable(text), !strcmp(text, wanted));
	dfl_printable(copy);
	assert_string_equal(copy, wanted);
	assert_true(dfl_is_printable(copy));
	free(copy);
}

static void text_stays(void **state)
{
	static const char *const good[] = { "",
					    "POST /v1/chat-messages",
					    "こんにちは, Zürich — “ok” …",
					    "\xc2\xa0",		/* the first behind C1 */
					    "\xf4\x8f\xbf\xbf", /* U+10FFFF */
					    "\U0001f600 e\u0301 \u200d \u200b" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(good[i], good[i]);
}

static void controls_go(void **state)
{
	expect("\033[31mred\a", "?[31mred?");
	expect("a\tb\nc\rd\x7f", "a?b?c?d?");
	expect("x\xc2\x9b"
	       "31m",
	       "x?31m");
	expect("\xc2\x80\xc2\x9f", "??");
	expect("txt\u202eexe", "txt?exe");
	expect("\u061c\u200e\u200f\u2028\u2029\u202a\u202d\u2066\u2069", "?????????");
}

static void bad_utf8_goes(void **state)
{
	expect("\xff\"", "?\"");
	expect("\x9b", "?");
	expect("caf\xe9 au", "caf? au");
	expect("\xc0\x80", "??");	    /* not the shortest form */
	expect("\xe0\x9f\xbf", "???");	    /* the same */
	expect("\xed\xa0\x80", "???");	    /* a surrogate */
	expect("\xf4\x90\x80\x80", "????"); /* behind U+10FFFF */
	expect("\xf8\x88\x80\x80\x80", "?????");
	expect("end \xe3\x81", "end ??"); /* cut off */
	expect("\xe3\x81"
	       "a",
	       "??a");
}

/* Each character of Unicode: those that are shown stay, and no other does. */
static void every_character(void **state)
{
	unsigned gone = 0;

	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char text[8];
		size_t n = 0;

		if (c - 0xd800 < 0x800)
			continue;
		if (c < 0x80) {
			text[n++] = c;
		} else if (c < 0x800) {
			text[n++] = 0xc0 | c >> 6;
		} else if (c < 0x10000) {
			text[n++] = 0xe0 | c >> 12;
			text[n++] = 0x80 | (c >> 6 & 0x3f);
		} else {
			text[n++] = 0xf0 | c >> 18;
			text[n++] = 0x80 | (c >> 12 & 0x3f);
			text[n++] = 0x80 | (c >> 6 & 0x3f);
		}
		if (c >= 0x80)
			text[n++] = 0x80 | (c & 0x3f);
		text[n] = 0;
		gone += !dfl_is_printable(text);
	}
	assert_int_equal(gone, 31 + 1 + 32 + 12 + 2); /* C0, DEL, C1, Bidi_Control, separators */
}

static void hear(void *ud, enum dfl_log_level level, const char *line)
{
	strcpy(ud, line);
}

/* What the library says of names is printable, too. */
static void sentences(void **state)
{
	char heard[DFL_LOG_LINE] = "";
	struct dfl_log log = { hear, heard };
	struct dfl_err err;

	dfl_err_set(&err, ENOENT, "no process '%s'",
		    "a\xc2\x9b"
		    "b\u202ec");
	assert_string_equal(err.msg, "no process 'a?b?c'");
	dfl_log_write(&log, DFL_LOG_WARN, "lost %s\n", "\033]0;x\a");
	assert_string_equal(heard, "lost ?]0;x?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays),	 cmocka_unit_test(controls_go),
		cmocka_unit_test(bad_utf8_goes), cmocka_unit_test(every_character),
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
