// SPDX-License-Identifier: Apache-2.0
/* dflow.h, third part: what this host allows. */
#include "api.h"

#include "capture/host/doctor.h"

_Static_assert((int)DFLOW_CHECK_OK == (int)DFL_DOCTOR_OK &&
		       (int)DFLOW_CHECK_LIMITED == (int)DFL_DOCTOR_LIMITED &&
		       (int)DFLOW_CHECK_MISSING == (int)DFL_DOCTOR_MISSING,
	       "the same results inside and outside");

struct forward {
	void (*fn)(void *ud, const struct dflow_check *check);
	void *ud;
};

static void on_check(void *ud, const struct dfl_doctor_check *check)
{
	const struct forward *to = ud;

	to->fn(to->ud, &(struct dflow_check){ .sz = sizeof(struct dflow_check),
					      .name = check->name,
					      .result = (enum dflow_check_result)check->result,
					      .found = check->found,
					      .advice = check->advice });
}

int dflow_host_check(const struct dflow_host_opts *opts,
		     void (*fn)(void *ud, const struct dflow_check *check), void *ud,
		     struct dflow_error *ret_error)
{
	struct forward to = { fn, ud };
	struct dflow_host_opts o;
	struct dfl_err err = { "" };

	dfl_api_options(opts, &o, sizeof(o));
	return dfl_api_error(ret_error, DFLOW_ABOUT_HOST, &err,
			     dfl_doctor_run(&(struct dfl_doctor_opts){ .cgroups = o.cgroups,
								       .n_cgroups = o.n_cgroups,
								       .pids = o.pids,
								       .n_pids = o.n_pids },
					    on_check, &to, &err));
}
