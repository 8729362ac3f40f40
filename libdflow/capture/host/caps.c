// SPDX-License-Identifier: Apache-2.0
/* Looks at the capabilities of the process, and gives back what recording does not need. */
#include "capture/host/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40 /* Linux 5.9 */
#endif

struct caps {
	struct __user_cap_data_struct half[2]; /* 32 capabilities each */
};

static int get(struct caps *ret)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &h, ret->half) ? -errno : 0;
}

static int set(const struct caps *c)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &h, c->half) ? -errno : 0;
}

bool dfl_caps_has(int cap)
{
	struct caps c;

	return !get(&c) && c.half[cap / 32].effective & (1u << (cap % 32));
}

const char *dfl_caps_name(int cap)
{
	switch (cap) {
	case CAP_BPF:
		return "CAP_BPF";
	case CAP_PERFMON:
		return "CAP_PERFMON";
	case CAP_SYS_PTRACE:
		return "CAP_SYS_PTRACE";
	case CAP_DAC_READ_SEARCH:
		return "CAP_DAC_READ_SEARCH";
	case CAP_DAC_OVERRIDE:
		return "CAP_DAC_OVERRIDE";
	case CAP_SYS_ADMIN:
		return "CAP_SYS_ADMIN";
	default:
		return NULL;
	}
}

/* Capabilities outside of mask go, and none is inherited. */
static void keep_only(struct caps *c, uint64_t mask)
{
	for (int i = 0; i < 2; i++) {
		c->half[i].permitted &= (uint32_t)(mask >> (32 * i));
		c->half[i].effective = c->half[i].permitted;
		c->half[i].inheritable = 0;
	}
}

int dfl_caps_drop(bool keep_dac_override, struct dfl_err *err)
{
	uint64_t mask = 1ull << CAP_BPF | 1ull << CAP_PERFMON | 1ull << CAP_SYS_PTRACE |
			1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_CHECKPOINT_RESTORE;
	struct rlimit none = { 0, 0 };
	struct caps c;
	int r;

	if (keep_dac_override)
		mask |= 1ull << CAP_DAC_OVERRIDE;
	/*
	 * the bounding set first: it needs CAP_SETPCAP; without it nothing is lost, exec is shut
	 * off below
	 */
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(mask & 1ull << cap))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	r = get(&c);
	if (!r) {
		keep_only(&c, mask);
		r = set(&c);
	}
	if (r)
		return dfl_err_set(err, -r, "cannot give privileges back: %s", strerror(-r));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return dfl_err_set(err, errno, "cannot forbid core dumps and new privileges: %m");
	return 0;
}
