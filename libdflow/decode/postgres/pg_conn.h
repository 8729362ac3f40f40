/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Postgres connection is made of, and what both its directions share. Inner to postgres.c
 * and pg_*.c.
 */
#pragma once

#include "decode/decode.h"
#include "decode/emit.h"
#include "decode/postgres/sql.h"
#include "decode/vector.h"

#define DFL_PG_OPS 256		      /* statements without a reply; the oldest is ended */
#define DFL_PG_STATEMENTS 64	      /* prepared statements remembered; the least used one goes */
#define DFL_PG_NAME 64		      /* of statements and columns, with its NUL */
#define DFL_PG_MESSAGE_MAX (1u << 30) /* Postgres: MaxAllocSize */

/* A prepared statement. */
struct dfl_pg_stmt {
	struct dfl_pg_stmt *prev, *next; /* least recently used first */
	char name[DFL_PG_NAME];
	char operation[DFL_NAME_MAX];
	struct dfl_sql sql;	  /* places of parameters and result columns */
	struct dfl_names columns; /* once they were described; see dfl_pg_op */
};

/* A statement that was sent and is answered. */
struct dfl_pg_op {
	struct dfl_pg_op *prev, *next;
	struct dfl_op *op;
	uint64_t unit;		  /* all up to one ReadyForQuery */
	bool done;		  /* its CommandComplete was seen */
	bool parsed, bound;	  /* extended protocol: what was seen of it */
	char stmt[DFL_PG_NAME];	  /* then: which */
	struct dfl_view *own[2];  /* by direction: SQL, framing, values that are no text */
	struct dfl_sql sql;	  /* of a simple query */
	struct dfl_names columns; /* of the result: 't' text, 'i' an id, 'x' other; then the place
				   */
};

struct dfl_pg_conn;

/* Cursor over the body of a message: fields of fixed size and strings, however it is split. */
struct dfl_pg_field {
	uint8_t state; /* enum in pg_front.c, pg_back.c */
	uint32_t left; /* bytes of a value */
	uint8_t n;     /* bytes of the number so far */
	uint32_t number;
	uint32_t count; /* items left */
	uint32_t index;
	uint16_t text_len;
	char text[DFL_PG_NAME];
};

struct dfl_pg_side {
	struct dfl_pg_conn *conn;
	enum dfl_dir dir;
	const struct dfl_chunk *chunk;
	bool broken;
	uint8_t n_head; /* bytes of type and length */
	uint8_t head[8];
	uint64_t head_pos;
	uint8_t type;  /* 0: the message without a type that opens a connection */
	uint32_t left; /* bytes of the body */
	bool in_body;
	struct dfl_pg_op *op; /* of the message; NULL: bytes without an operation */
	struct dfl_view *raw;
	struct dfl_view *value;	     /* of the value being read; NULL: it goes with the framing */
	struct dfl_view *chunk_view; /* the same once more, when it may be a retrieved chunk */
	bool want_ids;
	struct dfl_pg_field f;
	size_t lit_len;
	char lit[64];
	char lit_place[DFL_NAME_MAX];
	bool is_vector;
	struct dfl_vector vector; /* its place is lit_place */
};

struct dfl_pg_conn {
	struct dfl_dec_ctx *ctx;
	struct dfl_pg_side front, back;
	bool asker_known;
	bool starting;	/* the client's next message has no type */
	bool asked_tls; /* SSLRequest or GSSENCRequest: one byte answers */
	uint64_t unit;
	struct dfl_pg_op *ops; /* oldest first */
	unsigned n_ops;
	struct dfl_pg_stmt *stmts;
	unsigned n_stmts;
};

/* Bytes of the message into its operation's own view, or the one without an operation. */
void dfl_pg_own(struct dfl_pg_side *s, const struct dfl_slice *d);
/* A view for one value. place "" or NULL: the operation's. */
void dfl_pg_open_value(struct dfl_pg_side *s, const char *place);
void dfl_pg_put_value(struct dfl_pg_side *s, const struct dfl_slice *d);
/* Also says the id when the place is one of ids. */
void dfl_pg_close_value(struct dfl_pg_side *s);
bool dfl_pg_is_id_place(const char *place);
/* A value that has no view of its own but may be an id. */
void dfl_pg_note_value(struct dfl_pg_side *s, const char *place);

struct dfl_pg_op *dfl_pg_op_new(struct dfl_pg_conn *c, uint64_t ts_ns);
void dfl_pg_op_name(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *operation);
/* NULL: nothing is known of its text. */
const struct dfl_sql *dfl_pg_op_sql(struct dfl_pg_conn *c, struct dfl_pg_op *op);
void dfl_pg_op_end(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns);
struct dfl_pg_stmt *dfl_pg_stmt_find(struct dfl_pg_conn *c, const char *name);
/* Replaces one of the same name. NULL: out of memory. */
struct dfl_pg_stmt *dfl_pg_stmt_new(struct dfl_pg_conn *c, const char *name);
void dfl_pg_stmts_fini(struct dfl_pg_conn *c);

/* The body of a message: begin (type and left are set), pieces, end. */
void dfl_pg_front_begin(struct dfl_pg_side *s);
void dfl_pg_front_body(struct dfl_pg_side *s, const struct dfl_slice *d);
void dfl_pg_front_end(struct dfl_pg_side *s);
/* Bytes are missing, so the rest of the body cannot be told apart. */
void dfl_pg_front_lost(struct dfl_pg_side *s);
void dfl_pg_back_lost(struct dfl_pg_side *s);
void dfl_pg_back_begin(struct dfl_pg_side *s);
void dfl_pg_back_body(struct dfl_pg_side *s, const struct dfl_slice *d);
void dfl_pg_back_end(struct dfl_pg_side *s);

/* Collects a big-endian number of `size` bytes. Returns true when it is complete, in f->number. */
bool dfl_pg_number(struct dfl_pg_field *f, uint8_t byte, uint8_t size);
/* Collects a NUL-terminated string. Returns true at its end, in f->text (cut if longer). */
bool dfl_pg_string(struct dfl_pg_field *f, uint8_t byte);
/*
 * The bytes from i on that are of the value; closes it after its last (f->left is 0 then). Returns
 * how many.
 */
size_t dfl_pg_value_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i);
/*
 * A piece of a body, whose cursor knows what comes: in a state of the mask `runs`, `run` takes
 * bytes from i on and returns how many; any other byte goes to `field`, and with the framing.
 */
void dfl_pg_fields(struct dfl_pg_side *s, const struct dfl_slice *d, unsigned runs,
		   size_t (*run)(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i),
		   void (*field)(struct dfl_pg_side *s, uint8_t byte));
