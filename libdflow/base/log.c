// SPDX-License-Identifier: Apache-2.0
/* Makes the lines of the log hook. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

void dfl_log_write(const struct dfl_log *log, enum dfl_log_level level, const char *fmt, ...)
{
	char line[DFL_LOG_LINE];
	char *rest, *one;
	va_list ap;
	int n;

	if (!log || !log->fn)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	for (rest = line; (one = strsep(&rest, "\n"));) {
		dfl_printable(one);
		if (*one)
			log->fn(log->ud, level, one);
	}
}
