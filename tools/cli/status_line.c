// SPDX-License-Identifier: Apache-2.0
/* One line on standard error that is renewed while a command works. */
#include "cli/status_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define CLEAR_LINE "\r\033[K" /* to the left edge; erase to the right one (ECMA-48 8.3.41, EL) */
#define FIRST_MS 1000
#define TTY_EVERY_MS 500
#define EVERY_MS 1000

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void status_line_init(struct status_line *line)
{
	*line = (struct status_line){ .tty = isatty(STDERR_FILENO) };
}

/* Bytes of the text that fit into so many columns. */
static int bytes_that_fit(const char *text, int columns)
{
	int i = 0, column = 0;

	for (; text[i]; i++) {
		column += (text[i] & 0xc0) != 0x80; /* UTF-8 continuation bytes take no column */
		if (column > columns)
			break;
	}
	return i;
}

void status_line_put(struct status_line *line, const char *text)
{
	if (!line->tty) {
		complain(STATUS_OK, "%s", text);
		return;
	}
	/* The last column stays free: a terminal may go to the next line behind it. */
	fprintf(stderr, CLEAR_LINE "%.*s",
		bytes_that_fit(text, terminal_columns(STDERR_FILENO) - 1), text);
	line->shown = true;
}

void status_line_clear(struct status_line *line)
{
	if (line->shown)
		fputs(CLEAR_LINE, stderr);
	line->shown = false;
}

void progress_begin(struct progress *p, const char *what, bool always)
{
	*p = (struct progress){ .what = what, .always = always, .start_ms = now_ms() };
	status_line_init(&p->line);
	p->next_ms = p->start_ms + FIRST_MS;
}

/* "41 s", "2 min 5 s", "3 h 20 min" */
static void format_left(char *ret_text, size_t size, uint64_t s)
{
	if (s < 60)
		snprintf(ret_text, size, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(ret_text, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else
		snprintf(ret_text, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
}

void progress_show(struct progress *p, uint64_t done_bytes, uint64_t total_bytes)
{
	uint64_t now = now_ms();
	char text[512], size[32], left[64];

	if ((!p->line.tty && !p->always) || now < p->next_ms || !done_bytes || !total_bytes)
		return;
	p->next_ms = now + (p->line.tty ? TTY_EVERY_MS : EVERY_MS);
	if (done_bytes > total_bytes) /* the file grows */
		done_bytes = total_bytes;
	/* The rest takes as long for each byte as what is done. */
	format_left(left, sizeof(left),
		    (uint64_t)((double)(now - p->start_ms) * (double)(total_bytes - done_bytes) /
			       (double)done_bytes / 1000));
	format_bytes(size, sizeof(size), total_bytes);
	snprintf(text, sizeof(text), "%3.0f%% of %s, %s left: %s",
		 100.0 * (double)done_bytes / (double)total_bytes, size, left, p->what);
	status_line_put(&p->line, make_printable(text));
}

void progress_end(struct progress *p)
{
	status_line_clear(&p->line);
}
