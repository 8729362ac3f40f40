/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small helpers of the match tests: collects runs, feeds texts whole or in pieces, loads vectors.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#include "match/match.h"

#define MAX_RUNS 8192

struct hit {
	void *view, *source;
	struct dfl_run run;
};

struct seen {
	struct dfl_match *m;
	size_t n;
	struct hit hits[MAX_RUNS];
};

static inline void seen_run(void *ud, void *view, void *source, const struct dfl_run *run)
{
	struct seen *s = ud;

	assert_true(s->n < MAX_RUNS);
	assert_true(run->canon_from < run->canon_to);
	assert_true(run->src_from < run->src_to);
	assert_true(run->pos_from < run->pos_to);
	s->hits[s->n++] = (struct hit){ view, source, *run };
}

static inline struct seen *seen_new(const struct dfl_match_opts *opts)
{
	struct seen *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(dfl_match_new(opts, seen_run, s, &s->m), 0);
	return s;
}

static inline void seen_free(struct seen *s)
{
	dfl_match_free(s->m);
	free(s);
}

static inline struct dfl_match_stats stats_of(struct seen *s)
{
	struct dfl_match_stats st;

	dfl_match_stats(s->m, &st);
	return st;
}

/* A whole source. */
static inline struct dfl_match_source *add_source(struct seen *s, uint64_t owner, void *ud,
						  const char *text, size_t len)
{
	struct dfl_match_source *src;

	assert_int_equal(dfl_match_source_new(s->m, owner, ud, &src), 0);
	assert_int_equal(dfl_match_source_append(src, text, len), 0);
	dfl_match_source_end(src);
	return src;
}

/* Feeds bytes in pieces of `step` (0: whole), from a copy of its exact size. */
static inline void feed(struct dfl_match_view *v, const void *data, size_t len, uint64_t pos,
			size_t step)
{
	for (size_t i = 0; i < len;) {
		size_t n = step && step < len - i ? step : len - i;
		void *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, (const uint8_t *)data + i, n);
		assert_int_equal(dfl_match_view_feed(v, copy, n, pos + i, n, pos + i), 0);
		free(copy);
		i += n;
	}
}

static inline void scan(struct seen *s, void *ud, const void *data, size_t len, size_t step)
{
	struct dfl_match_view *v;

	assert_int_equal(dfl_match_view_new(s->m, ud, &v), 0);
	feed(v, data, len, 0, step);
	dfl_match_view_close(v);
}

/* Canonical bytes of the source that some run covers. */
static inline size_t covered(const struct seen *s, const void *source)
{
	static uint8_t marks[1 << 20];
	size_t n = 0, max = 0;

	memset(marks, 0, sizeof(marks));
	for (size_t i = 0; i < s->n; i++) {
		const struct dfl_run *r = &s->hits[i].run;

		if (s->hits[i].source != source)
			continue;
		assert_true(r->canon_to <= sizeof(marks));
		memset(marks + r->canon_from, 1, r->canon_to - r->canon_from);
		max = r->canon_to > max ? r->canon_to : max;
	}
	for (size_t i = 0; i < max; i++)
		n += marks[i];
	return n;
}

/* Calls f for each spelling of a vector file. */
static inline void each_vector(const char *file, void (*f)(const char *name, const char *text,
							   const uint8_t *data, size_t len))
{
	char path[4096];
	json_t *doc, *texts, *v, *t;
	size_t i, j;

	assert_non_null(getenv("DFLOW_GOLDEN"));
	snprintf(path, sizeof(path), "%s/canonical/%s", getenv("DFLOW_GOLDEN"), file);
	doc = json_load_file(path, 0, NULL);
	assert_non_null(doc);
	texts = json_object_get(doc, "texts");
	json_array_foreach(json_object_get(doc, "spellings"), i, v)
	{
		const char *b64 = json_string_value(json_object_get(v, "data")), *text = NULL;
		uint8_t *data = malloc(strlen(b64) + 1);
		size_t len;

		json_array_foreach(texts, j, t) if (json_equal(json_object_get(t, "name"),
							       json_object_get(v, "text")))
			text = json_string_value(json_object_get(t, "text"));
		assert_non_null(text);
		assert_int_equal(sodium_base642bin(data, strlen(b64) + 1, b64, strlen(b64), NULL,
						   &len, NULL, sodium_base64_VARIANT_ORIGINAL),
				 0);
		data = realloc(data, len);
		f(json_string_value(json_object_get(v, "spelling")), text, data, len);
		free(data);
	}
	assert_true(i > 0);
	json_decref(doc);
}
