// SPDX-License-Identifier: Apache-2.0
/* Interned strings. */
#include "trace/string.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "trace/stage.h"

struct string {
	UT_hash_handle hh;
	char text[];
};

const char *dfl_string(struct dfl_trace *t, const char *text)
{
	struct string *s;
	size_t len;

	if (!text || !*text)
		return NULL;
	len = strlen(text);
	HASH_FIND(hh, t->strings, text, len, s);
	if (s)
		return s->text;
	if (HASH_COUNT(t->strings) >= MAX_STRINGS) {
		t->stats.capped_strings++;
		return "*";
	}
	s = malloc(sizeof(*s) + len + 1);
	if (!s)
		return "*";
	memcpy(s->text, text, len + 1);
	HASH_ADD_KEYPTR(hh, t->strings, s->text, len, s);
	if (!DFL_HASHED(hh, s)) {
		free(s);
		return "*";
	}
	return s->text;
}

void dfl_strings_free(struct dfl_trace *t)
{
	struct string *s, *next;

	HASH_ITER(hh, t->strings, s, next)
	{
		HASH_DEL(t->strings, s);
		free(s);
	}
}
