// SPDX-License-Identifier: Apache-2.0
/* dflow completion: scripts by which a shell completes commands, options and ids. */
#include <stdio.h>
#include <string.h>

#include "cli/common.h"
#include "cli/complain.h"
#include "cli/suggest.h"
#include "cli/value.h"
#include "command.h"

/*
 * The scripts know no option and no command: they ask 'dflow __complete', which reads the tables
 * (cli/complete.c). So they never have to be changed when an option is added.
 */
static const char bash_script[] = "# bash completion for dflow.   source <(dflow completion bash)\n"
				  "_dflow() {\n"
				  "\tlocal line cur=${COMP_WORDS[COMP_CWORD]}\n"
				  "\tCOMPREPLY=()\n"
				  "\twhile IFS= read -r line; do\n"
				  "\t\tcase $line in\n"
				  "\t\t:files) compopt -o default 2>/dev/null ;;\n"
				  "\t\t:folders) compopt -o dirnames 2>/dev/null ;;\n"
				  "\t\t:commands) COMPREPLY=($(compgen -c -- \"$cur\")) ;;\n"
				  "\t\t*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
				  "\t\tesac\n"
				  "\tdone < <(\"${COMP_WORDS[0]}\" __complete "
				  "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
				  "}\n"
				  "complete -F _dflow dflow\n";

static const char zsh_script[] =
	"#compdef dflow\n"
	"# zsh completion for dflow.   source <(dflow completion zsh)\n"
	"_dflow() {\n"
	"\tlocal line candidate\n"
	"\tlocal -a candidates\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:files) compset -P '-*='; _files; return ;;\n"
	"\t\t:folders) compset -P '-*='; _files -/; return ;;\n"
	"\t\t:commands) _command_names; return ;;\n"
	"\t\tesac\n"
	"\t\tcandidate=${line%%$'\\t'*}\n"
	"\t\tcandidates+=(\"${candidate//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\tdone < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\t(( $#candidates )) && _describe dflow candidates\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _dflow ]; then _dflow \"$@\"; else compdef _dflow dflow; fi\n";

static const char *const shells[] = { "bash", "zsh", NULL };

static const char *const *shell_words(void)
{
	return shells;
}

/* Only for completion: the word is not an option's value. */
static const struct value_type value_shell = { NULL, NULL, COMPLETE_WORDS, shell_words };

static int run(int n_words, char **words)
{
	const char *near;

	if (!strcmp(words[0], "bash")) {
		fputs(bash_script, stdout);
		return STATUS_OK;
	}
	if (!strcmp(words[0], "zsh")) {
		fputs(zsh_script, stdout);
		return STATUS_OK;
	}
	near = suggest(words[0], shells);
	return complain_usage(&cmd_completion,
			      "there is no completion for '%s', only for bash and "
			      "zsh%s%s%s",
			      words[0], near ? "; did you mean '" : "", near ? near : "",
			      near ? "'?" : "");
}

static const struct option_group *const groups[] = { &common_group, NULL };
static const struct exit_meaning statuses[] = {
	{ STATUS_OK, "the script was printed" },
	{ STATUS_USAGE, "the command line is wrong" },
	{ STATUS_STORE, "standard output cannot be written" },
	{ 0, NULL },
};

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print a script that completes command lines in bash or zsh",
	.synopsis = "[OPTION]... SHELL",
	.about = "Prints a script for the shell (bash or zsh). With it the Tab key completes "
		 "commands, options, values, and ids of requests in the store.\n\n"
		 "In ~/.bashrc: source <(dflow completion bash)\n\n"
		 "In ~/.zshrc, after compinit: source <(dflow completion zsh)",
	.groups = groups,
	.statuses = statuses,
	.word = "SHELL",
	.word_type = &value_shell,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
