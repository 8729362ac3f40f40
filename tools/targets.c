// SPDX-License-Identifier: Apache-2.0
/* --cgroup and --pid. */
#include "targets.h"

#include <stdlib.h>

#include "cli.h"

int add_cgroup(struct targets *t, const char *path)
{
	if (t->n_cgroups == MAX_TARGETS)
		return complain(STATUS_USAGE, "at most %d cgroups; give their parent", MAX_TARGETS);
	t->cgroups[t->n_cgroups++] = path;
	return 0;
}

int add_pid(struct targets *t, const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid < 1 || pid > INT32_MAX)
		return complain(STATUS_USAGE, "'%s' is no process id", text);
	if (t->n_pids == MAX_TARGETS)
		return complain(STATUS_USAGE, "at most %d processes; give their cgroup",
				MAX_TARGETS);
	t->pids[t->n_pids++] = pid;
	return 0;
}
