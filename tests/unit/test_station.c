// SPDX-License-Identifier: Apache-2.0
/* Stations: the table is whole, documented, and decides residency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/station.h"

static void words(void **state)
{
	for (int s = DFL_ST_UNKNOWN + 1; s < DFL_N_STATION; s++) {
		assert_non_null(dfl_station_name(s));
		assert_int_equal(dfl_station_parse(dfl_station_name(s)), s);
	}
	assert_null(dfl_station_name(DFL_ST_UNKNOWN));
	assert_null(dfl_station_name(DFL_N_STATION));
	assert_null(dfl_station_name(-1));
	assert_int_equal(dfl_station_parse("moon"), -1);
	assert_int_equal(dfl_station_parse(""), -1);
}

/* docs/configuration.md lists each of them. */
static void documented(void **state)
{
	static char text[64 << 10];
	char path[4096], quoted[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/../../docs/configuration.md", getenv("DFLOW_GOLDEN"));
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_true(n && n < sizeof(text) - 1);
	for (int s = DFL_ST_UNKNOWN + 1; s < DFL_N_STATION; s++) {
		snprintf(quoted, sizeof(quoted), "`%s`", dfl_station_name(s));
		if (!strstr(text, quoted))
			fail_msg("docs/configuration.md does not list %s", quoted);
	}
}

static void residency(void **state)
{
	/* A store: the operation's word goes first. */
	assert_int_equal(dfl_station_residency(DFL_ST_REDIS, DFL_CACHE), DFL_CACHE);
	assert_int_equal(dfl_station_residency(DFL_ST_REDIS, DFL_RES_UNKNOWN), DFL_RES_UNKNOWN);
	assert_int_equal(dfl_station_residency(DFL_ST_LOGS, DFL_RES_UNKNOWN), DFL_LOG);
	assert_int_equal(dfl_station_residency(DFL_ST_FILE, DFL_RES_UNKNOWN), DFL_EPHEMERAL_DISK);
	/* Outside: whatever is done there. */
	assert_int_equal(dfl_station_residency(DFL_ST_LLM, DFL_CACHE), DFL_EXTERNAL);
	for (int s = 0; s < DFL_N_STATION; s++)
		assert_int_equal(dfl_station_row(s)->who == DFL_WHO_OUTSIDE,
				 dfl_station_row(s)->residency == DFL_EXTERNAL);
	/* Where nothing stays: the station alone. */
	assert_int_equal(dfl_station_residency(DFL_ST_ALB, DFL_PERSISTENT), DFL_TRANSIT);
	assert_int_equal(dfl_station_residency(DFL_ST_API, DFL_TRANSIT), DFL_MEMORY);
	assert_int_equal(dfl_station_residency(DFL_ST_UNKNOWN, DFL_CACHE), DFL_RES_UNKNOWN);
	assert_int_equal(dfl_station_residency(DFL_ST_OTHER, DFL_CACHE), DFL_RES_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(documented),
					    cmocka_unit_test(residency) };

	return cmocka_run_group_tests_name("station", tests, NULL, NULL);
}
