// SPDX-License-Identifier: Apache-2.0
/* Text for people: as wide as the terminal is, without control characters. */
#include "text.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_COLUMNS 60 /* less than that is taken for a mistake */
#define CONTINUED "      "

int terminal_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col < MIN_COLUMNS ? MIN_COLUMNS : size.ws_col;
}

int page_columns(void)
{
	int n = terminal_columns(STDOUT_FILENO);

	return n && n < MAX_COLUMNS ? n : MAX_COLUMNS;
}

char *make_printable(char *text)
{
	for (char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = '?';
	return text;
}

bool has_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* Bytes of the text that fit: up to its last blank before the edge, or to its next one after it. */
static size_t fitting(const char *text, int room)
{
	size_t blank = 0;
	int column = 0;

	for (size_t i = 0;; i++) {
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
