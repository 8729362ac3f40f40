/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fingerprints of texts that are no more in memory: about one in 16 of their k-grams, chosen by
 * content, hashed under a key, cut to 40 bits, sorted. Views are searched for them, so that a text
 * is known again when it returns. docs/canonical.md has the numbers and what follows from them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dfl_match;
struct dfl_match_source;
struct dfl_fingerprint_set; /* the fingerprints of one old text, in the table */

#define DFL_PRINT_VERSION 1  /* of all that is said here; kept with what is stored */
#define DFL_PRINT_K 15	     /* canonical bytes of a k-gram */
#define DFL_PRINT_RATE_LOG 4 /* one in so many is chosen: 1 << 4 */
#define DFL_PRINT_BYTES 5    /* of one, most significant first */
#define DFL_PRINT_KEY_BYTES 32

/* Named limits. */
#define DFL_PRINTS_PER_TEXT 65536 /* of one text; the rest of it (beyond 1 MiB) has none */
#define DFL_PRINT_SETS 65536	  /* in the table: -ENOSPC */
#define DFL_PRINT_SHARED 8  /* sets that one fingerprint leads to, the newest: capped_prints */
#define DFL_PRINT_CHAINS 16 /* of one scan: capped_candidates */

/*
 * Fingerprints of one set that were found one after the other: no other k-gram that would have been
 * chosen stood between them.
 */
struct dfl_fingerprint_run {
	uint64_t pos_from, pos_to; /* in stream positions of the view; at least this much, … */
	uint64_t reach_from, reach_to; /* … and at most this: to the next k-grams that are not of
					  the set */
	uint32_t span;		       /* canonical bytes from the first to the end of the last */
	uint32_t hits, distinct;       /* all that were found; different ones */
	const uint8_t *seen; /* bit i of byte i / 8: fingerprint i was among them; borrowed */
	uint32_t others;     /* sets of other owners in which all of them are, too */
	uint32_t encodings;
	uint64_t ts_first_ns, ts_last_ns;
};

/* Called for each run of two or more different ones. It may not free the set. */
typedef void (*dfl_fingerprint_fn)(void *ud, void *view_ud, void *set_ud,
				   const struct dfl_fingerprint_run *run);

/*
 * The fingerprints of a source, DFL_PRINT_BYTES each, sorted, different; free() them. 0 or -ENOMEM.
 */
int dfl_fingerprint_of(const struct dfl_match_source *s, uint8_t **ret_prints, uint32_t *ret_n);
/*
 * Adds the marks of one run to another: of n fingerprints, bit i of byte i / 8. Returns how many
 * bits of `seen` are set then.
 */
uint32_t dfl_fingerprint_union(uint8_t *seen, const uint8_t *more, uint32_t n);
/* Are they as dfl_fingerprint_of gives them? */
bool dfl_fingerprint_valid(const uint8_t *prints, uint32_t n);

/*
 * From now on views are searched for them. `owner` groups the sets of one request; `since` tells
 * the newer of two. The prints are copied. -ENOSPC: the table is full; -EINVAL: not valid, or
 * nobody to tell; -ENOMEM.
 */
int dfl_fingerprint_set_new(struct dfl_match *m, uint64_t owner, int64_t since, void *set_ud,
			    const uint8_t *prints, uint32_t n,
			    struct dfl_fingerprint_set **ret_set);
/* Ends open runs of it unreported. */
void dfl_fingerprint_set_free(struct dfl_fingerprint_set *set);
