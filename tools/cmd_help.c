// SPDX-License-Identifier: Apache-2.0
/* dflow help: the same as --help. */
#include <stdio.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/help.h"
#include "cli/value.h"
#include "command.h"

static const char *const *command_words(void)
{
	static const char *words[32];
	size_t n = 0;

	for (const struct command *const *c = commands; *c && n < 31; c++)
		words[n++] = (*c)->name;
	words[n] = NULL;
	return words;
}

/* Only for completion: the word is not an option's value. */
static const struct value_type value_command = { NULL, NULL, COMPLETE_WORDS, command_words };

static int run(int n_words, char **words)
{
	const struct command *command = n_words ? find_command(words[0]) : &program;

	if (!command)
		return complain_no_command(words[0]);
	print_help(command);
	return STATUS_OK;
}

static const struct option_group *const groups[] = { &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "the help was shown" },
	{ STATUS_USAGE, "there is no such command" },
	{ STATUS_STORE, "standard output cannot be written" },
	{ 0, NULL },
};

const struct command cmd_help = {
	.name = "help",
	.summary = "show the help of a command",
	.synopsis = "[COMMAND]",
	.about = "Shows the help of a command, as 'dflow COMMAND --help' does. Without COMMAND it "
		 "lists the commands.",
	.groups = groups,
	.statuses = statuses,
	.word = "COMMAND",
	.word_type = &value_command,
	.max_words = 1,
	.run = run,
};
