/* SPDX-License-Identifier: Apache-2.0 */
/* One line on standard error that is renewed while a command works. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct status_line {
	bool tty;   /* standard error is a terminal: each text takes the place of the one before */
	bool shown; /* a text stands there */
};

/* Sets it up for standard error. */
void status_line_init(struct status_line *line);
/* Shows the text: on a terminal cut to its width, else as a line that begins with "dflow: ". */
void status_line_put(struct status_line *line, const char *text);
/* Removes the text from the terminal, so that other lines can be written. */
void status_line_clear(struct status_line *line);

/* How far a long work is. */
struct progress {
	struct status_line line;
	const char *what;	    /* "big.pcap" */
	bool always;		    /* also when standard error is no terminal */
	uint64_t start_ms, next_ms; /* when it began, and when to show it again */
};

/* what: borrowed until the end. */
void progress_begin(struct progress *p, const char *what, bool always);
/*
 * Call it often: shows share and remaining time twice a second on a terminal, once a second
 * elsewhere, and nothing at all for what is done within the first second.
 */
void progress_show(struct progress *p, uint64_t done_bytes, uint64_t total_bytes);
void progress_end(struct progress *p);

/* Milliseconds of a clock that only goes forward. */
uint64_t now_ms(void);
