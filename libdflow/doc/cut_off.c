// SPDX-License-Identifier: Apache-2.0
/* How an open trace ends whose recorder is gone. */
#include "doc/doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the document says that it is not settled; else behind its other reasons. */
static char **place_of_reason(struct dfl_doc *doc)
{
	size_t n = doc->completeness.n_reasons;
	char **reasons = doc->completeness.reasons;

	for (size_t i = 0; i < n; i++)
		if (reasons[i] && !strcmp(reasons[i], DFL_REASON_NOT_SETTLED))
			return &reasons[i];
	reasons = reallocarray(reasons, n + 1, sizeof(*reasons));
	if (!reasons)
		return NULL;
	doc->completeness.reasons = reasons;
	doc->completeness.n_reasons++;
	reasons[n] = NULL;
	return &reasons[n];
}

int dfl_doc_cut_off(struct dfl_doc *doc)
{
	char *text = strdup(DFL_REASON_CUT_OFF);
	char **reason = text ? place_of_reason(doc) : NULL;

	if (!reason) {
		free(text);
		return -ENOMEM;
	}
	free(*reason);
	*reason = text;
	doc->settled = true;
	doc->completeness.complete = false;
	return 0;
}
