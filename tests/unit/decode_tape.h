/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of connections kept in memory, to be decoded again: whole, split, with gaps, damaged. */
#pragma once

#include "decode/decode.h"

struct tape_item {
	size_t conn;
	bool is_gap, is_end;
	struct dfl_chunk chunk; /* data owned; of a gap: dir, layer, ssl, pos, ts_ns, len */
};

struct tape {
	struct dfl_conn *conn;
	size_t n_conns;
	struct tape_item *item;
	size_t n_items;
};

/* From a capture, through the stream stage. Asserts that it can be read. */
void tape_from_pcap(struct tape *t, const char *path);
/*
 * From a text file. Lines: "conn tcp PORT", "conn tls PORT" (plaintext of TLS), "conn udp PORT",
 * "conn pipe FD", "conn file PATH": what follows is on it. "> …" and "< …": bytes of one call, with
 * \r \n \t \\ \xHH. "gap > N".
 * '#' begins a comment line.
 */
void tape_from_text(struct tape *t, const char *path);
/* By hand. Returns the connection's number. */
size_t tape_conn(struct tape *t, enum dfl_medium medium, const char *server_path_or_null,
		 int32_t fd, uint16_t port);
void tape_put(struct tape *t, size_t conn, enum dfl_dir dir, const void *data, size_t len,
	      enum dfl_layer layer);
/* The next bytes of that direction are missing. */
void tape_gap(struct tape *t, size_t conn, enum dfl_dir dir, size_t len, enum dfl_layer layer);
void tape_fini(struct tape *t);

struct tape_play {
	bool bytewise;		/* one byte a chunk */
	size_t lose_from, lose; /* this many items from there on are gaps instead */
	size_t stop_at;		/* 0: play all */
	unsigned damage;	/* seed; 0: none: some bytes are changed */
};

void tape_play(const struct tape *t, const struct tape_play *how,
	       const struct dfl_decode_sink *sink);
