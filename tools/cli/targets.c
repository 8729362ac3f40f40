// SPDX-License-Identifier: Apache-2.0
/* --cgroup and --pid: whom to record or to look at. */
#include "cli/targets.h"

#include <stdlib.h>

static int take_cgroup(const struct value_type *type, const char *text, void *into)
{
	struct targets *t = into;

	if (!*text || t->n_cgroups == MAX_TARGETS)
		return -1;
	t->cgroups[t->n_cgroups++] = text;
	return 0;
}

static int take_pid(const struct value_type *type, const char *text, void *into)
{
	struct targets *t = into;
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid < 1 || pid > INT32_MAX || t->n_pids == MAX_TARGETS)
		return -1;
	t->pids[t->n_pids++] = (uint32_t)pid;
	return 0;
}

const struct value_type value_cgroup = { "the folder of a cgroup (at most 64 of them)", take_cgroup,
					 COMPLETE_FOLDERS, NULL };
const struct value_type value_pid = { "the id of a process (at most 64 of them)", take_pid,
				      COMPLETE_NOTHING, NULL };
