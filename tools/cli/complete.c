// SPDX-License-Identifier: Apache-2.0
/* Completion in the shell: what may stand at the cursor. It reads the same tables as the parser. */
#include "cli/complete.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/value.h"
#include "command.h"

#define MAX_WORDS 256
#define MAX_LINE 4096
#define MAX_IDS 50

/* The command line before the cursor. */
struct line {
	const char *words[MAX_WORDS];
	size_t n;
	const char *typed;  /* of the word at the cursor */
	const char *before; /* what stands before a candidate in the same word: "--color=" */
	bool joined;	    /* the word at the cursor was three words */
};

static bool begins_with(const char *text, const char *beginning)
{
	return !strncmp(text, beginning, strlen(beginning));
}

/* Prints the candidate if it continues what is typed. explanation: NULL if there is none. */
static void put(const struct line *line, const char *candidate, const char *explanation)
{
	if (begins_with(candidate, line->typed))
		printf("%s%s%s%s\n", line->before, candidate, explanation ? "\t" : "",
		       explanation ? explanation : "");
}

/* ---- ids ---- */

/* For dflow_store_candidates(), which has chosen by what is typed already. */
static int put_id(void *ud, const char *key, const char *kind, const char *trace_id)
{
	put(ud, key, kind);
	return 0;
}

/* Nothing is typed yet: the newest requests, with what was asked for. */
static void put_newest(const struct line *line, struct dflow_store *store)
{
	struct dflow_list_opts opts = { .sz = sizeof(opts),
					.limit = MAX_IDS,
					.order = DFLOW_NEWEST_FIRST };
	const struct dflow_trace *t;
	struct dflow_cursor *cursor;

	if (dflow_cursor_open(store, &opts, &cursor, NULL))
		return;
	while (dflow_cursor_next(cursor, &t, NULL) > 0) {
		const char *message = dflow_trace_other_id(t, "message_id");

		put(line, message ? message : dflow_trace_id(t), dflow_trace_operation(t));
	}
	dflow_cursor_close(cursor);
}

static void put_ids(const struct line *line)
{
	struct dflow_store *store;

	if (dflow_store_open(store_path(), &store, NULL))
		return; /* a shell that completes says nothing of errors */
	if (*line->typed)
		dflow_store_candidates(store, line->typed, MAX_IDS, put_id, (void *)line, NULL);
	else
		put_newest(line, store);
	dflow_store_close(store);
}

/* ---- values, options, commands ---- */

/* What the type of a value offers. */
static void put_values(const struct line *line, const struct value_type *type)
{
	switch (type->completion) {
	case COMPLETE_WORDS:
		for (const char *const *word = type->words(); *word; word++)
			put(line, *word, NULL);
		break;
	case COMPLETE_FILES:
		puts(":files");
		break;
	case COMPLETE_FOLDERS:
		puts(":folders");
		break;
	case COMPLETE_IDS:
		put_ids(line);
		break;
	case COMPLETE_NOTHING:
		break;
	}
}

static bool put_option(void *ud, const struct option_group *group, const struct option_row *row)
{
	char name[64];

	snprintf(name, sizeof(name), "--%s", row->name);
	put(ud, name, row->help);
	return true;
}

static void put_commands(const struct line *line)
{
	for (const struct command *const *c = commands; *c; c++)
		put(line, (*c)->name, (*c)->summary);
}

/* The option whose value is the next word; NULL: the next word is no value. */
static const struct option_row *awaits_value(const struct command *command, const char *word)
{
	const struct option_row *row = option_of_word(command, word);

	return row && row->value && !row->if_bare && !strchr(word, '=') ? row : NULL;
}

/* Reads what stands before the cursor: the command, and the store whose ids are asked for. */
static const struct command *read_line(const struct line *line, bool *ret_after_dashes)
{
	const struct command *command = &program;

	*ret_after_dashes = false;
	for (size_t i = 0; i < line->n; i++) {
		const char *word = line->words[i], *value = strchr(word, '=');
		const struct option_row *row = option_of_word(command, word);

		if (!strcmp(word, "--")) {
			*ret_after_dashes = true;
			break;
		}
		if (awaits_value(command, word))
			value = ++i < line->n ? line->words[i] : NULL;
		else if (value)
			value++;
		if (row && row->into == &settings.store && value)
			settings.store = value;
		if (!row && word[0] != '-' && command == &program && find_command(word))
			command = find_command(word);
	}
	return command;
}

/* At the cursor stands "--store=x" as one word. */
static bool complete_joined_value(struct line *line, const struct command *command)
{
	static char before[MAX_LINE];
	const struct option_row *row = option_of_word(command, line->typed);
	const char *value = strchr(line->typed, '=');

	if (line->typed[0] != '-' || !value || !row || !row->value)
		return false;
	snprintf(before, sizeof(before), "%.*s", (int)(value + 1 - line->typed), line->typed);
	if (!line->joined)
		line->before = before;
	line->typed = value + 1;
	put_values(line, row->type);
	return true;
}

/*
 * The cursor stands behind "--", behind an option that needs a value, in a value, in an option, in
 * the name of the command, or in a word.
 */
static void complete(struct line *line)
{
	bool after_dashes;
	const struct command *command = read_line(line, &after_dashes);
	const struct option_row *row = line->n ? awaits_value(command, line->words[line->n - 1]) :
						 NULL;

	if (after_dashes && command->runs_command)
		puts(":commands");
	else if (row)
		put_values(line, row->type);
	else if (complete_joined_value(line, command))
		return;
	else if (line->typed[0] == '-')
		each_option(command, put_option, line);
	else if (command == &program)
		put_commands(line);
	else if (command->word_type)
		put_values(line, command->word_type);
}

/* Joins what bash split: "--color", "=" and "al" are "--color=al". */
static void join_words(char **words, int n_words, char *buffer, size_t size, struct line *ret_line)
{
	for (int i = 0; i < n_words && ret_line->n < MAX_WORDS; i++) {
		size_t len;

		ret_line->joined = ret_line->n && !strcmp(words[i], "=");
		if (!ret_line->joined) {
			ret_line->words[ret_line->n++] = words[i];
			continue;
		}
		len = strlen(ret_line->words[ret_line->n - 1]) + 2 +
		      (i + 1 < n_words ? strlen(words[i + 1]) : 0);
		if (len > size)
			return;
		snprintf(buffer, size, "%s=%s", ret_line->words[ret_line->n - 1],
			 i + 1 < n_words ? words[i + 1] : "");
		ret_line->words[ret_line->n - 1] = buffer;
		buffer += len;
		size -= len;
		i++;
	}
}

void print_candidates(int n_words, char **words)
{
	static char buffer[MAX_LINE];
	struct line line = { .before = "" };

	if (n_words < 1)
		return;
	join_words(words, n_words, buffer, sizeof(buffer), &line);
	line.typed = line.words[--line.n];
	complete(&line);
}
