/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reassembly: the bytes of one direction and layer of a connection, in order. Pieces come with
 * positions (TCP, files, numbered plaintext) or in the order of their arrival (pipes, unix sockets,
 * datagrams). README.md has the states.
 */
#pragma once

#include "capture/event.h"
#include "stream/sink.h"

/* Bytes of a pipe that are held until its reader shows up. */
#define DFL_REASM_PIPE_MAX_BYTES (1u << 20)

enum dfl_reasm_kind {
	DFL_REASM_SEQ32,   /* 32-bit TCP sequence numbers, unrolled; holes wait */
	DFL_REASM_COUNT,   /* 64-bit numbers from 0; holes wait */
	DFL_REASM_FILE,	   /* file offsets: a jump is a seek, nothing is lost */
	DFL_REASM_ARRIVAL, /* no positions; writer and reader report the same bytes */
	DFL_REASM_DGRAM,   /* each piece is whole */
};

/* Whose report of an ARRIVAL or DGRAM stream is delivered. */
enum dfl_reasm_choice { DFL_REASM_UNDECIDED, DFL_REASM_BY_WRITER, DFL_REASM_BY_READER };

struct dfl_reasm_piece; /* held back */

/*
 * What all reassemblies of a stage share. The caller sets the sink and the limits; the rest begins
 * as zero.
 */
struct dfl_reasm_shared {
	struct dfl_stream_sink sink;
	uint64_t reorder_ns, pipe_hold_ns, pending_max_bytes; /* as in dfl_stream_opts */
	/*
	 * Those that hold pieces, the one that waits longest first: for a hole to be filled, and
	 * for the reader of a pipe. utlist.
	 */
	struct dfl_reasm *holes, *pipes;
	/* as in dfl_stream_stats */
	uint64_t gaps, gap_bytes, overlap_bytes, disagree_bytes, hurried_holes, pending_bytes;
};

struct dfl_reasm {
	struct dfl_reasm *next_of_conn; /* for the owner */
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl; /* layer TLS: which TLS object */
	bool ended;   /* for the owner */

	struct dfl_reasm_shared *shared;
	struct dfl_conn *conn;
	enum dfl_reasm_kind kind;
	enum dfl_reasm_choice choice;
	bool started;  /* `next` is known */
	uint32_t base; /* SEQ32: sequence number of position 0 */
	uint64_t next; /* first position that was not delivered yet */

	/* What is held back: a binary heap, the piece with the least position first. */
	struct dfl_reasm_piece **held;
	uint32_t n_held, held_room;
	uint64_t held_bytes; /* without the heads */
	uint64_t arrivals;   /* ARRIVAL: pieces held so far, which gives them their order */
	bool waiting;	     /* in shared->holes or ->pipes */
	uint64_t since_ns;   /* waiting: when the first held piece came */
	struct dfl_reasm *prev_waiting, *next_waiting;
};

/* A piece as it came. */
struct dfl_reasm_input {
	const struct dfl_ev_data *ev; /* len is not 0 */
	uint64_t ts_ns;
	bool from_writer; /* the end that reports it is the one that wrote */
	bool alone;	  /* no other end can fill what is missing in it */
};

/* Zeroed but for what identifies it; `r` lies in memory of the caller, who calls fini. */
void dfl_reasm_init(struct dfl_reasm *r, struct dfl_reasm_shared *shared, struct dfl_conn *conn,
		    enum dfl_reasm_kind kind);
/* The sequence number of position 0, for SEQ32, when the kernel knows it. Before the first piece.
 */
void dfl_reasm_set_base(struct dfl_reasm *r, uint32_t seq);
/* Orders and delivers. -ENOMEM: the piece was not taken, and may be given again. */
int dfl_reasm_feed(struct dfl_reasm *r, const struct dfl_reasm_input *in);
/* Gives up what all of them have waited for longer than the limits. */
void dfl_reasm_expire(struct dfl_reasm_shared *shared, uint64_t now_ns);
/* Delivers everything that is held, with gaps where there are holes. */
void dfl_reasm_flush(struct dfl_reasm *r, uint64_t now_ns);
/* Drops what is held, and wipes it. */
void dfl_reasm_fini(struct dfl_reasm *r);
