/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of invented connections, written as a recording; and how Dify spells a text on each leg.
 */
#pragma once

#include <stdio.h>

#include "capture/event.h"

struct wire {
	struct dfl_recording *rec;
	uint64_t now_ns, next_chan, next_call, tick_ns;
	void (*take)(void *ud, const struct dfl_event *ev); /* gets the events; NULL: rec does */
	void *ud;
	uint64_t pace_ns; /* from call to call; 0: 20 to 100 µs, by chance */
	uint32_t seed;
	unsigned drop, cut; /* of 1000 pieces */
	unsigned unseen;    /* dropped, not yet told as a loss */
	uint64_t unseen_bytes, unseen_ns;
	uint64_t dropped, cuts;
};

struct conn {
	uint64_t chan;
	uint32_t pid, seq[2];
	uint64_t tls_pos[2];
	bool tls, busy;
};

uint32_t wire_dice(struct wire *w, uint32_t below);
void wire_open(struct wire *w, const char *path);
/* The first event, where there is no file. */
void wire_begin(struct wire *w);
/* Goes on in another file: the next part of the same recording. */
void wire_close_file(struct wire *w);
void wire_next_file(struct wire *w, const char *path);
void wire_proc(struct wire *w, uint32_t pid, const char *exe, const char *cmdline);
/* remote: the last two numbers of 10.0.x.y, or of 203.0.x.y when tls. */
void wire_conn(struct wire *w, struct conn *c, uint32_t pid, bool accepted, int net, int host,
	       uint16_t port, bool tls);
/* A file that a process opened; it is read and written as a connection is. */
void wire_file(struct wire *w, struct conn *c, uint32_t pid, const char *path);
/* One call. Returns the time at which it was seen. may_be_lost: drop and cut are thrown for it. */
uint64_t wire_send(struct wire *w, struct conn *c, bool out, const void *data, size_t len,
		   bool may_be_lost);
void wire_close(struct wire *w, struct conn *c);
/* Lets time pass, so that traces settle. */
void wire_finish(struct wire *w, unsigned seconds);

/* Inside of a JSON string: raw UTF-8, or as Python's json.dumps escapes it. */
void put_json(FILE *f, const char *text, bool ascii);
void put_sql(FILE *f, const char *text);
void put_base64(FILE *f, const void *data, size_t len);
void put_resp(FILE *f, const void *data, size_t len);
