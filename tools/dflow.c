// SPDX-License-Identifier: Apache-2.0
/* dflow: the table of subcommands. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct command *const commands[] = {
	&cmd_record, &cmd_trace, &cmd_ls, &cmd_doctor, &cmd_replay,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fputs("usage: dflow COMMAND [OPTION]...\n"
	      "Where has the text of a chat message been?\n\n",
	      to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'dflow COMMAND --help' tells more; so do the man pages dflow(1) and\n"
	      "dflow-COMMAND(1).\n",
	      to);
}

static int run(const struct command *command, int argc, char **argv)
{
	int status = command->run(argc, argv);

	if (status != WANTS_HELP)
		return status;
	fputs(command->usage, stdout);
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	static char program[] = "dflow";

	setlocale(LC_ALL, "");
	if (argc < 2) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_usage(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("dflow %s\n", dflow_version());
		return STATUS_OK;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		argv[1] = program; /* what getopt's complaints begin with */
		return run(commands[i], argc - 1, argv + 1);
	}
	return complain(STATUS_USAGE, "there is no command '%s'; 'dflow --help' lists them",
			argv[1]);
}
