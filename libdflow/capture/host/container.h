/* SPDX-License-Identifier: Apache-2.0 */
/* Which container, pod and ECS task a process belongs to. */
#pragma once

#include "capture/host/proc.h"

/*
 * Fills container_id, container_name, image, pod, namespace_ and task of the facts. It reads the
 * ids from facts->cgroup. It reads the names from the files that container runtimes keep on the
 * host, below `root` ("": the host's root is ours): Docker's config.v2.json, containerd's
 * config.json, the links in /var/log/containers, the folders in /var/log/pods. facts->cgroup and
 * facts->pid have to be set. What cannot be found stays as it is; nothing here fails.
 */
void dfl_container_read(const char *root, struct dfl_proc_facts *facts);
