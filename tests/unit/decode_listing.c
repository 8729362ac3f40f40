// SPDX-License-Identifier: Apache-2.0
/* What decoders make of a tape, as text, and its comparison with a file of tests/golden/decode. */
#include "decode_listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode_sink.h"

char *listing_of(const struct tape *t, const struct tape_play *how)
{
	struct sink s;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	sink_init(&s);
	tape_play(t, how, &s.ops);
	sink_list(&s, f);
	fclose(f);
	sink_fini(&s);
	return text;
}

/* "" when there is none. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t len = 0;

	if (!f || getdelim(&text, &len, 0, f) < 0) {
		free(text);
		text = strdup("");
	}
	if (f)
		fclose(f);
	return text;
}

void listing_compare(const char *path, const char *text)
{
	char *expected;
	FILE *f;

	if (getenv("DFLOW_UPDATE")) {
		f = fopen(path, "wb");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	expected = read_file(path);
	if (strcmp(text, expected))
		print_error("%s\n", path);
	assert_string_equal(text, expected);
	free(expected);
}
