/* SPDX-License-Identifier: Apache-2.0 */
/* What a subcommand is. Each is one file, cmd_NAME.c, and one row of COMMANDS. */
#pragma once

#include "cli/options.h"
#include "cli/status.h"

/* One line of "Exit status" in --help. */
struct exit_meaning {
	int status;
	const char *meaning; /* NULL ends a list */
};

struct command {
	const char *name;
	const char *summary;  /* one line, for the list of commands */
	const char *synopsis; /* what follows "usage: dflow NAME": "[OPTION]... ID" */
	const char *about; /* what it does, in paragraphs between empty lines; --help folds them */

	const struct option_group *const *groups; /* its options; NULL ends the list */
	const struct exit_meaning *statuses;	  /* in ascending order */

	/* The words that are no options. */
	const char *word;		    /* what one is called: "ID"; NULL: it takes none */
	const struct value_type *word_type; /* for completion; NULL when `word` is */
	int min_words, max_words;	    /* max_words 0: without limit, when `word` is set */
	bool runs_command; /* words may follow "--" only, and are a command line of its own */

	/* Gets the words that are no options, ended by NULL. Returns an exit status. */
	int (*run)(int n_words, char **words);
};

/*
 * The table of commands, in the order of 'dflow --help': each NAME here is a `const struct command
 * cmd_NAME` in the file cmd_NAME.c.
 */
#define COMMANDS(row)                                                                              \
	row(record) row(trace) row(ls) row(doctor) row(replay) row(completion) row(help)

#define DECLARE_COMMAND(name) extern const struct command cmd_##name;
COMMANDS(DECLARE_COMMAND)
#undef DECLARE_COMMAND

/* The same as a list that ends with NULL. */
extern const struct command *const commands[];
/* dflow itself: the options that may stand before the name of the command. */
extern const struct command program;

/* NULL: there is none of this name. */
const struct command *find_command(const char *name);
/* Complains, and names the command that was meant, if one is near. Returns STATUS_USAGE. */
int complain_no_command(const char *name);
