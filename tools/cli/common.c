// SPDX-License-Identifier: Apache-2.0
/* Options that several commands share, and what follows from them. */
#include "cli/common.h"

#include <stdlib.h>

#include "cli/complain.h"
#include "cli/value.h"
#include "output/format.h"

#define DEFAULT_STORE "/var/lib/dflow/store.db"
#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

struct settings settings;

#define STORE_ROW                                                                                  \
	{                                                                                          \
		.name = "store", .value = "FILE", .type = &value_file, .into = &settings.store,    \
		.help = "the store ($DFLOW_STORE, else " DEFAULT_STORE ")",                        \
	}
#define COMMON_ROWS                                                                                \
	{ .name = "color",                                                                         \
	  .value = "WHEN",                                                                         \
	  .type = &value_color,                                                                    \
	  .into = &settings.color,                                                                 \
	  .help = "colours on standard output" },                                                  \
		{ .name = "no-pager",                                                              \
		  .into = &settings.no_pager,                                                      \
		  .help = "do not show long output through $PAGER" },                              \
	{                                                                                          \
		.letter = 'h', .name = "help", .help = "show this help"                            \
	}

static const struct option_row store_rows[] = { STORE_ROW };
static const struct option_row output_rows[] = {
	{ .letter = 'o',
	  .name = "output",
	  .value = "FORMAT",
	  .type = &value_format,
	  .into = &settings.format,
	  .help = "how to print" },
};
static const struct option_row common_rows[] = { COMMON_ROWS };
static const struct option_row global_rows[] = {
	STORE_ROW,
	COMMON_ROWS,
	{ .letter = 'V', .name = "version", .help = "show the version" },
};

const struct option_group store_group = { NULL, store_rows, N_ROWS(store_rows) };
const struct option_group output_group = { NULL, output_rows, N_ROWS(output_rows) };
const struct option_group common_group = { "Options of every command", common_rows,
					   N_ROWS(common_rows) };
const struct option_group global_group = { "Options before the command", global_rows,
					   N_ROWS(global_rows) };

bool is_default_store(void)
{
	const char *env = getenv("DFLOW_STORE");

	return !settings.store && !(env && *env);
}

const char *store_path(void)
{
	if (settings.store)
		return settings.store;
	return is_default_store() ? DEFAULT_STORE : getenv("DFLOW_STORE");
}

int open_store(struct dflow_store **ret_store)
{
	struct dflow_error error;

	if (dflow_store_open(store_path(), ret_store, &error))
		return complain(STATUS_STORE, "%s", error.message);
	return STATUS_OK;
}
