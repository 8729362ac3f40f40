// SPDX-License-Identifier: Apache-2.0
/*
 * Many uprobes as one link (Linux 6.6, 89ae89f53d20): attaching and above all detaching waits for
 * RCU once and not once a probe. libbpf has it since 1.3; the structures here are those of its
 * system call.
 */
#include "capture/live/uprobe_multi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/bpf.h of 6.6 */
#define UPROBE_MULTI_RETURN 1u

struct link_create {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, uprobe_flags, pid, pad;
};
_Static_assert(sizeof(struct link_create) == 64, "no hidden padding");

int dfl_uprobe_multi_attach(int prog_fd, const char *path, const uint64_t *offsets,
			    const uint64_t *cookies, uint32_t n, bool ret, uint32_t pid)
{
	struct link_create a = { .prog_fd = prog_fd,
				 .attach_type = DFL_UPROBE_MULTI_TYPE,
				 .path = (uintptr_t)path,
				 .offsets = (uintptr_t)offsets,
				 .cookies = (uintptr_t)cookies,
				 .cnt = n,
				 .uprobe_flags = ret ? UPROBE_MULTI_RETURN : 0,
				 .pid = pid };
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &a, sizeof(a));

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/*
 * A program of two instructions, attached to nothing that exists: an old kernel refuses to load it.
 */
bool dfl_uprobe_multi_works(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a;
	uint64_t offset = 0, cookie = 0;
	int fd, r;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_KPROBE;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = 2;
	a.license = (uintptr_t) "GPL";
	a.expected_attach_type = DFL_UPROBE_MULTI_TYPE;
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		return false;
	/*
	 * "/" is no file: EBADF is said only by a kernel that came as far as to look at it (as
	 * libbpf probes)
	 */
	r = dfl_uprobe_multi_attach(fd, "/", &offset, &cookie, 1, false, 0);
	close(fd);
	return r == -EBADF;
}
