/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options: how each is read, and how a shell completes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a shell offers for a value. */
enum completion {
	COMPLETE_NOTHING,
	COMPLETE_WORDS, /* what words() lists */
	COMPLETE_FILES,
	COMPLETE_FOLDERS,
	COMPLETE_IDS, /* ids of requests, from the store */
};

struct value_type {
	/* Completes "--since needs …": "a time such as …"; NULL: one of words(). */
	const char *what;
	/*
	 * Reads the text into *into. Returns 0, or -1 when the text is no such value; then *into
	 * is untouched.
	 */
	int (*parse)(const struct value_type *type, const char *text, void *into);
	enum completion completion;
	/* All values, the default first, ended by NULL; NULL: they are no list. */
	const char *const *(*words)(void);
};

/* type->what, or the words: "auto, always or never". Cut off where `size` bytes do not hold it. */
const char *what_is_needed(const struct value_type *type, char *buffer, size_t size);

extern const struct value_type value_text, /* into: const char *, borrowed from argv */
	value_file,			   /* the same */
	value_folder,			   /* the same */
	value_id,			   /* the same */
	value_duration,			   /* uint64_t, nanoseconds */
	value_age,			   /* uint64_t, seconds, 1 or more */
	value_time,			   /* int64_t, nanoseconds since 1970 UTC */
	value_size,			   /* uint64_t, bytes, 1 or more */
	value_count,			   /* uint32_t, 1 or more */
	value_fd,			   /* int, a file descriptor */
	value_color;			   /* enum color_when */

/*
 * "90" (seconds), "1.5h", "2h30m": numbers with a unit d, h, m, s or ms, each unit at most once,
 * the longest first. Returns 0 or -1.
 */
int parse_duration(const char *text, uint64_t *ret_ns);

/*
 * A time of day, or a duration before now_ns. RFC 3339 ("2026-03-01T12:00:00Z", with any offset
 * and fraction); also without seconds, without zone (UTC), or the date alone. Returns 0 or -1.
 */
int parse_time(const char *text, int64_t now_ns, int64_t *ret_ns);

/*
 * A number of bytes: "4194304", "4M", "1.5G". K, M, G and T are 1024, 1024², 1024³ and 1024⁴, also
 * as KiB and so on. "MB" is refused: it means 10⁶ for some people. Returns 0 or -1.
 */
int parse_size(const char *text, uint64_t *ret_bytes);
