// SPDX-License-Identifier: Apache-2.0
/* The words for ways out of a process. */
#include "capture/live/ways.h"

#include <stdio.h>
#include <sys/socket.h>

#include "capture/live/syscalls.h"

/* Those of which number is no part of the word. kind: LASTING and ONCE have a word. */
static const struct {
	enum dfl_blind_kind kind;
	const char *word;
} fixed[DFL_K_N_BLIND] = {
	[DFL_K_IO_URING] = { DFL_BLIND_IO_URING, "" },
	[DFL_K_SHM] = { DFL_BLIND_SHM, "" },
	[DFL_K_SHM_ANON] = { DFL_BLIND_SHM, "" },
	[DFL_K_SHM_FILE] = { DFL_BLIND_LASTING, "file mapped to be written" },
	[DFL_K_PROCESS_VM] = { DFL_BLIND_PROCESS_VM, "" },
	[DFL_K_COMPAT] = { DFL_BLIND_LASTING, "32-bit system calls" },
	[DFL_K_FD_PASSED] = { DFL_BLIND_ONCE, "file descriptor passed (SCM_RIGHTS)" },
	[DFL_K_DEVICE] = { DFL_BLIND_ONCE, NULL },
	[DFL_K_FAMILY] = { DFL_BLIND_ONCE, NULL },
	[DFL_K_SOCKET_TYPE] = { DFL_BLIND_ONCE, NULL },
	[DFL_K_SYSCALL] = { DFL_BLIND_ONCE, NULL },
};

#define FAMILY(name) [name] = #name
static const char *const families[] = {
	FAMILY(AF_AX25),    FAMILY(AF_IPX),    FAMILY(AF_APPLETALK), FAMILY(AF_X25),
	FAMILY(AF_KEY),	    FAMILY(AF_PACKET), FAMILY(AF_RDS),	     FAMILY(AF_PPPOX),
	FAMILY(AF_CAN),	    FAMILY(AF_TIPC),   FAMILY(AF_BLUETOOTH), FAMILY(AF_RXRPC),
	FAMILY(AF_ALG),	    FAMILY(AF_NFC),    FAMILY(AF_VSOCK),     FAMILY(AF_KCM),
	FAMILY(AF_QIPCRTR), FAMILY(AF_SMC),    FAMILY(AF_XDP),
};

static void say_family(uint64_t family, char *word)
{
	const char *name = family < sizeof(families) / sizeof(*families) ? families[family] : NULL;

	if (name)
		snprintf(word, DFL_WAYS_WORD, "socket family %s", name);
	else
		snprintf(word, DFL_WAYS_WORD, "socket family %u", (unsigned)family);
}

static void say_syscall(uint64_t nr, char *word)
{
	const char *name = dfl_syscalls_name(nr);

	if (name)
		snprintf(word, DFL_WAYS_WORD, "system call %s", name);
	else
		snprintf(word, DFL_WAYS_WORD, "system call %u", (unsigned)nr);
}

void dfl_ways_blind(enum dfl_k_blind why, uint64_t number, char word[static DFL_WAYS_WORD],
		    struct dfl_ev_blind *ret_ev)
{
	ret_ev->kind = fixed[why].kind;
	ret_ev->way = fixed[why].word ?: word;
	if (why == DFL_K_DEVICE)
		snprintf(word, DFL_WAYS_WORD, "device, major number %u", (unsigned)number);
	else if (why == DFL_K_SOCKET_TYPE)
		snprintf(word, DFL_WAYS_WORD, "socket protocol %u", (unsigned)number);
	else if (why == DFL_K_FAMILY)
		say_family(number, word);
	else if (why == DFL_K_SYSCALL)
		say_syscall(number, word);
}

const char *dfl_ways_text_path(uint64_t text)
{
	static const char *const paths[DFL_K_N_TEXT] = {
		[DFL_K_TEXT_ARGS] = "[arguments]",
		[DFL_K_TEXT_ENV] = "[environment]",
		[DFL_K_TEXT_NAME] = "[file names]",
		[DFL_K_TEXT_XATTR] = "[file attributes]",
		[DFL_K_TEXT_QUEUE] = "[message queue]",
		[DFL_K_TEXT_KEY] = "[key ring]",
		[DFL_K_TEXT_PROC] = "[process names]",
		[DFL_K_TEXT_OPTION] = "[socket options]",
		[DFL_K_TEXT_NETLINK] = "[kernel messages]",
	};

	return text < DFL_K_N_TEXT && paths[text] ? paths[text] : "[text]";
}
