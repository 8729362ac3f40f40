/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of dflow. docs/man/dflow.1 documents them; scripts depend on them. */
#pragma once

enum exit_status {
	STATUS_OK = 0,
	STATUS_NOTHING = 1,	/* no such request, or nothing to show */
	STATUS_USAGE = 2,	/* the command line or the configuration is wrong */
	STATUS_AMBIGUOUS = 3,	/* the beginning of an id fits several requests */
	STATUS_ENVIRONMENT = 4, /* not root, a capability or a kernel feature is missing, or there
				   is no such target */
	STATUS_STORE = 5,	/* the store cannot be read or written, or another recorder has it;
				   also: standard output cannot be written */
	STATUS_FILE = 6,	/* another input or output file cannot be read or written */
	STATUS_NOT_SETTLED = 7, /* the time of --wait is over; what is known was printed */
	STATUS_INTERRUPTED = 130, /* SIGINT or SIGTERM came. main() then ends by that signal, so a
				     shell reports 130 or 143 and stops its own loops */
};
