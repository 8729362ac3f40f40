/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C (SIGINT) and SIGTERM while a command waits or follows: it ends cleanly. */
#pragma once

#include <stdbool.h>

/*
 * From here on the first of these signals does not end the process; interrupted() tells that it
 * came. The second one ends it at once.
 */
void watch_interrupt(void);
/* True: one came. */
bool interrupted(void);
/* A file descriptor that polls readable once one came; for good. -1 before watch_interrupt(). */
int interrupt_fd(void);
/* Sleeps so long, or until one comes. Returns interrupted(). */
bool sleep_or_interrupt(int ms);
/*
 * Ends the process by the signal that came, as if nobody had watched it. So the shell that waits
 * for dflow sees why it ended, and ends its own loop. Does nothing when none came.
 */
void die_of_interrupt(void);
