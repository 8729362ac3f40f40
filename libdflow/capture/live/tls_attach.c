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
#include "capture/live/elf.h"
#include "capture/live/uprobe_multi.h"
#include "dflow.skel.h"

static const char *const fn_names[DFL_K_N_TLS_FN] = {
	[DFL_K_SSL_READ] = "SSL_read",
	[DFL_K_SSL_WRITE] = "SSL_write",
	[DFL_K_SSL_READ_EX] = "SSL_read_ex",
	[DFL_K_SSL_WRITE_EX] = "SSL_write_ex",
	[DFL_K_SSL_HANDSHAKE] = "SSL_do_handshake",
	[DFL_K_SSL_FREE] = "SSL_free",
	[DFL_K_SSL_SET_BIO] = "SSL_set_bio",
};
#define N_LINKS (DFL_K_N_TLS_FN + DFL_K_N_TLS_RETURN)

struct dfl_live_elf {	 /* symbols of one file */
	uint64_t key[3]; /* device, inode, time of change */
	uint64_t offset[DFL_K_N_TLS_FN];
	int found;
	UT_hash_handle hh;
};

struct lib_key {
	uint64_t dev, ino;
	uint32_t pid, pad;
};

struct dfl_live_lib { /* one library attached in one process */
	struct lib_key key;
	struct dfl_live_elf *elf;
	char path[PATH_MAX];
	struct bpf_link *links[N_LINKS]; /* one a probe, */
	int multi[2];			 /* or one for all entries and one for all returns; -1 */
	UT_hash_handle hh;
};

/* ---- finding ---- */

struct mapping {
	uint64_t dev, ino; /* as /proc/PID/maps tells */
	char path[PATH_MAX];
};

static bool is_tls_library(const char *path)
{
	const char *base = strrchr(path, '/');

	return base && !strncmp(base + 1, "libssl", 6);
}

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
		if (sscanf(line, "%*s %4s %*s %x:%x %" SCNu64 " %n", perms, &major, &minor, &m.ino,
			   &at) != 4 ||
		    !strchr(perms, 'x') || m.ino == last)
			continue;
		p = line + at;
		p[strcspn(p, "\n")] = 0;
		if (*p != '/' || !is_tls_library(p))
			continue;
		last = m.ino;
		m.dev = (uint64_t)major << 32 | minor;
		snprintf(m.path, sizeof(m.path), "%s", p);
		r = fn(ud, &m);
	}
	fclose(f);
	return r;
}

/* Symbols of the file at fd, read once per file. */
static struct dfl_live_elf *elf_of(struct dfl_live *l, int fd)
{
	struct dfl_live_elf *e;
	uint64_t key[3];
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	key[0] = st.st_dev;
	key[1] = st.st_ino;
	key[2] = st.st_ctim.tv_sec * 1000000000ull + st.st_ctim.tv_nsec;
	HASH_FIND(hh, l->elves, key, sizeof(key), e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	memcpy(e->key, key, sizeof(key));
	e->found = dfl_elf_find(fd, fn_names, DFL_K_N_TLS_FN, e->offset);
	HASH_ADD(hh, l->elves, key, sizeof(e->key), e);
	if (DFL_HASHED(hh, e))
		return e;
	free(e);
	return NULL;
}

/* ---- attaching ---- */

static struct bpf_program *entry_program(const struct dflow_bpf *skel, int fn)
{
	switch (fn) {
	case DFL_K_SSL_READ:
		return skel->progs.dfl_ssl_read;
	case DFL_K_SSL_WRITE:
		return skel->progs.dfl_ssl_write;
	case DFL_K_SSL_READ_EX:
		return skel->progs.dfl_ssl_read_ex;
	case DFL_K_SSL_WRITE_EX:
		return skel->progs.dfl_ssl_write_ex;
	case DFL_K_SSL_HANDSHAKE:
		return skel->progs.dfl_ssl_handshake;
	default:
		return skel->progs.dfl_ssl_forget;
	}
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
	for (int i = 0; i < N_LINKS; i++)
		close_link(l, lib->links[i]);
	dfl_async_close_file(&l->async_close, lib->multi[0]);
	dfl_async_close_file(&l->async_close, lib->multi[1]);
	HASH_DEL(l->libs, lib);
	free(lib);
}

static int attach_one(struct dfl_live_lib *lib, struct bpf_program *prog, bool ret, int at, int fn,
		      const char *file)
{
	struct bpf_link *link;

	if (!lib->elf->offset[fn])
		return 0;
	link = bpf_program__attach_uprobe(prog, ret, lib->key.pid, file, lib->elf->offset[fn]);
	if (!link)
		return -errno;
	lib->links[at] = link;
	return 0;
}

/* The forgetting and the returns come first, so that no call is entered that could not be left. */
static int attach_each(struct dfl_live *l, struct dfl_live_lib *lib, const char *file)
{
	int r = 0;

	for (int fn = DFL_K_N_TLS_FN - 1; fn >= 0 && !r; fn--) {
		if (fn < DFL_K_N_TLS_RETURN)
			r = attach_one(lib, l->skel->progs.dfl_ssl_ret, true, DFL_K_N_TLS_FN + fn,
				       fn, file);
		if (!r)
			r = attach_one(lib, entry_program(l->skel, fn), false, fn, fn, file);
	}
	return r;
}

static int attach_multi(const struct dfl_live_lib *lib, struct bpf_program *prog, bool ret,
			const char *file)
{
	uint64_t offsets[DFL_K_N_TLS_FN], cookies[DFL_K_N_TLS_FN];
	uint32_t n = 0;

	for (int fn = 0; fn < (ret ? DFL_K_N_TLS_RETURN : DFL_K_N_TLS_FN); fn++)
		if (lib->elf->offset[fn]) {
			offsets[n] = lib->elf->offset[fn];
			cookies[n++] = fn;
		}
	return dfl_uprobe_multi_attach(bpf_program__fd(prog), file, offsets, cookies, n, ret,
				       lib->key.pid);
}

static int attach_all(struct dfl_live *l, struct dfl_live_lib *lib, const char *file)
{
	if (!l->uprobe_multi)
		return attach_each(l, lib, file);
	lib->multi[1] = attach_multi(lib, l->skel->progs.dfl_ssl_multi_ret, true, file);
	if (lib->multi[1] < 0)
		return lib->multi[1];
	lib->multi[0] = attach_multi(lib, l->skel->progs.dfl_ssl_multi, false, file);
	return lib->multi[0] < 0 ? lib->multi[0] : 0;
}

static struct dfl_live_lib *find(struct dfl_live *l, const struct lib_key *key)
{
	struct dfl_live_lib *lib;

	HASH_FIND(hh, l->libs, key, sizeof(*key), lib);
	return lib;
}

static struct dfl_live_lib *make_lib(struct dfl_live *l, const struct lib_key *key,
				     struct dfl_live_elf *elf, const char *path)
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
	snprintf(lib->path, sizeof(lib->path), "%s", path);
	HASH_ADD(hh, l->libs, key, sizeof(lib->key), lib);
	if (DFL_HASHED(hh, lib))
		return lib;
	free(lib);
	return NULL;
}

/* The kernel looks the file up by a path: /proc/self/fd names the very file that was read. */
static int attach(struct dfl_live *l, const struct lib_key *key, const char *path)
{
	int fd = dfl_proc_open(key->pid, path), r = -ENOENT;
	struct dfl_live_lib *lib = NULL;
	struct dfl_live_elf *elf;
	char file[32];

	if (fd < 0)
		return fd;
	elf = elf_of(l, fd);
	if (elf && elf->found > 0)
		lib = make_lib(l, key, elf, path);
	if (!elf || elf->found > 0)
		r = -ENOMEM;
	if (lib) {
		snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
		r = attach_all(l, lib, file);
		if (r)
			detach(l, lib);
	}
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
	r = attach(s->l, &key, m->path);
	if (r) { /* NSS has a libssl too, without these functions; and the process may be gone */
		s->l->stats.tls_attach_failures += r != -ENOENT && r != -ESRCH &&
						   dfl_proc_parent(s->pid);
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
	uint64_t offset[DFL_K_N_TLS_FN];
	int fd = dfl_proc_open(s->pid, m->path);

	s->fn(s->ud, "OpenSSL", m->path,
	      fd >= 0 && dfl_elf_find(fd, fn_names, DFL_K_N_TLS_FN, offset) > 0);
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
