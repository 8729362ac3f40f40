// SPDX-License-Identifier: Apache-2.0
/* What the rows of open traces hold: places by the hash of the id. */
#include "store/written.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct dfl_written *dfl_written_place(struct dfl_written *all, const char *trace_id)
{
	return &all[XXH3_64bits(trace_id, strlen(trace_id)) % DFL_WRITTEN_TRACES];
}

bool dfl_written_is(const struct dfl_written *w, const char *trace_id)
{
	return w->trace_id[0] && !strcmp(w->trace_id, trace_id);
}

void dfl_written_drop(struct dfl_written *w)
{
	free(w->hop);
	*w = (struct dfl_written){ 0 };
}

void dfl_written_forget(struct dfl_written *all)
{
	for (size_t i = 0; i < DFL_WRITTEN_TRACES; i++)
		dfl_written_drop(&all[i]);
}
