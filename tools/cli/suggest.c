// SPDX-License-Identifier: Apache-2.0
/* "Did you mean …?" */
#include "cli/suggest.h"

#include <stddef.h>
#include <string.h>

#define MAX_LEN 31 /* no command, option or value is longer */

static int min(int a, int b)
{
	return a < b ? a : b;
}

/*
 * How many letters have to be added, removed, replaced, or swapped with their neighbour: the
 * "optimal string alignment" distance (Boytsov 2011, "Indexing methods for approximate dictionary
 * searching", 2.2). d[i][j] is the distance of the first i letters of a and the first j of b.
 */
static int distance(const char *a, int len_a, const char *b, int len_b)
{
	int d[MAX_LEN + 1][MAX_LEN + 1];

	for (int i = 0; i <= len_a; i++)
		d[i][0] = i;
	for (int j = 0; j <= len_b; j++)
		d[0][j] = j;
	for (int i = 1; i <= len_a; i++)
		for (int j = 1; j <= len_b; j++) {
			int differs = a[i - 1] != b[j - 1];

			d[i][j] = min(min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[len_a][len_b];
}

const char *suggest(const char *typed, const char *const *words)
{
	size_t len = strlen(typed);
	const char *best = NULL;
	int best_distance = 0;

	if (!len || len > MAX_LEN)
		return NULL;
	for (; *words; words++) {
		size_t word_len = strlen(*words);
		/* A third of the letters may be wrong; of two or three letters, one. */
		int most = min((int)len, (int)word_len) / 3 + (len < 4), n;

		if (word_len > MAX_LEN)
			continue;
		n = distance(typed, (int)len, *words, (int)word_len);
		if (n <= most && (!best || n < best_distance)) {
			best = *words;
			best_distance = n;
		}
	}
	return best;
}
