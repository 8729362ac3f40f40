// SPDX-License-Identifier: Apache-2.0
/* The log hook. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/log.h"

struct heard {
	unsigned n;
	enum dfl_log_level level;
	char line[DFL_LOG_LINE];
};

static void hear(void *ud, enum dfl_log_level level, const char *line)
{
	struct heard *h = ud;

	h->n++;
	h->level = level;
	strcpy(h->line, line);
}

static void test_a_line(void **state)
{
	struct heard h = { 0 };
	struct dfl_log log = { hear, &h };

	dfl_log_write(&log, DFL_LOG_WARN, "lost %d of %s\n\n", 3, "ring");
	assert_int_equal(h.n, 1);
	assert_int_equal(h.level, DFL_LOG_WARN);
	assert_string_equal(h.line, "lost 3 of ring");
}

static void test_nobody_listens(void **state)
{
	struct dfl_log none = { NULL, NULL };

	dfl_log_write(NULL, DFL_LOG_ERROR, "%s", "x");
	dfl_log_write(&none, DFL_LOG_ERROR, "%s", "x");
}

static void test_long_lines_are_cut(void **state)
{
	struct heard h = { 0 };
	struct dfl_log log = { hear, &h };

	dfl_log_write(&log, DFL_LOG_DEBUG, "%0*d", 2 * DFL_LOG_LINE, 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(strlen(h.line), DFL_LOG_LINE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
