// SPDX-License-Identifier: Apache-2.0
/* Reads the command line as the tables of options say. */
#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/suggest.h"
#include "cli/value.h"
#include "command.h"

#define MAX_OPTIONS 40
#define WHAT_SIZE 128
#define FIRST_LONG 256 /* what getopt_long returns for a long option: this + its index */

/* The tables of one command in the form that getopt_long wants. */
struct getopt_table {
	const struct option_row *rows[MAX_OPTIONS];
	size_t n;
	struct option longs[MAX_OPTIONS + 1]; /* an empty one ends it */
	char shorts[3 + 3 * MAX_OPTIONS];     /* "+:" and three characters for each letter */
};

/* An option with an optional value that got none, and the word behind it. */
struct bare_option {
	const struct option_row *row;
	char *next_word; /* NULL: none, or an option */
};

/* The last line of every complaint about the command line. */
static int put_usage_hint(const struct command *command)
{
	bool is_program = command == &program;

	fprintf(stderr, "Try 'dflow %s%s--help'.\n", is_program ? "" : command->name,
		is_program ? "" : " ");
	return STATUS_USAGE;
}

int complain_usage(const struct command *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain(STATUS_USAGE, "%s", text);
	return put_usage_hint(command);
}

void each_option(const struct command *command,
		 bool (*fn)(void *ud, const struct option_group *group,
			    const struct option_row *row),
		 void *ud)
{
	for (const struct option_group *const *g = command->groups; *g; g++)
		for (size_t i = 0; i < (*g)->n_rows; i++)
			if (!fn(ud, *g, &(*g)->rows[i]))
				return;
}

/*
 * One row of ours as one row of getopt_long, and as letters (getopt(3): ":" needs a value, "::" may
 * have one).
 */
static bool add_to_table(void *ud, const struct option_group *group, const struct option_row *row)
{
	struct getopt_table *t = ud;
	int has_value = !row->value  ? no_argument :
			row->if_bare ? optional_argument :
				       required_argument;
	char *end = t->shorts + strlen(t->shorts);

	if (t->n == MAX_OPTIONS)
		return false; /* more than the table of any command has */
	t->longs[t->n] = (struct option){ row->name, has_value, NULL, FIRST_LONG + (int)t->n };
	t->rows[t->n++] = row;
	if (row->letter)
		sprintf(end, "%c%s", row->letter,
			has_value == no_argument       ? "" :
			has_value == optional_argument ? "::" :
							 ":");
	return true;
}

/* getopt's complaints are switched off (':'): ours name what was meant. */
static void make_table(const struct command *command, struct getopt_table *ret_table)
{
	*ret_table = (struct getopt_table){ .n = 0 };
	strcpy(ret_table->shorts, command == &program || command->runs_command ? "+:" : ":");
	each_option(command, add_to_table, ret_table);
}

static const struct option_row *row_of(const struct getopt_table *t, int c)
{
	if (c >= FIRST_LONG)
		return t->rows[c - FIRST_LONG];
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i]->letter && t->rows[i]->letter == c)
			return t->rows[i];
	return NULL;
}

/* How many long names begin so; an exact name counts alone. ret_row: one of them. */
static size_t count_matches(const struct getopt_table *t, const char *name, size_t len,
			    const struct option_row **ret_row)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (strncmp(t->rows[i]->name, name, len))
			continue;
		*ret_row = t->rows[i];
		if (!t->rows[i]->name[len])
			return 1;
		n++;
	}
	return n;
}

const struct option_row *option_of_word(const struct command *command, const char *word)
{
	const struct option_row *row = NULL;
	struct getopt_table t;

	make_table(command, &t);
	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] != '-')
		return word[2] ? NULL : row_of(&t, word[1]);
	return count_matches(&t, word + 2, strcspn(word + 2, "="), &row) == 1 ? row : NULL;
}

/* No option has this name. Names the nearest one. */
static int complain_unknown(const struct command *command, const struct getopt_table *t,
			    const char *name, size_t len)
{
	const char *names[MAX_OPTIONS + 1] = { NULL }, *near;
	char given[64];

	for (size_t i = 0; i < t->n; i++)
		names[i] = t->rows[i]->name;
	snprintf(given, sizeof(given), "%.*s", (int)len, name);
	near = suggest(given, names);
	if (near)
		return complain_usage(command, "there is no option '--%s'; did you mean '--%s'?",
				      given, near);
	return complain_usage(command, "there is no option '--%s'", given);
}

/* A shortened name that several options begin with. */
static int complain_several(const struct command *command, const struct getopt_table *t,
			    const char *name, size_t len)
{
	char several[256] = "";

	for (size_t i = 0; i < t->n; i++)
		if (!strncmp(t->rows[i]->name, name, len))
			snprintf(several + strlen(several), sizeof(several) - strlen(several),
				 "%s--%s", *several ? ", " : "", t->rows[i]->name);
	return complain_usage(command, "'--%.*s' can be several options: %s", (int)len, name,
			      several);
}

/* `word` is a long option that getopt_long refused. It does not say why, so look again. */
static int complain_long(const struct command *command, const struct getopt_table *t,
			 const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const struct option_row *row;
	size_t n = count_matches(t, name, len, &row);
	char what[WHAT_SIZE];

	if (!n)
		return complain_unknown(command, t, name, len);
	if (n > 1)
		return complain_several(command, t, name, len);
	if (name[len])
		return complain_usage(command, "--%s takes no value", row->name);
	return complain_usage(command, "--%s needs %s", row->name,
			      what_is_needed(row->type, what, sizeof(what)));
}

/* c: what getopt_long returned, '?' or ':'. word: the one that it read last. */
static int complain_option(const struct command *command, const struct getopt_table *t, int c,
			   const char *word)
{
	const struct option_row *row = row_of(t, optopt);
	char what[WHAT_SIZE];

	if (!strncmp(word, "--", 2) && !(c == '?' && optopt > 0 && optopt < FIRST_LONG))
		return complain_long(command, t, word);
	if (c == ':' && row)
		return complain_usage(command, "-%c needs %s", row->letter,
				      what_is_needed(row->type, what, sizeof(what)));
	return complain_usage(command, "there is no option '-%c'", optopt);
}

/* Reads the value into its place, or says what is needed. */
static int store_value(const struct command *command, const struct option_row *row,
		       const char *text)
{
	char what[WHAT_SIZE];
	const char *near;

	if (!row->type->parse(row->type, text, row->into))
		return STATUS_OK;
	near = row->type->words ? suggest(text, row->type->words()) : NULL;
	return complain_usage(command, "--%s needs %s, not '%s'%s%s%s", row->name,
			      what_is_needed(row->type, what, sizeof(what)), text,
			      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Keeps in mind the word behind an option without value: it may be the value. */
static int store_bare(const struct command *command, const struct option_row *row, int argc,
		      char **argv, struct bare_option *ret_bare)
{
	*ret_bare = (struct bare_option){ .row = row };
	if (optind < argc && argv[optind][0] != '-')
		ret_bare->next_word = argv[optind];
	return store_value(command, row, row->if_bare);
}

/* getopt_long has read this option; optarg is its value, or NULL. */
static int store_option(const struct command *command, const struct option_row *row, int argc,
			char **argv, struct bare_option *bare)
{
	if (!row->into)
		return row->letter == 'V' ? WANTS_VERSION : WANTS_HELP;
	if (!row->value) {
		*(bool *)row->into = true;
		return STATUS_OK;
	}
	if (!optarg)
		return store_bare(command, row, argc, argv, bare);
	if (row == bare->row)
		bare->next_word = NULL; /* the last value counts: "--wait 5 --wait=7 ID" is 7 */
	return store_value(command, row, optarg);
}

/* True: the word behind the option is its value; it is taken out of the words. */
static bool take_bare_value(const struct command *command, const struct bare_option *bare,
			    int *n_words, char **words)
{
	int i = 0;

	if (!bare->next_word || *n_words <= command->min_words)
		return false;
	while (i < *n_words && words[i] != bare->next_word)
		i++;
	if (i == *n_words || bare->row->type->parse(bare->row->type, words[i], bare->row->into))
		return false;
	memmove(&words[i], &words[i + 1], (size_t)(*n_words - i) * sizeof(*words));
	--*n_words;
	return true;
}

/* As many words as the command takes? after_dashes: they stand behind "--". */
static int check_words(const struct command *command, int n_words, char **words, bool after_dashes)
{
	if (command == &program)
		return STATUS_OK;
	if (command->runs_command) {
		if (n_words && !after_dashes)
			return complain_usage(command,
					      "%s takes no argument '%s'; a command stands behind "
					      "'--'",
					      command->name, words[0]);
		return STATUS_OK;
	}
	if (!command->word && n_words)
		return complain_usage(command, "%s takes no argument '%s'", command->name,
				      words[0]);
	if (n_words < command->min_words)
		return complain_usage(command, "%s needs %s %s", command->name,
				      strchr("AEIOU", command->word[0]) ? "an" : "a",
				      command->word);
	if (command->max_words && n_words > command->max_words)
		return complain_usage(command, "%s takes one %s; '%s' is too many", command->name,
				      command->word, words[command->max_words]);
	return STATUS_OK;
}

int read_options(const struct command *command, int argc, char **argv, int *ret_n_words,
		 char ***ret_words)
{
	struct bare_option bare = { NULL };
	struct getopt_table t;
	int c, status, n_words;

	make_table(command, &t);
	optind = 0; /* main() has read the options before the command (getopt(3): 0 starts anew) */
	while ((c = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		status = c == '?' || c == ':' ?
				 complain_option(command, &t, c, argv[optind - 1]) :
				 store_option(command, row_of(&t, c), argc, argv, &bare);
		if (status)
			return status;
	}
	n_words = argc - optind;
	take_bare_value(command, &bare, &n_words, argv + optind);
	status = check_words(command, n_words, argv + optind,
			     optind > 1 && !strcmp(argv[optind - 1], "--"));
	if (status)
		return status;
	*ret_n_words = n_words;
	*ret_words = argv + optind;
	return STATUS_OK;
}
