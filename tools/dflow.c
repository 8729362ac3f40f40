// SPDX-License-Identifier: Apache-2.0
/* dflow: finds the command, reads its options, runs it. */
#include <dflow.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/standard_output.h"
#include "cli/suggest.h"
#include "command.h"

#define MAX_COMMANDS 32

#define ROW(name) &cmd_##name,
const struct command *const commands[] = { COMMANDS(ROW) NULL };

static const struct option_group *const groups[] = { &global_group, NULL };

const struct command program = {
	.name = "dflow",
	.synopsis = "[OPTION]... COMMAND [ARGUMENT]...",
	.about = "Where has the text of a chat message been?",
	.groups = groups,
};

const struct command *find_command(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

int complain_no_command(const char *name)
{
	const char *names[MAX_COMMANDS] = { NULL }, *near;

	for (size_t i = 0; commands[i] && i + 1 < MAX_COMMANDS; i++)
		names[i] = commands[i]->name;
	near = suggest(name, names);
	if (near)
		return complain(STATUS_USAGE, "there is no command '%s'; did you mean '%s'?", name,
				near);
	return complain(STATUS_USAGE, "there is no command '%s'; 'dflow --help' lists them", name);
}

/* What read_options() returned, and what follows from it. */
static int run_command(const struct command *command, int status, int n_words, char **words)
{
	set_color(settings.color);
	switch (status) {
	case WANTS_HELP:
		print_help(command);
		return STATUS_OK;
	case WANTS_VERSION:
		printf("dflow %s\n", dflow_version());
		return STATUS_OK;
	case STATUS_OK:
		return command->run(n_words, words);
	default:
		return status;
	}
}

static int run(int argc, char **argv)
{
	const struct command *command;
	char **words;
	int n_words, status = read_options(&program, argc, argv, &n_words, &words);

	if (status)
		return run_command(&program, status, 0, NULL);
	if (!n_words) {
		print_program_help(stderr);
		return STATUS_USAGE;
	}
	command = find_command(words[0]);
	if (!command)
		return complain_no_command(words[0]);
	status = read_options(command, n_words, words, &n_words, &words);
	return run_command(command, status, n_words, words);
}

int main(int argc, char **argv)
{
	int status = STATUS_OK;

	guard_standard_output();
	setlocale(LC_ALL, "");
	if (argc > 1 && !strcmp(argv[1], "__complete"))
		print_candidates(argc - 2, argv + 2);
	else
		status = run(argc, argv);
	status = finish_output(status);
	if (status == STATUS_INTERRUPTED)
		die_of_interrupt();
	return status;
}
