// SPDX-License-Identifier: Apache-2.0
/* Text for people: folded at blanks, without control characters. */
#include "cli/text.h"

#include <string.h>
#include <time.h>

#include "cli/terminal.h"

#define CONTINUED "      "

char *make_printable(char *text)
{
	for (char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
	return text;
}

/* How many bytes fit: up to the last blank before the edge, or to the first one behind it. */
static size_t fitting(const char *text, int room)
{
	size_t blank = 0;
	int column = 0;

	for (size_t i = 0;; i++) {
		if (text[i] == '\033') /* an escape sequence up to its 'm' takes no column */
			i += strcspn(text + i, "m") + 1;
		if (!text[i])
			return i;
		column += (text[i] & 0xc0) != 0x80; /* UTF-8 continuation bytes take no column */
		if (column > room && blank)
			return blank;
		if (text[i] == ' ')
			blank = i;
	}
}

void put_lines(FILE *to, const char *text, int column, int n_columns, const char *continued)
{
	size_t indent = strspn(text, " ");
	size_t n = n_columns ? indent + fitting(text + indent, n_columns - column - (int)indent) :
			       strlen(text);

	fprintf(to, "%.*s\n", (int)n, text);
	while (text[n]) {
		text += n + 1;
		n = fitting(text, n_columns - (int)strlen(continued));
		fprintf(to, "%s%.*s\n", continued, (int)n, text);
	}
}

void put_folded(char *text)
{
	put_lines(stdout, make_printable(text), 0, page_columns(), CONTINUED);
}

void put_heading(const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s%s%s", style_on(STYLE_HEAD), text, style_off(STYLE_HEAD));
	putchar('\n');
	put_lines(stdout, line, 0, page_columns(), "");
}

void format_bytes(char *ret_text, size_t size, unsigned long long n)
{
	if (n < 10000)
		snprintf(ret_text, size, "%llu bytes", n);
	else if (n < 10000000)
		snprintf(ret_text, size, "%.1f kB", n / 1e3);
	else if (n < 10000000000ull)
		snprintf(ret_text, size, "%.1f MB", n / 1e6);
	else
		snprintf(ret_text, size, "%.1f GB", n / 1e9);
}

void format_time(int64_t ns, const char *shape, char *ret_text, size_t size)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	if (!strftime(ret_text, size, shape, &tm))
		*ret_text = 0;
}
