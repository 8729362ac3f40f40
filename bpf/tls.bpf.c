// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The programs for TLS libraries that are called as C functions are: the form of a call says all
 * (event.h, DFL_K_TLS_FORMS). Which functions have which form stands in one table of user space,
 * libdflow/capture/live/tls_library.c.
 */
#include "tls.bpf.h"

#define ROW(NAME, name, act, res, obj, buf, len, cnt)                                              \
	[DFL_K_TLS_FORM_##NAME] = { .action = DFL_K_TLS_##act,                                     \
				    .result = DFL_K_TLS_RESULT_##res,                              \
				    .object = (obj),                                               \
				    .buffer = (buf),                                               \
				    .length = (len),                                               \
				    .count = (cnt) },
static const struct dfl_k_tls_form forms[DFL_K_N_TLS_FORM] = { DFL_K_TLS_FORMS(ROW) };

static __always_inline int called(struct pt_regs *ctx, u64 form)
{
	struct tls_args args = tls_args(ctx);

	if (form >= DFL_K_N_TLS_FORM) /* for the verifier */
		return 0;
	if (forms[form].action == DFL_K_TLS_FORGET)
		return tls_forget(tls_arg(&args, forms[form].object));
	return tls_enter(&args, &forms[form]);
}

/*
 * One program for all functions, where one link can carry many probes (Linux 6.6). The cookie of a
 * probe is its form. live/load.c chooses between this pair and the ones below.
 */
SEC("uprobe")
int dfl_tls_multi(struct pt_regs *ctx)
{
	return called(ctx, bpf_get_attach_cookie(ctx));
}

SEC("uretprobe")
int dfl_tls_multi_return(struct pt_regs *ctx)
{
	return tls_leave(PT_REGS_RC(ctx));
}

/*
 * Where a probe is a link of its own: one program a form, because cookies of such probes are newer
 * (Linux 5.15) than the oldest kernel.
 */
#define PROGRAM(NAME, name, ...)                                                                   \
	SEC("uprobe")                                                                              \
	int dfl_tls_##name(struct pt_regs *ctx)                                                    \
	{                                                                                          \
		return called(ctx, DFL_K_TLS_FORM_##NAME);                                         \
	}
DFL_K_TLS_FORMS(PROGRAM)

SEC("uretprobe")
int dfl_tls_return(struct pt_regs *ctx)
{
	return tls_leave(PT_REGS_RC(ctx));
}
