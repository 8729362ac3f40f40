/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output: write errors are never lost, and long output goes through a pager. */
#pragma once

/*
 * Call it first in main(). If standard input, output or error is closed, a file opened later (such
 * as the store) would get its number and be overwritten by what is printed. This puts something
 * harmless there: what is written to a closed standard output fails with EBADF. From here on write
 * errors are kept for finish_output().
 */
void guard_standard_output(void);

/*
 * From here on standard output goes through $PAGER (less) if it is a terminal, unless --no-pager
 * was given or the output has no end. Call it just before the first output.
 */
void start_pager(void);

/* Writes out what is buffered. Returns STATUS_OK, or STATUS_STORE when it cannot be written. */
int flush_output(void);

/*
 * Call it last in main(): writes out everything and waits for the pager. Returns `status`, or
 * STATUS_STORE, with a complaint, if anything could not be written since the start. That the reader
 * is gone (EPIPE) is no complaint: with a pager the status stays; without one SIGPIPE has ended the
 * process before, or, where SIGPIPE is ignored, STATUS_STORE is returned.
 */
int finish_output(int status);
