// SPDX-License-Identifier: Apache-2.0
/* No stream is given to the decoder of another protocol. Prints the table of who was given what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "confusion.h"

struct sums {
	unsigned rows, plays, wrong, missed;
};

static void add(void *ud, const struct confusion *c)
{
	struct sums *s = ud;

	s->rows++;
	s->plays += c->plays;
	s->wrong += c->wrong;
	s->missed += c->missed;
	if (c->wrong)
		print_error("%s: %u wrong, the first: %s\n", c->protocol, c->wrong, c->first_wrong);
	if (c->missed)
		print_error("%s: %u missed, the first: %s\n", c->protocol, c->missed,
			    c->first_missed);
}

static void test_golden(void **state)
{
	struct sums s = { 0 };
	const char *dir = getenv("DFLOW_GOLDEN");

	confusion_golden(dir ? dir : "tests/golden", add, &s);
	assert_true(s.rows >= 10 && s.plays > 1000);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(s.missed, 0);
}

static void test_foreign(void **state)
{
	struct sums s = { 0 };

	confusion_foreign(add, &s);
	assert_true(s.rows >= 13 && s.plays > 10000);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(s.missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
