// SPDX-License-Identifier: Apache-2.0
/* dflow.h: what this host allows. */
#include "api.h"

#include "capture/host/doctor.h"

_Static_assert((int)DFLOW_CHECK_OK == (int)DFL_DOCTOR_OK &&
		       (int)DFLOW_CHECK_LIMITED == (int)DFL_DOCTOR_LIMITED &&
		       (int)DFLOW_CHECK_MISSING == (int)DFL_DOCTOR_MISSING,
	       "the same results inside and outside");

struct forward {
	int (*fn)(void *ud, const struct dflow_check *check);
	void *ud;
	int stopped; /* what fn returned; not 0: it is not called any more */
};

static void on_check(void *ud, const struct dfl_doctor_check *check)
{
	struct forward *to = ud;

	if (to->stopped)
		return;
	to->stopped = to->fn(
		to->ud, &(struct dflow_check){ .sz = sizeof(struct dflow_check),
					       .name = check->name,
					       .result = (enum dflow_check_result)check->result,
					       .found = check->found,
					       .advice = check->advice });
}

int dflow_host_check(const struct dflow_host_opts *opts,
		     int (*fn)(void *ud, const struct dflow_check *check), void *ud,
		     struct dflow_error *ret_error)
{
	struct forward to = { .fn = fn, .ud = ud };
	struct dflow_host_opts o;
	struct dfl_api_log log;
	struct dfl_err err = { "" };
	int r = dfl_api_in(DFL_API_SHAPE(dflow_host_opts, log_ud), opts, &o, &err);

	if (r)
		return dfl_api_error(ret_error, DFLOW_ABOUT_CALL, &err, r);
	log = (struct dfl_api_log){ o.log, o.log_ud };
	r = dfl_doctor_run(&(struct dfl_doctor_opts){ .cgroups = o.cgroups,
						      .n_cgroups = o.n_cgroups,
						      .pids = o.pids,
						      .n_pids = o.n_pids,
						      .log = dfl_api_log(&log) },
			   on_check, &to, &err);
	if (to.stopped)
		return to.stopped;
	return dfl_api_error(ret_error, DFLOW_ABOUT_HOST, &err, r);
}
