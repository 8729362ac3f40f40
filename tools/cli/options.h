/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the command line. They stand in tables, and four readers share each table: the parser
 * (options.c, over getopt_long), --help (help.c), completion in the shell (complete.c), and the
 * test that compares --help with the man pages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct command;
struct value_type; /* cli/value.h */

/* One option. */
struct option_row {
	char letter;		       /* "-n"; 0: it has no short form */
	const char *name;	       /* "limit" */
	const char *value;	       /* what --help calls the value: "N"; NULL: it takes none */
	const struct value_type *type; /* how the value is read; NULL when `value` is */
	void *into; /* where the value goes (value.h says as what); without value, a bool; NULL:
		       -h and -V, which the parser knows itself */
	const char *help; /* what it does; the default in parentheses at the end */
	/*
	 * The value when none is given; NULL: one must be given. "--wait=5" always gives one. In
	 * "--wait 5 ID" the next word is the value if it reads as one, and if without it there are
	 * still enough words for the command. So in "--wait 1234" the word is the ID.
	 */
	const char *if_bare;
};

/* Options under one heading. */
struct option_group {
	const char *title; /* NULL: none */
	const struct option_row *rows;
	size_t n_rows;
};

/* What read_options() returns beside exit statuses. */
#define WANTS_HELP (-1)	   /* -h or --help was given */
#define WANTS_VERSION (-2) /* -V or --version */

/*
 * Reads argv[1] and what follows, as the tables of the command say, and stores the values. Long
 * options may be shortened as long as they fit only one. argv is reordered. For `program` it stops
 * at the first word that is no option.
 *
 * ret_words: the words that are no options, in order; they end with NULL, and point into argv.
 * Returns STATUS_OK; WANTS_HELP or WANTS_VERSION; or STATUS_USAGE after a complaint.
 */
int read_options(const struct command *command, int argc, char **argv, int *ret_n_words,
		 char ***ret_words);

/* Complains about the command line, and points to --help. Returns STATUS_USAGE. */
int complain_usage(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Calls fn for each option of the command, in order, until fn returns false. */
void each_option(const struct command *command,
		 bool (*fn)(void *ud, const struct option_group *group,
			    const struct option_row *row),
		 void *ud);

/* The option that a word such as "-n", "--limit" or "--limit=5" names; NULL: none, or several. */
const struct option_row *option_of_word(const struct command *command, const char *word);
