/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: functions return 0 or a negative errno; some add a sentence for the person. */
#pragma once

#include <errno.h>

struct dfl_err {
	char msg[240]; /* never holds payload */
};

/*
 * Writes the sentence into `err` (may be NULL) and returns -code, so that a caller can
 * `return dfl_err_set(err, EINVAL, "…")`.
 */
int dfl_err_set(struct dfl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
