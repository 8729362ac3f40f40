// SPDX-License-Identifier: Apache-2.0
/* The sentence that goes with a negative errno. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

/* `return dfl_err_set(…)` is one statement: that is why it gives back -code. */
int dfl_err_set(struct dfl_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		dfl_printable(err->msg); /* it may name files and processes */
	}
	return -code;
}
