// SPDX-License-Identifier: Apache-2.0
/* The words of the design and their spellings. */
#include "base/vocab.h"

#include <stddef.h>
#include <string.h>

static const char *const media[DFL_N_MEDIUM] = {
	[DFL_TCP] = "tcp",   [DFL_UDP] = "udp",	  [DFL_UNIX] = "unix",
	[DFL_PIPE] = "pipe", [DFL_FILE] = "file",
};

static const char *const ids[DFL_N_ID] = {
	[DFL_ID_X_AMZN_TRACE_ID] = "x_amzn_trace_id",
	[DFL_ID_X_REQUEST_ID] = "x_request_id",
	[DFL_ID_TRACEPARENT] = "traceparent",
	[DFL_ID_MESSAGE] = "message_id",
	[DFL_ID_TASK] = "task_id",
	[DFL_ID_CONVERSATION] = "conversation_id",
	[DFL_ID_WORKFLOW_RUN] = "workflow_run_id",
	[DFL_ID_UPLOAD_FILE] = "upload_file_id",
	[DFL_ID_DOCUMENT] = "document_id",
};

static const char *const residencies[DFL_N_RESIDENCY] = {
	[DFL_TRANSIT] = "transit",
	[DFL_MEMORY] = "memory",
	[DFL_CACHE] = "cache",
	[DFL_QUEUE] = "queue",
	[DFL_EPHEMERAL_DISK] = "ephemeral-disk",
	[DFL_PERSISTENT] = "persistent",
	[DFL_OBJECT] = "object",
	[DFL_LOG] = "log",
	[DFL_EXTERNAL] = "external",
};

static const char *const kept[DFL_N_KEPT] = {
	[DFL_KEPT_UNKNOWN] = "unknown", [DFL_KEPT_ATTEMPTED] = "attempted",
	[DFL_KEPT_PRESENT] = "present", [DFL_KEPT_NOT] = "not_kept",
	[DFL_KEPT_REMOVED] = "removed", [DFL_KEPT_EXPIRED] = "expired",
};

static const char *name_of(const char *const *table, int n, int i)
{
	return i >= 0 && i < n ? table[i] : NULL;
}

static int parse(const char *const *table, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (table[i] && !strcmp(table[i], word))
			return i;
	return -1;
}

const char *dfl_medium_name(enum dfl_medium m)
{
	return name_of(media, DFL_N_MEDIUM, m);
}

const char *dfl_id_name(enum dfl_id_kind k)
{
	return name_of(ids, DFL_N_ID, k);
}

const char *dfl_residency_name(enum dfl_residency r)
{
	return name_of(residencies, DFL_N_RESIDENCY, r);
}

const char *dfl_kept_name(enum dfl_kept k)
{
	return name_of(kept, DFL_N_KEPT, k);
}

int dfl_id_parse(const char *word)
{
	return parse(ids, DFL_N_ID, word);
}

int dfl_medium_parse(const char *word)
{
	return parse(media, DFL_N_MEDIUM, word);
}

int dfl_residency_parse(const char *word)
{
	return parse(residencies, DFL_N_RESIDENCY, word);
}
