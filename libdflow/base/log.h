/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log hook: the only way in which the library says something besides results and errors.
 *
 * The library never prints. A caller who wants to read its remarks (what libbpf says about a
 * program that does not load, the first loss of events, a limit that was reached) gives a struct
 * dfl_log. It is a value: copy it into each object that may have something to say. There is no
 * default hook and no global one.
 *
 * What a line may hold: names of programs and libraries, process ids, counts, sizes, error names.
 * What it must never hold: payload, arguments of commands, names of users' files.
 */
#pragma once

/* In the order of importance. A hook that wants less returns early for higher numbers. */
enum dfl_log_level {
	DFL_LOG_ERROR, /* something was given up that the caller asked for */
	DFL_LOG_WARN,  /* it goes on, but less is seen than was hoped for */
	DFL_LOG_INFO,  /* what an operator wants to know once: started with, recovered at */
	DFL_LOG_DEBUG, /* for developers; may be many lines */
};

struct dfl_log {
	/*
	 * Gets one line: NUL-terminated UTF-8 without a newline at its end, valid until fn returns.
	 * It is called in the thread that called the library, before that call returns. It must not
	 * call the object that speaks. NULL: nobody listens, and no line is made.
	 */
	void (*fn)(void *ud, enum dfl_log_level level, const char *line);
	void *ud; /* given to fn as it is; the owner of the hook keeps it alive */
};

#define DFL_LOG_LINE 512 /* bytes of a line with its NUL; what is longer is cut */

/* Makes a line and gives it to the hook. `log` may be NULL, as well as log->fn: then it does
 * nothing. */
void dfl_log_write(const struct dfl_log *log, enum dfl_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
