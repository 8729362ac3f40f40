// SPDX-License-Identifier: Apache-2.0
/*
 * Attaches the uprobes to TLS libraries: per process (a probe for all processes would cost every
 * other user of the library dearly) and per file, so that two overlays of one image never fire
 * twice.
 */
#include "capture/live/tls_attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/host/proc.h"
#include "capture/live/tls_library.h"
#include "capture/live/uprobe_multi.h"
#include "dflow.skel.h"

#define MAX_FUNCTIONS DFL_TLS_LIBRARY_MAX_FUNCTIONS

struct dfl_live_elf { /* the functions in one file */
	struct elf_key {
		uint64_t dev, ino, changed_ns;
		const struct dfl_tls_library *library; /* that it was taken for */
	} key;
	uint64_t offset[MAX_FUNCTIONS];
	int found; /* 0, or why it cannot be attached */
	UT_hash_handle hh;
};

struct lib_key {
	uint64_t dev, ino;
	uint32_t pid, pad;
};

struct dfl_live_lib { /* one library attached in one process */
	struct lib_key key;
	const struct dfl_live_elf *elf; /* borrowed: those live as long as the source */
	/* links: either two a function, of its entry and of its return, NULL where there is none;
	 */
	struct bpf_link *entry[MAX_FUNCTIONS], *ret[MAX_FUNCTIONS];
	int multi[2]; /* or fds of one for all entries and one for all returns; -1 */
	UT_hash_handle hh;
};

/* ---- finding ---- */

struct mapping {
	uint64_t from, to, dev, ino; /* as /proc/PID/maps tells */
	const struct dfl_tls_library *library;
	char path[PATH_MAX];
};

/*
 * proc_pid_maps(5): from-to perms offset major:minor inode path. One of each file, executable
 * parts.
 */
static int each_mapping(uint32_t pid, int (*fn)(void *ud, const struct mapping *m), void *ud)
{
	unsigned major, minor;
	struct mapping m;
	char path[32], line[PATH_MAX + 128], perms[5], *p;
	uint64_t last = 0;
	int r = 0, at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (!r && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %x:%x %" SCNu64 " %n", &m.from,
			   &m.to, perms, &major, &minor, &m.ino, &at) != 6 ||
		    !strchr(perms, 'x') || m.ino == last)
			continue;
		p = line + at;
		p[strcspn(p, "\n")] = 0;
		m.library = *p == '/' ? dfl_tls_library_of(p) : NULL;
		if (!m.library)
			continue;
		last = m.ino;
		m.dev = (uint64_t)major << 32 | minor;
		snprintf(m.path, sizeof(m.path), "%s", p);
		r = fn(ud, &m);
	}
	fclose(f);
	return r;
}

/* The functions in the file at fd; each file is read once. NULL: no memory, or the fd is bad. */
static struct dfl_live_elf *elf_of(struct dfl_live *l, const struct dfl_tls_library *library,
				   int fd)
{
	struct elf_key key = { .library = library };
	struct dfl_live_elf *e;
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	key.changed_ns = st.st_ctim.tv_sec * 1000000000ull + st.st_ctim.tv_nsec;
	HASH_FIND(hh, l->elves, &key, sizeof(key), e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = key;
	e->found = dfl_tls_library_find(library, fd, e->offset);
	HASH_ADD(hh, l->elves, key, sizeof(e->key), e);
	if (DFL_HASHED(hh, e))
		return e;
	free(e);
	return NULL;
}

/* ---- attaching ---- */

#define PROGRAM(NAME, name, ...)                                                                   \
	case DFL_K_TLS_FORM_##NAME:                                                                \
		return skel->progs.dfl_tls_##name;

static struct bpf_program *entry_program(const struct dflow_bpf *skel, enum dfl_k_tls_form_id form)
{
	switch (form) {
		DFL_K_TLS_FORMS(PROGRAM)
	default:
		return NULL;
	}
}

static bool has_return(const struct dfl_tls_function *fn)
{
	return fn->form != DFL_K_TLS_FORM_FORGET;
}

/*
 * Two files hold a probe: the perf event, which bpf_link__destroy() closes, and the link. Both are
 * kept open here by copies, whose closing the kernel does in the background.
 */
static void close_link(struct dfl_live *l, struct bpf_link *link)
{
	int copy;

	if (!link)
		return;
	copy = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 3);
	bpf_link__destroy(link);
	dfl_async_close_file(&l->async_close, copy);
}

static void detach(struct dfl_live *l, struct dfl_live_lib *lib)
{
	for (int i = 0; i < MAX_FUNCTIONS; i++) {
		close_link(l, lib->entry[i]);
		close_link(l, lib->ret[i]);
	}
	dfl_async_close_file(&l->async_close, lib->multi[0]);
	dfl_async_close_file(&l->async_close, lib->multi[1]);
	HASH_DEL(l->libs, lib);
	free(lib);
}

static int attach_one(const struct dfl_live_lib *lib, struct bpf_program *prog, bool ret, int fn,
		      const char *file, struct bpf_link **ret_link)
{
	struct bpf_link *link = bpf_program__attach_uprobe(prog, ret, lib->key.pid, file,
							   lib->elf->offset[fn]);

	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

/*
 * From the last function to the first, because those that forget stand last in the table; of each
 * first the return. So no call is entered that could not be left.
 */
static int attach_each(struct dfl_live *l, struct dfl_live_lib *lib, const char *file)
{
	const struct dfl_tls_function *fn = lib->elf->key.library->functions;
	int r = 0;

	for (int i = MAX_FUNCTIONS - 1; i >= 0 && !r; i--) {
		if (!lib->elf->offset[i])
			continue;
		if (has_return(&fn[i]))
			r = attach_one(lib, l->skel->progs.dfl_tls_return, true, i, file,
				       &lib->ret[i]);
		if (!r)
			r = attach_one(lib, entry_program(l->skel, fn[i].form), false, i, file,
				       &lib->entry[i]);
	}
	return r;
}

/* ret: the probes at returns, else at entries. Returns the fd of the link or -errno. */
static int attach_multi(const struct dfl_live_lib *lib, struct bpf_program *prog, bool ret,
			const char *file)
{
	const struct dfl_tls_function *fn = lib->elf->key.library->functions;
	uint64_t offsets[MAX_FUNCTIONS], cookies[MAX_FUNCTIONS];
	uint32_t n = 0;

	for (int i = 0; i < MAX_FUNCTIONS; i++)
		if (lib->elf->offset[i] && (!ret || has_return(&fn[i]))) {
			offsets[n] = lib->elf->offset[i];
			cookies[n++] = fn[i].form;
		}
	return dfl_uprobe_multi_attach(bpf_program__fd(prog), file, offsets, cookies, n, ret,
				       lib->key.pid);
}

/* file: a path by which the kernel finds the library. On failure some probes may be attached. */
static int attach_all(struct dfl_live *l, struct dfl_live_lib *lib, const char *file)
{
	if (!l->uprobe_multi)
		return attach_each(l, lib, file);
	lib->multi[1] = attach_multi(lib, l->skel->progs.dfl_tls_multi_return, true, file);
	if (lib->multi[1] < 0)
		return lib->multi[1];
	lib->multi[0] = attach_multi(lib, l->skel->progs.dfl_tls_multi, false, file);
	return lib->multi[0] < 0 ? lib->multi[0] : 0;
}

/* Is this file attached in this process? */
static struct dfl_live_lib *find(struct dfl_live *l, const struct lib_key *key)
{
	struct dfl_live_lib *lib;

	HASH_FIND(hh, l->libs, key, sizeof(*key), lib);
	return lib;
}

/* NULL: no memory, or too many libraries. */
static struct dfl_live_lib *make_lib(struct dfl_live *l, const struct lib_key *key,
				     const struct dfl_live_elf *elf)
{
	struct dfl_live_lib *lib;

	if (HASH_COUNT(l->libs) >= LIVE_MAX_LIBS)
		return NULL;
	lib = calloc(1, sizeof(*lib));
	if (!lib)
		return NULL;
	lib->key = *key;
	lib->elf = elf;
	lib->multi[0] = lib->multi[1] = -1;
	HASH_ADD(hh, l->libs, key, sizeof(lib->key), lib);
	if (DFL_HASHED(hh, lib))
		return lib;
	free(lib);
	return NULL;
}

/* The kernel looks the file up by a path: /proc/self/fd names the very file that was read. */
static int attach_file(struct dfl_live *l, const struct lib_key *key,
		       const struct dfl_tls_library *library, int fd)
{
	const struct dfl_live_elf *elf = elf_of(l, library, fd);
	struct dfl_live_lib *lib;
	char file[32];
	int r;

	if (!elf || elf->found)
		return elf ? elf->found : -ENOMEM;
	lib = make_lib(l, key, elf);
	if (!lib)
		return -ENOMEM;
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	r = attach_all(l, lib, file);
	if (r)
		detach(l, lib);
	return r;
}

/*
 * The very file that is mapped. Its path may name another by now, or none (" (deleted)"), after an
 * upgrade of the package. Then the mapping itself leads to it: proc(5), /proc/PID/map_files, which
 * needs CAP_CHECKPOINT_RESTORE. On overlays the numbers of path and mapping may differ all the
 * same.
 */
static int open_mapped(uint32_t pid, const struct mapping *m)
{
	int fd = dfl_proc_open(pid, m->path), mapped;
	char path[96];
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_ino == m->ino)
		return fd;
	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, m->from,
		 m->to);
	mapped = open(path, O_RDONLY | O_CLOEXEC);
	if (mapped < 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return mapped;
}

/* -ENOENT: the file is not that library. */
static int attach(struct dfl_live *l, const struct lib_key *key, const struct mapping *m)
{
	int fd = open_mapped(key->pid, m), r;

	if (fd < 0)
		return fd;
	r = attach_file(l, key, m->library, fd);
	close(fd);
	return r;
}

struct scan {
	struct dfl_live *l;
	uint32_t pid;
};

static int scan_one(void *ud, const struct mapping *m)
{
	struct scan *s = ud;
	struct lib_key key = { .dev = m->dev, .ino = m->ino, .pid = s->pid };
	int r;

	if (find(s->l, &key))
		return 0;
	r = attach(s->l, &key, m);
	if (r) { /* NSS has a libssl too, without these functions; and the process may be gone */
		if (r != -ENOENT && r != -ESRCH && dfl_proc_parent(s->pid)) {
			s->l->stats.tls_attach_failures++;
			dfl_log_write(&s->l->opts.log, DFL_LOG_WARN,
				      "cannot attach to %s in process %u: %s", m->library->name,
				      s->pid, strerror(-r));
		}
		return 0;
	}
	s->l->stats.tls_libraries++;
	s->l->skel->bss->tls_on = 1;
	return 0;
}

void dfl_live_tls_attach_scan(struct dfl_live *l, uint32_t pid)
{
	if (l->opts.no_tls)
		return;
	dfl_process_wide_listen(&l->opts.log);
	each_mapping(pid, scan_one, &(struct scan){ l, pid });
	dfl_process_wide_unlisten();
}

/* A child has its parent's mappings, but probes are per process. */
void dfl_live_tls_attach_fork(struct dfl_live *l, uint32_t parent, uint32_t child)
{
	struct dfl_live_lib *lib, *tmp;

	HASH_ITER(hh, l->libs, lib, tmp)
	if (lib->key.pid == parent) {
		dfl_live_tls_attach_scan(l, child);
		return;
	}
}

void dfl_live_tls_attach_exit(struct dfl_live *l, uint32_t pid)
{
	struct dfl_live_lib *lib, *tmp;

	HASH_ITER(hh, l->libs, lib, tmp)
	if (lib->key.pid == pid)
		detach(l, lib);
}

void dfl_live_tls_attach_fini(struct dfl_live *l)
{
	struct dfl_live_elf *e, *next_elf;
	struct dfl_live_lib *lib, *next;

	HASH_ITER(hh, l->libs, lib, next)
	detach(l, lib);
	HASH_ITER(hh, l->elves, e, next_elf)
	{
		HASH_DEL(l->elves, e);
		free(e);
	}
}

/* ---- for the report ---- */

struct list {
	uint32_t pid;
	void (*fn)(void *ud, const char *name, const char *path, bool attachable);
	void *ud;
};

static int list_one(void *ud, const struct mapping *m)
{
	struct list *s = ud;
	uint64_t offset[MAX_FUNCTIONS];
	int fd = open_mapped(s->pid, m);

	s->fn(s->ud, m->library->name, m->path,
	      fd >= 0 && !dfl_tls_library_find(m->library, fd, offset));
	if (fd >= 0)
		close(fd);
	return 0;
}

int dfl_live_tls_attach_list(uint32_t pid,
			     void (*fn)(void *ud, const char *name, const char *path,
					bool attachable),
			     void *ud)
{
	return each_mapping(pid, list_one, &(struct list){ pid, fn, ud });
}
