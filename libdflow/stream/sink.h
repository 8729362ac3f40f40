/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stream stage tells: its connections, their bytes in order, and where bytes are missing.
 * Decode and trace get these structs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vocab.h"

/* One end of a connection. pid 0: no process of it was seen (a remote host, or a pcap). */
struct dfl_conn_end {
	struct dfl_addr addr;
	uint64_t chan;	/* id of the kernel object; 0: this end was not seen */
	uint32_t pid;	/* process that used it last */
	int32_t fd;	/* in that process; -1 unknown */
	uint64_t netns; /* inode of the network namespace */
};

/* Two ends that exchange bytes. Borrowed by the callbacks; lives until `close` returned. */
struct dfl_conn {
	uint64_t id; /* 1, 2, …: order of first sight */
	enum dfl_medium medium;
	/*
	 * By enum dfl_end. Of a pipe the client is the end that writes; of a file the client is the
	 * process.
	 */
	struct dfl_conn_end end[2];
	bool role_known; /* false: who is client was guessed from the ports */
	bool tap;	 /* both directions were seen from outside (pcap) */
	bool from_start; /* its first byte was seen */
	char path[256];	 /* of a file, for rules only: never stored */
	uint64_t opened_ns, last_ns;
	/* By enum dfl_dir. Bytes of the wire layer, each counted once however often it was seen. */
	uint64_t wire_bytes[2];
	uint64_t unread_bytes[2]; /* of those: there was no readable buffer */
	void *decode;		  /* owned by the decode stage */
	void *trace;		  /* owned by the trace stage */
};

/* Bytes in order, of one direction and layer. `data` is borrowed until the callback returns. */
struct dfl_chunk {
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl; /* layer TLS: which TLS object */
	uint64_t pos; /* offset in this stream; 0 is its first byte, or the first one seen */
	const uint8_t *data;
	uint32_t len;
	/*
	 * It begins a call of the process. In a stream that was joined in the middle, a message
	 * likely starts here.
	 */
	bool call_start;
	bool dgram;	      /* a whole datagram */
	uint32_t pid;	      /* process that wrote or read it; 0 unknown */
	struct dfl_addr peer; /* of the datagram when the socket is not connected; else family 0 */
	uint64_t ts_ns;
};

/* Bytes that did not come. */
struct dfl_gap {
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl;
	uint64_t pos;
	uint64_t len; /* 0: only a break (a seek, a restart of numbering); nothing is known to be
			 lost */
	/*
	 * They passed in a form that cannot be read (sendfile, splice, ciphertext without keys).
	 * false: they were lost.
	 */
	bool unread;
	uint64_t ts_ns;
};

/* All callbacks are required. They must not call into the stage. */
struct dfl_stream_sink {
	void *ud;
	/* A connection is new, or more of its ends is known. */
	void (*conn)(void *ud, struct dfl_conn *conn);
	void (*data)(void *ud, struct dfl_conn *conn, const struct dfl_chunk *chunk);
	void (*gap)(void *ud, struct dfl_conn *conn, const struct dfl_gap *gap);
	/* One direction ended. */
	void (*end)(void *ud, struct dfl_conn *conn, enum dfl_dir dir, enum dfl_layer layer,
		    uint64_t ts_ns);
	/* Nothing more comes. What was held back was delivered. */
	void (*close)(void *ud, struct dfl_conn *conn, uint64_t ts_ns);
};
