// SPDX-License-Identifier: Apache-2.0
/* Freeing a trace document. */
#include "doc/doc_keys.h"

#include <stdlib.h>

#include "doc/doc.h"

static void free_members(const struct dfl_doc_key *keys, void *base);

static void free_strs(char **strs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strs[i]);
	free(strs);
}

static void free_list(const struct dfl_doc_key *k, char *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_members(k->sub, items + i * k->size);
	free(items);
}

static void free_members(const struct dfl_doc_key *keys, void *base)
{
	for (const struct dfl_doc_key *k = keys; k->name; k++) {
		void *member = (char *)base + k->offset;
		size_t n = 0;

		if (k->kind == DOC_STRS || k->kind == DOC_LIST)
			n = *(size_t *)((char *)base + k->count_offset);
		if (k->kind == DOC_STR || k->kind == DOC_RANGES)
			free(*(void **)member);
		else if (k->kind == DOC_STRS)
			free_strs(*(char ***)member, n);
		else if (k->kind == DOC_LIST)
			free_list(k, *(char **)member, n);
		else if (k->kind == DOC_OBJECT || k->kind == DOC_CONTAINER || k->kind == DOC_TLS)
			free_members(k->sub, member);
	}
}

void dfl_doc_free(struct dfl_doc *doc)
{
	if (!doc)
		return;
	free_members(dfl_doc_keys, doc);
	for (int i = 0; i < DFL_N_ID; i++)
		free(doc->ids[i]);
	free(doc);
}
