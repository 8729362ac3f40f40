// SPDX-License-Identifier: Apache-2.0
/*
 * Golden bytes of every decoder (tests/golden/decode): whole, byte by byte, with gaps, cut,
 * damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode_listing.h"
#include "decode_sink.h"
#include "decode_tape.h"

static const char *dir_path(void)
{
	static char path[4096];
	const char *dir = getenv("DFLOW_GOLDEN");

	snprintf(path, sizeof(path), "%s/decode", dir ? dir : "tests/golden");
	return path;
}

static void compare(const char *tape_path, const char *text)
{
	char path[4200];

	snprintf(path, sizeof(path), "%.*s.txt", (int)(strlen(tape_path) - 5), tape_path);
	listing_compare(path, text);
}

static void hurt(const struct tape *t)
{
	for (size_t i = 0; i < t->n_items; i++) {
		struct tape_play lost = { .lose_from = i, .lose = 1 }, cut = { .stop_at = i + 1 };

		free(listing_of(t, &lost));
		free(listing_of(t, &cut));
	}
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct tape_play damaged = { .damage = seed };

		free(listing_of(t, &damaged));
	}
}

static void one(const char *path)
{
	struct tape_play whole = { 0 }, bytes = { .bytewise = true };
	struct tape t;
	char *a, *b;

	tape_from_text(&t, path);
	a = listing_of(&t, &whole);
	b = listing_of(&t, &bytes);
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
