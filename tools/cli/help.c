// SPDX-License-Identifier: Apache-2.0
/* --help, made from the tables of commands and options. */
#include "cli/help.h"

#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/value.h"
#include "command.h"

#define HELP_COLUMN 24 /* where the text of an option begins */
#define BLANKS "                        "
#define TEXT_SIZE 2048

/* As the page, but never so wide that lines are hard to read. */
static int help_columns(void)
{
	int n = page_columns();

	return n < HELP_COLUMNS ? n : HELP_COLUMNS;
}

/* Paragraphs stand between empty lines; each is folded. */
static void put_paragraphs(FILE *to, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		int len = end ? (int)(end - text) : (int)strlen(text);
		char paragraph[TEXT_SIZE];

		snprintf(paragraph, sizeof(paragraph), "%.*s", len, text);
		put_lines(to, paragraph, 0, help_columns(), "");
		if (!end)
			return;
		fputc('\n', to);
		text = end + 2;
	}
}

/* "  -n, --limit=N", then the text, on the next line if the name is too long. */
static void put_option(const struct option_row *row)
{
	char name[64], text[TEXT_SIZE], words[128];
	int column;

	snprintf(name, sizeof(name), "%s%s%s%s%s", row->name, row->if_bare ? "[" : "",
		 row->value ? "=" : "", row->value ? row->value : "", row->if_bare ? "]" : "");
	if (row->letter)
		column = printf("  -%c, --%s", row->letter, name);
	else
		column = printf("      --%s", name);
	if (row->type && row->type->words)
		snprintf(text, sizeof(text), "%s: %s (%s)", row->help,
			 what_is_needed(row->type, words, sizeof(words)), row->type->words()[0]);
	else
		snprintf(text, sizeof(text), "%s", row->help);
	if (column + 2 > HELP_COLUMN) {
		putchar('\n');
		column = 0;
	}
	printf("%*s", HELP_COLUMN - column, "");
	put_lines(stdout, text, HELP_COLUMN, help_columns(), BLANKS);
}

static void put_group(const struct option_group *group)
{
	char title[256];

	if (group->title) {
		snprintf(title, sizeof(title), "%s%s:%s", style_on(STYLE_HEAD), group->title,
			 style_off(STYLE_HEAD));
		put_lines(stdout, title, 0, help_columns(), "");
	}
	for (size_t i = 0; i < group->n_rows; i++)
		put_option(&group->rows[i]);
}

static void put_groups(const struct command *command)
{
	bool after = false;

	for (const struct option_group *const *g = command->groups; *g; g++) {
		if (after && (*g)->title)
			putchar('\n');
		put_group(*g);
		after = true;
	}
}

static void put_statuses(const struct command *command)
{
	printf("\n%sExit status:%s\n", style_on(STYLE_HEAD), style_off(STYLE_HEAD));
	for (const struct exit_meaning *s = command->statuses; s->meaning; s++)
		put_lines(stdout, s->meaning, printf("  %3d  ", s->status), help_columns(),
			  "       ");
}

void print_help(const struct command *command)
{
	if (command == &program) {
		print_program_help(stdout);
		return;
	}
	printf("usage: dflow %s %s\n", command->name, command->synopsis);
	put_paragraphs(stdout, command->about);
	putchar('\n');
	put_groups(command);
	if (command->statuses)
		put_statuses(command);
}

void print_program_help(FILE *to)
{
	fprintf(to, "usage: dflow %s\n", program.synopsis);
	put_paragraphs(to, program.about);
	fputc('\n', to);
	for (const struct command *const *c = commands; *c; c++)
		put_lines(to, (*c)->summary, fprintf(to, "  %-11s ", (*c)->name), help_columns(),
			  "              ");
	if (to == stdout) {
		putchar('\n');
		put_groups(&program);
	}
	fputc('\n', to);
	put_lines(to,
		  "'dflow help COMMAND' tells more; so do the man pages dflow(1) and "
		  "dflow-COMMAND(1).",
		  0, help_columns(), "");
}
