/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share: exit statuses, complaints, options. */
#pragma once

#include <dflow.h>
#include <getopt.h>
#include <jansson.h>

/* Documented in docs/man/dflow.1. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_NOTHING = 1,	/* no such request, nothing to show */
	STATUS_USAGE = 2,	/* the command line, or the configuration, is wrong */
	STATUS_AMBIGUOUS = 3,	/* the beginning of an id fits several */
	STATUS_ENVIRONMENT = 4, /* not root, a capability or a kernel feature is missing, no such
				   target */
	STATUS_STORE = 5, /* the store cannot be read or written, or another recorder has it */
	STATUS_FILE = 6,  /* an input or output file cannot be read or written */
	STATUS_NOT_SETTLED = 7, /* the time of --wait is over; what is known so far was printed */
};

#define WANTS_HELP (-1) /* in place of an exit status: --help was asked for */

struct command {
	const char *name;
	const char *summary;
	const char *usage;		   /* what --help prints */
	int (*run)(int argc, char **argv); /* returns an exit status or WANTS_HELP */
};

extern const struct command cmd_record, cmd_trace, cmd_ls, cmd_doctor, cmd_replay;

/* Says "dflow: …" on stderr, folded on a terminal, and returns the status. */
int complain(enum exit_status status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The exit status that belongs to an error of recording or replaying. */
enum exit_status status_of(const struct dflow_error *error);
/* Points to --help, after getopt has said what is wrong. */
int complain_usage(const struct command *command);

/* Says on stderr which texts of earlier requests are not known again, and why. */
void say_unknown(const struct dflow_stats *stats, const char *store);

/* --store, else $DFLOW_STORE, else the default. */
const char *store_path(const char *option);
/* Opens the store or says why not. */
int open_store(const char *option, struct dflow_store **ret_store);
/*
 * Reads the options by getopt_long and hands each to `set`, which returns 0, or complains and
 * returns a status. Returns that status; STATUS_USAGE after a complaint of getopt's; WANTS_HELP for
 * -h or --help.
 */
int read_options(const struct command *command, int argc, char **argv, const char *shorts,
		 const struct option *longs, int (*set)(void *ud, int c), void *ud);
/* -o json or -o text; else it complains. */
int set_output(const char *word, bool *ret_json);
/* "90", "1.5", also with a unit s, m, h, d. -1: not a time. */
int parse_duration(const char *text, uint64_t *ret_ns);
/* RFC 3339 in UTC ("2026-03-01T12:00:00Z", or without time of day), or a duration before now. */
int parse_time(const char *text, int64_t *ret_ns);

/* Loads the JSON of a trace; NULL after a complaint about memory. */
json_t *trace_to_json(const struct dflow_trace *trace);
