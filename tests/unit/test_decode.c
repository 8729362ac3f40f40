// SPDX-License-Identifier: Apache-2.0
/* Golden bytes of every decoder (tests/golden/decode): whole, byte by byte, with gaps, cut,
 * damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode_sink.h"
#include "decode_tape.h"

static const char *dir_path(void)
{
	static char path[4096];
	const char *dir = getenv("DFLOW_GOLDEN");

	snprintf(path, sizeof(path), "%s/decode", dir ? dir : "tests/golden");
	return path;
}

static char *list(const struct tape *t, const struct tape_play *how)
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

static char *expected_of(const char *path)
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

/* DFLOW_UPDATE=1 writes the listing instead of comparing it. */
static void compare(const char *tape_path, const char *text)
{
	char path[4200], *expected;
	FILE *f;

	snprintf(path, sizeof(path), "%.*s.txt", (int)(strlen(tape_path) - 5), tape_path);
	if (getenv("DFLOW_UPDATE")) {
		f = fopen(path, "wb");
		fputs(text, f);
		fclose(f);
	}
	expected = expected_of(path);
	if (strcmp(text, expected))
		print_error("%s\n", path);
	assert_string_equal(text, expected);
	free(expected);
}

static void hurt(const struct tape *t)
{
	for (size_t i = 0; i < t->n_items; i++) {
		struct tape_play lost = { .lose_from = i, .lose = 1 }, cut = { .stop_at = i + 1 };

		free(list(t, &lost));
		free(list(t, &cut));
	}
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct tape_play damaged = { .damage = seed };

		free(list(t, &damaged));
	}
}

static void one(const char *path)
{
	struct tape_play whole = { 0 }, bytes = { .bytewise = true };
	struct tape t;
	char *a, *b;

	tape_from_text(&t, path);
	a = list(&t, &whole);
	b = list(&t, &bytes);
	if (strcmp(a, b))
		print_error("%s byte by byte\n", path);
	assert_string_equal(a, b);
	compare(path, a);
	hurt(&t);
	free(a);
	free(b);
	tape_fini(&t);
}

static void test_golden(void **state)
{
	DIR *d = opendir(dir_path());
	const struct dirent *e;
	char path[4200];
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".tape"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_path(), e->d_name);
		one(path);
		n++;
	}
	closedir(d);
	assert_true(n >= 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
