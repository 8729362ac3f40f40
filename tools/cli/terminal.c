// SPDX-License-Identifier: Apache-2.0
/* What the terminal can do: its width, UTF-8, colour. */
#include "cli/terminal.h"

#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UNLIMITED (INT_MAX / 4) /* leaves room for sums of widths */

static int page;
static bool colored;

int terminal_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col < MIN_COLUMNS ? MIN_COLUMNS : size.ws_col;
}

static int columns_variable(void)
{
	const char *text = getenv("COLUMNS");
	int n = text ? atoi(text) : 0;

	return n > 0 ? n : 0;
}

int page_columns(void)
{
	int n;

	if (page)
		return page;
	n = terminal_columns(STDOUT_FILENO);
	if (!n)
		n = columns_variable();
	if (!n)
		n = DEFAULT_COLUMNS;
	page = n < MIN_COLUMNS ? MIN_COLUMNS : n > MAX_COLUMNS ? MAX_COLUMNS : n;
	return page;
}

void set_page_unlimited(void)
{
	page = UNLIMITED;
}

bool has_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

bool is_dumb_terminal(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || !strcmp(term, "dumb");
}

static bool wants_color(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no) && !is_dumb_terminal();
}

void set_color(enum color_when when)
{
	colored = when == COLOR_ALWAYS || (when == COLOR_AUTO && wants_color());
}

bool is_colored(void)
{
	return colored;
}

const char *style_on(enum style style)
{
	static const char *const sequences[] = {
		[STYLE_NONE] = "",	   [STYLE_HEAD] = "\033[1m",	 [STYLE_GOOD] = "\033[32m",
		[STYLE_NOTE] = "\033[33m", [STYLE_ALARM] = "\033[1;31m", [STYLE_GONE] = "\033[2m",
	};

	return colored ? sequences[style] : "";
}

const char *style_off(enum style style)
{
	return colored && style != STYLE_NONE ? "\033[0m" : "";
}
