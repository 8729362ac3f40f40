// SPDX-License-Identifier: Apache-2.0
/* Makes the lines of the log hook. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

void dfl_log_vwrite(const struct dfl_log *log, enum dfl_log_level level, const char *fmt,
		    va_list ap)
{
	char line[DFL_LOG_LINE];
	size_t len;

	if (!log || !log->fn)
		return;
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		return;
	len = strlen(line);
	while (len && line[len - 1] == '\n')
		line[--len] = 0;
	log->fn(log->ud, level, line);
}

void dfl_log_write(const struct dfl_log *log, enum dfl_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dfl_log_vwrite(log, level, fmt, ap);
	va_end(ap);
}
