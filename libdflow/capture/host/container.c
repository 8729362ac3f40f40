// SPDX-License-Identifier: Apache-2.0
/*
 * Which container, pod and task a process belongs to: ids from its cgroup path, names from the
 * host's files.
 */
#include "capture/host/container.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_LEN 64   /* container id, hex */
#define UID_LEN 36  /* pod uid */
#define TASK_LEN 32 /* ECS task id, hex */

/* How many hexadecimal digits stand here. */
static size_t hex_run(const char *s)
{
	size_t n = 0;

	while (isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

/* The last run of exactly len hex digits that stands alone; NULL when there is none. */
static const char *last_hex(const char *path, size_t len)
{
	const char *found = NULL;

	for (const char *p = path; *p;) {
		size_t n = hex_run(p);

		if (n == len && (p == path || !isalnum((unsigned char)p[-1])) &&
		    !isalnum((unsigned char)p[n]))
			found = p;
		p += n ? n : 1;
	}
	return found;
}

/* "…pod<uid>…": systemd's driver writes the uid with "_" for "-". */
static bool pod_uid(const char *cgroup, char ret_uid[static UID_LEN + 1])
{
	for (const char *p = strstr(cgroup, "pod"); p; p = strstr(p + 1, "pod")) {
		size_t n = strspn(p + 3, "0123456789abcdefABCDEF-_");

		if (n != UID_LEN)
			continue;
		for (size_t i = 0; i < n; i++)
			ret_uid[i] = p[3 + i] == '_' ? '-' : p[3 + i];
		ret_uid[n] = 0;
		return true;
	}
	return false;
}

/* Copies src, cut to the size, unless dst has something already: the first source that knows wins.
 */
static void take(char *dst, size_t size, const char *src)
{
	if (!src || *dst)
		return;
	for (; size > 1 && *src; size--)
		*dst++ = *src++;
	*dst = 0;
}
#define TAKE(field, src) take((field), sizeof(field), (src))

static const char *str_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Labels that ECS's agent and the kubelet of Docker's time put on containers. */
static void from_labels(struct dfl_proc_facts *f, const json_t *labels)
{
	const char *arn = str_of(labels, "com.amazonaws.ecs.task-arn");

	if (arn)
		TAKE(f->task, strrchr(arn, '/') ? strrchr(arn, '/') + 1 : arn);
	TAKE(f->container_name, str_of(labels, "com.amazonaws.ecs.container-name"));
	TAKE(f->container_name, str_of(labels, "io.kubernetes.container.name"));
	TAKE(f->pod, str_of(labels, "io.kubernetes.pod.name"));
	TAKE(f->namespace_, str_of(labels, "io.kubernetes.pod.namespace"));
}

/* Docker: one folder a container, with its configuration. */
static void from_docker(const char *root, struct dfl_proc_facts *f)
{
	const char *name;
	char path[512];
	json_t *doc;

	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root,
		 f->container_id);
	doc = json_load_file(path, 0, NULL);
	if (!doc)
		return;
	from_labels(f, json_object_get(json_object_get(doc, "Config"), "Labels"));
	name = str_of(doc, "Name");
	TAKE(f->container_name, name && name[0] == '/' ? name + 1 : name);
	TAKE(f->image, str_of(json_object_get(doc, "Config"), "Image"));
	json_decref(doc);
}

/* containerd's bundle: the CRI plugin's annotations. */
static void from_containerd(const char *root, struct dfl_proc_facts *f)
{
	static const char *const spaces[] = { "k8s.io", "moby", "default" };
	const json_t *notes;
	char path[512];
	json_t *doc;

	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		snprintf(path, sizeof(path),
			 "%s/run/containerd/io.containerd.runtime.v2.task/%s/%s/config.json", root,
			 spaces[i], f->container_id);
		doc = json_load_file(path, 0, NULL);
		if (!doc)
			continue;
		notes = json_object_get(doc, "annotations");
		TAKE(f->container_name, str_of(notes, "io.kubernetes.cri.container-name"));
		TAKE(f->image, str_of(notes, "io.kubernetes.cri.image-name"));
		TAKE(f->pod, str_of(notes, "io.kubernetes.cri.sandbox-name"));
		TAKE(f->namespace_, str_of(notes, "io.kubernetes.cri.sandbox-namespace"));
		json_decref(doc);
	}
}

/* Splits "a_b_c" at its first two "_"; neither a name of Kubernetes nor a uid holds one. */
static bool split3(char *name, char **ret_second, char **ret_third)
{
	char *a = strchr(name, '_'), *b = a ? strchr(a + 1, '_') : NULL;

	if (!b)
		return false;
	*a = *b = 0;
	*ret_second = a + 1;
	*ret_third = b + 1;
	return true;
}

/* kubelet's links: <pod>_<namespace>_<container>-<id>.log */
static void from_log_links(const char *root, struct dfl_proc_facts *f)
{
	char path[512], name[NAME_MAX + 1], *ns, *container, *id;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/var/log/containers", root);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		id = strstr(d->d_name, f->container_id);
		if (!id || id == d->d_name)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(id - d->d_name - 1), d->d_name);
		if (!split3(name, &ns, &container))
			continue;
		TAKE(f->pod, name);
		TAKE(f->namespace_, ns);
		TAKE(f->container_name, container);
	}
	if (dir)
		closedir(dir);
}

/* kubelet's folders: <namespace>_<pod>_<uid> */
static void from_pod_logs(const char *root, struct dfl_proc_facts *f, const char *uid)
{
	char path[512], name[NAME_MAX + 1], *pod, *its_uid;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/var/log/pods", root);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		snprintf(name, sizeof(name), "%s", d->d_name);
		if (!split3(name, &pod, &its_uid) || strcmp(its_uid, uid))
			continue;
		TAKE(f->namespace_, name);
		TAKE(f->pod, pod);
	}
	if (dir)
		closedir(dir);
}

/* In a pod the host name is the pod's name, unless it was set otherwise. */
static void from_hostname(struct dfl_proc_facts *f)
{
	char name[128];
	int fd = dfl_proc_open(f->pid, "/etc/hostname");
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	if (n <= 0)
		return;
	name[n] = 0;
	name[strcspn(name, "\n")] = 0;
	TAKE(f->pod, name);
}

void dfl_container_read(const char *root, struct dfl_proc_facts *facts)
{
	const char *id = last_hex(facts->cgroup, ID_LEN), *task;
	char uid[UID_LEN + 1];

	if (strstr(facts->cgroup, "ecs")) {
		task = last_hex(facts->cgroup, TASK_LEN);
		if (task)
			snprintf(facts->task, sizeof(facts->task), "%.*s", TASK_LEN, task);
	}
	if (!id)
		return;
	snprintf(facts->container_id, sizeof(facts->container_id), "%.*s", ID_LEN, id);
	from_docker(root, facts);
	from_containerd(root, facts);
	from_log_links(root, facts);
	if (!pod_uid(facts->cgroup, uid))
		return;
	from_pod_logs(root, facts, uid);
	from_hostname(facts);
}
