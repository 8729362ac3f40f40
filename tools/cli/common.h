/* SPDX-License-Identifier: Apache-2.0 */
/* Options that several commands share, and what follows from them. */
#pragma once

#include <dflow.h>

#include "cli/options.h"
#include "cli/terminal.h"

struct format; /* output/format.h */

/* The values of the shared options. */
struct settings {
	const char *store; /* NULL: not given */
	const struct format *format;
	enum color_when color;
	bool no_pager;
};
extern struct settings settings;

/* --store */
extern const struct option_group store_group;
/* -o, --output */
extern const struct option_group output_group;
/* --color, --no-pager, --help: every command has these. */
extern const struct option_group common_group;
/* The same, --store and --version: what may stand before the command. */
extern const struct option_group global_group;

/* --store, else $DFLOW_STORE, else the default. */
const char *store_path(void);
/* True: nobody named a store. */
bool is_default_store(void);
/* Opens the store for reading, or complains. Returns STATUS_OK or STATUS_STORE. */
int open_store(struct dflow_store **ret_store);
