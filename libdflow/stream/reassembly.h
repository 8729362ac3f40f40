/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: the bytes of one direction and layer of a connection, in order. Pieces come with
 * positions (TCP, files, numbered plaintext) or in order of arrival (pipes, unix sockets,
 * datagrams).
 */
#pragma once

#include "stream/stream.h"

#define LANE_HELD_MAX (1u << 20) /* bytes of a pipe held until its reader shows up */

enum lane_kind {
	LANE_SEQ32,   /* 32-bit TCP sequence numbers, unrolled; holes wait */
	LANE_COUNT,   /* 64-bit numbers from 0; holes wait */
	LANE_FILE,    /* file offsets: jumps are seeks, no loss */
	LANE_ARRIVAL, /* no positions: writer's and reader's bytes are the same, one is chosen */
	LANE_DGRAM,   /* each piece is whole */
};

enum lane_choice { LANE_UNDECIDED, LANE_BY_WRITER, LANE_BY_READER };

struct piece {
	struct piece *next, *prev;
	uint64_t pos;
	uint32_t len;	 /* of the stream */
	uint32_t copied; /* bytes in data */
	uint32_t pid;
	uint16_t flags;
	uint64_t ts_ns;
	struct dfl_addr peer;
	uint8_t data[];
};

struct lane {
	struct lane *next_lane; /* of the connection */
	struct lane *prev_waiting, *next_waiting;
	struct dfl_stream *stream;
	struct dfl_conn *conn;
	enum lane_kind kind;
	enum dfl_dir dir;
	enum dfl_layer layer;
	enum lane_choice choice;
	uint64_t ssl;
	bool started, waiting, ended;
	uint32_t base; /* LANE_SEQ32: sequence number of position 0 */
	uint64_t next; /* first position not delivered yet */
	uint64_t hole_since_ns;
	struct piece *held; /* sorted by pos, or by arrival */
	size_t held_bytes;
};

/* A piece as it came, before ordering. end: who reported it. */
struct lane_input {
	const struct dfl_ev_data *ev;
	uint64_t ts_ns;
	enum dfl_end end;
	bool from_writer; /* the end that reports it is the one that wrote */
	bool alone;	  /* no other end can fill what is missing here */
};

int dfl_reasm_feed(struct lane *l, const struct lane_input *in);
/* Gives up holes older than the limit. Returns true while something is still waited for. */
bool dfl_reasm_expire(struct lane *l, uint64_t now_ns);
/* Delivers everything held, gaps where there are holes. */
void dfl_reasm_flush(struct lane *l, uint64_t now_ns);
void dfl_reasm_free(struct lane *l);

/* stream.c, for lane.c */
struct dfl_stream {
	struct dfl_stream_opts opts;
	struct dfl_stream_sink sink;
	struct dfl_stream_stats stats;
	struct chan_ref *chans; /* uthash: chan → connection */
	struct pair_key *pairs; /* uthash: what finds the other end */
	struct conn *conns;	/* utlist: least recently used first */
	struct lane *waiting;	/* utlist */
	uint32_t n_conns;
	uint64_t next_id;
};
