/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of store and query share: a folder of their own and small documents. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/cursor.h"
#include "store/query.h"
#include "store/store.h"
#include "doc/doc.h"

static char help_dir[64];
static char help_path[96]; /* of the store */

static inline int help_setup(void **state)
{
	strcpy(help_dir, "/tmp/dflow-store-XXXXXX");
	if (!mkdtemp(help_dir))
		return -1;
	snprintf(help_path, sizeof(help_path), "%s/store.db", help_dir);
	return 0;
}

static inline int help_teardown(void **state)
{
	static const char *const suffixes[] = { "",	 "-wal",      "-shm",	   ".lock",
						".copy", ".copy-wal", ".copy-shm", ".copy.lock",
						".key",	 ".copy.key" };
	char path[128];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", help_path, suffixes[i]);
		unlink(path);
	}
	return rmdir(help_dir);
}

/*
 * A settled document number n, which started n seconds after 1970, with a message and a
 * conversation id.
 */
static inline struct dfl_doc *help_doc(unsigned n, const char *message, const char *conversation)
{
	struct dfl_doc *doc = calloc(1, sizeof(*doc));

	snprintf(doc->trace_id, sizeof(doc->trace_id), "%08x%024x", n * 0x9e3779b1u, n);
	doc->started_ns = n * 1000000000ll;
	doc->ended_ns = doc->started_ns + 5;
	doc->settled = true;
	doc->completeness.complete = true;
	doc->operation = strdup("POST /v1/chat-messages");
	doc->ids[DFL_ID_MESSAGE] = message ? strdup(message) : NULL;
	doc->ids[DFL_ID_CONVERSATION] = conversation ? strdup(conversation) : NULL;
	doc->n_hops = 1;
	doc->hops = calloc(1, sizeof(*doc->hops));
	doc->hops[0] = (struct dfl_doc_hop){ .seq = 1,
					     .connection = 1,
					     .ttl_s = -1,
					     .encrypted = 1,
					     .in_vpc = -1,
					     .coverage = 1,
					     .bytes = 9,
					     .occurrences = 1,
					     .evidence_content = true };
	doc->hops[0].to.station = DFL_ST_POSTGRES;
	doc->hops[0].place = strdup("messages.query");
	return doc;
}

/* The one document of that id in the store. */
static inline struct dfl_doc *help_read(const char *id)
{
	struct dfl_docs docs = { 0 };
	struct dfl_store *s;
	struct dfl_doc *doc;

	assert_int_equal(dfl_store_open(help_path, &s, NULL), 0);
	if (dfl_query_find(s, id, &docs, NULL))
		fail_msg("%s is not in the store", id);
	assert_int_equal(docs.n, 1);
	doc = docs.doc[0];
	free(docs.doc);
	dfl_store_close(s);
	return doc;
}

/* All documents that a filter lets through, in order; NULL: all. As dfl_cursor_open. */
static inline int help_list(struct dfl_store *s, const struct dfl_filter *filter,
			    struct dfl_docs *ret_docs, struct dfl_err *err)
{
	struct dfl_docs docs = { 0 };
	const struct dfl_row *row;
	struct dfl_cursor *c;
	int r = dfl_cursor_open(s, filter ? filter : &(struct dfl_filter){ 0 }, &c, err);

	if (r)
		return r;
	while ((r = dfl_cursor_next(c, &row, err)) > 0) {
		struct dfl_doc *doc;

		r = dfl_cursor_doc(c, &doc, err);
		if (r)
			break;
		docs.doc = reallocarray(docs.doc, docs.n + 1, sizeof(*docs.doc));
		docs.doc[docs.n++] = doc;
	}
	dfl_cursor_close(c);
	if (r)
		dfl_docs_fini(&docs);
	else
		*ret_docs = docs;
	return r;
}
