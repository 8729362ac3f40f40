/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: puts the pieces of every connection, direction and layer in order and says where bytes
 * are missing. Pairs the two ends of a connection, so that bytes seen at both are delivered once.
 * No I/O, no clock: time comes with the events.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/event.h"

struct dfl_stream; /* the stage */

/* One end of a connection. pid 0: no process of it was seen (remote, or a pcap). */
struct dfl_conn_end {
	struct dfl_addr addr;
	uint64_t chan; /* 0: this end was not seen */
	uint32_t pid;  /* process that used it last */
	int32_t fd;
	uint64_t netns;
};

/* Borrowed by the callbacks; lives until `close` returned. */
struct dfl_conn {
	uint64_t id; /* 1, 2, …: order of first sight */
	enum dfl_medium medium;
	struct dfl_conn_end end[2]; /* enum dfl_end; pipe: client writes; file: client is the
				       process */
	bool role_known;	    /* false: who is client was guessed from the ports */
	bool tap;
	bool from_start; /* its first byte was seen */
	char path[256];	 /* file: for rules only */
	uint64_t opened_ns, last_ns;
	/* what was seen so far, by direction; wire bytes, each counted once */
	uint64_t wire_bytes[2];
	uint64_t unread_bytes[2]; /* no readable buffer */
	void *decode;		  /* for the decode stage */
	void *trace;		  /* for the trace stage */
};

/* In-order bytes of one direction and layer. */
struct dfl_chunk {
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl; /* layer TLS: which TLS object */
	uint64_t pos; /* offset in this stream; 0 is its first byte, or the first one seen */
	const uint8_t *data;
	uint32_t len;
	bool call_start;      /* begins a call of the process: in a stream joined in the middle, a
				 message likely starts here */
	bool dgram;	      /* a whole datagram */
	uint32_t pid;	      /* process that wrote or read it, 0 unknown */
	struct dfl_addr peer; /* of the datagram when the socket is not connected */
	uint64_t ts_ns;
};

struct dfl_gap {
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl;
	uint64_t pos;
	uint64_t len; /* bytes not seen; 0: a break only (a seek, a restart of numbering), nothing
			 is known to be lost */
	bool unread;  /* they passed in a form that cannot be read (sendfile, splice, ciphertext
			 without keys) rather than being lost */
	uint64_t ts_ns;
};

struct dfl_stream_sink {
	void *ud;
	/* A connection is new, or an end of it became known. */
	void (*conn)(void *ud, struct dfl_conn *conn);
	void (*data)(void *ud, struct dfl_conn *conn, const struct dfl_chunk *chunk);
	void (*gap)(void *ud, struct dfl_conn *conn, const struct dfl_gap *gap);
	/* One direction ended. */
	void (*end)(void *ud, struct dfl_conn *conn, enum dfl_dir dir, enum dfl_layer layer,
		    uint64_t ts_ns);
	void (*close)(void *ud, struct dfl_conn *conn, uint64_t ts_ns);
};

struct dfl_stream_opts {
	uint64_t reorder_ns;	    /* a hole older than this is a gap; 0: default 200 ms */
	uint64_t pipe_hold_ns;	    /* wait this long for the reader of a pipe; 0: default 500 ms */
	uint64_t pending_max_bytes; /* out-of-order bytes held, all streams; 0: default 64 MiB */
	uint32_t max_conns;	    /* 0: default 65536; the oldest idle one goes first */
};

struct dfl_stream_stats {
	uint64_t conns, gaps, gap_bytes, overlap_bytes, disagree_bytes, evicted_conns,
		pending_bytes;
};

int dfl_stream_new(const struct dfl_stream_opts *opts, const struct dfl_stream_sink *sink,
		   struct dfl_stream **ret_stream);
void dfl_stream_free(struct dfl_stream *s);

/* CHAN, CHAN_CLOSE, DATA and TICK are used, others ignored. Returns 0 or -ENOMEM. */
int dfl_stream_event(struct dfl_stream *s, const struct dfl_event *ev);
/* Delivers what is held back and closes every connection. */
int dfl_stream_finish(struct dfl_stream *s, uint64_t ts_ns);
void dfl_stream_stats(const struct dfl_stream *s, struct dfl_stream_stats *ret_stats);
