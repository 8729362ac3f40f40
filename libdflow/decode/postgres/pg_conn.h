/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a Postgres connection, and what both of its directions share: statements, values,
 * the cursor over the body of a message. README.md tells the states and invariants.
 */
#pragma once

#include "decode/emit.h"
#include "decode/postgres/pg_keys.h"
#include "decode/postgres/sql.h"
#include "decode/vector.h"

/* Limits of one connection. What they cut off is counted (DFL_LIMIT_UNANSWERED, _STATEMENTS). */
#define DFL_PG_OPS_MAX 256	      /* statements without a reply; the oldest is ended */
#define DFL_PG_STATEMENTS_MAX 64      /* prepared ones; the least recently used is forgotten */
#define DFL_PG_NAME_MAX 64	      /* of statements and columns, with the NUL (NAMEDATALEN) */
#define DFL_PG_MESSAGE_MAX (1u << 30) /* Postgres: MaxAllocSize is 1 GiB - 1 */

#define DFL_PG_LEVELS_MAX 256 /* savepoints of a transaction; then nothing is known of it */
#define DFL_PG_CONTROLS_MAX 4 /* savepoints that one text sets or goes back to */

/* What is undone together: a transaction up to its first savepoint, or from one to the next. */
struct dfl_pg_level {
	struct dfl_pg_level *prev, *next;
	struct dfl_txn *txn; /* NULL: nothing was done yet */
	char name[];	     /* of the savepoint; "" none, or it was released */
};

/* SAVEPOINT and the like. */
struct dfl_pg_control {
	uint8_t kind; /* enum dfl_sql_control */
	char name[DFL_PG_NAME_MAX];
};

/* A prepared statement. In a pipeline its name may be given anew before it was carried out. */
struct dfl_pg_stmt {
	struct dfl_pg_stmt *prev, *next; /* least recently used first */
	unsigned refs;			 /* of the connection, and of pg_ops */
	char name[DFL_PG_NAME_MAX];	 /* "" is the unnamed one */
	char operation[DFL_NAME_MAX];
	struct dfl_sql sql;	  /* places of parameters and result columns */
	struct dfl_names columns; /* as in dfl_pg_op, once they were described */
};

/* A statement that was sent and waits for its answer, or gets it. */
struct dfl_pg_op {
	struct dfl_pg_op *prev, *next;
	struct dfl_op *op;
	uint64_t unit;	    /* statements up to one Sync or simple query have the same number */
	bool done;	    /* its CommandComplete was seen */
	bool parsed, bound; /* extended protocol: its Parse, its Bind was seen */
	char stmt[DFL_PG_NAME_MAX]; /* Parse: the name of the statement */
	struct dfl_pg_stmt *st;	    /* the prepared statement; NULL: none, or unknown */
	struct dfl_view *own[2];    /* by direction: SQL, framing, values that are no text */
	struct dfl_sql sql;	    /* of a simple query, or until Parse is complete */
	struct dfl_names columns;   /* of the result: 't' text, 'i' an id, 'x' other; then the place
				     */
	struct dfl_pg_keys rows;    /* that it inserts */
	struct dfl_pg_keys conditions; /* that its WHERE names */
	bool failed;		       /* the server answered with an error */
	bool is_unknown;	       /* its SQL was not seen */
	bool writes;		       /* a statement of its text writes */
	uint8_t n_controls, control;   /* of the text; the one that comes next */
	struct dfl_pg_control controls[DFL_PG_CONTROLS_MAX];
	struct dfl_pg_copy *copy; /* the data of COPY … FROM STDIN; NULL: none */
};

struct dfl_pg_conn;

/* Cursor over the body of a message: numbers and strings, however it is split. */
struct dfl_pg_field {
	uint8_t state; /* enum state of pg_frontend.c or pg_backend.c */
	uint32_t left; /* bytes of a value that are still to come */
	uint8_t n;     /* bytes of the number so far */
	uint32_t number;
	uint32_t count; /* items (parameters, columns) that are still to come */
	uint32_t index; /* of the item, from 0 */
	uint16_t text_len;
	char text[DFL_PG_NAME_MAX];
};

/* One direction: what the frontend (client) sends, or what the backend (server) sends. */
struct dfl_pg_side {
	struct dfl_pg_conn *conn;
	enum dfl_dir dir;
	const struct dfl_chunk *chunk; /* that is being read; NULL between calls */
	bool broken;		       /* a gap was not inside a body: nobody knows what follows */
	/* the message */
	uint8_t n_head; /* bytes of type and length so far */
	uint8_t head[8];
	uint64_t head_pos;
	uint8_t type;  /* 0: the message without a type that opens a connection */
	uint32_t left; /* bytes of the body that are still to come */
	bool in_body;
	struct dfl_pg_op *op; /* NULL: bytes without an operation */
	struct dfl_view *raw; /* those */
	struct dfl_pg_field f;
	/* the value that is being read */
	struct dfl_view *value;	    /* NULL: it goes with the framing */
	struct dfl_view *retrieved; /* the same once more, when a search found it */
	bool want_ids;		    /* ids among the values of this message are the operation's */
	enum dfl_sql_role role;	    /* of the value */
	size_t lit_len;
	char lit[64]; /* its first bytes: as many as an id has */
	char lit_place[DFL_NAME_MAX];
	bool is_vector;
	struct dfl_vector vector; /* its place is lit_place */
};

struct dfl_pg_conn {
	struct dfl_decoder_ctx *ctx;
	struct dfl_pg_side front, back;
	bool known;	       /* the sink was told the protocol */
	bool starting;	       /* the client's next message has no type */
	bool asked_tls;	       /* SSLRequest or GSSENCRequest: one byte answers */
	uint64_t unit;	       /* of the next statement */
	struct dfl_pg_op *ops; /* oldest first */
	unsigned n_ops;
	struct dfl_pg_stmt *stmts; /* least recently used first */
	unsigned n_stmts;
	/* the transaction (pg_txn.c) */
	struct dfl_pg_level *levels; /* outermost first */
	unsigned n_levels;
	bool in_block;	  /* BEGIN was seen, or ReadyForQuery said so */
	bool unit_failed; /* a statement of the unit that is being answered had an error */
	bool terminated;  /* the client took its leave */
};

/* Bytes go to the own view of the message's operation, or to the raw one. */
void dfl_pg_put_own(struct dfl_pg_side *s, const struct dfl_slice *d);
/* The same of lengths and types, for which the decoder vouches. */
void dfl_pg_put_framing(struct dfl_pg_side *s, const struct dfl_slice *d);

/*
 * A value: open it, feed it, close it. place: "" or NULL is the operation's. Closing it also tells
 * the id when the place is one of ids, and the vector when it is one of vectors.
 */
void dfl_pg_open_value(struct dfl_pg_side *s, const char *place, enum dfl_sql_role role);
void dfl_pg_put_value(struct dfl_pg_side *s, const struct dfl_slice *d);
/* Also when none is open. */
void dfl_pg_close_value(struct dfl_pg_side *s);
/* In place of open: the value goes with the framing, but may be an id. */
void dfl_pg_note_value(struct dfl_pg_side *s, const char *place);

/* Begins an operation that has no name yet. NULL: no memory. */
struct dfl_pg_op *dfl_pg_op_new(struct dfl_pg_conn *c, uint64_t ts_ns);
/* Names it ("INSERT messages"). sql: what is known of it so far, NULL: nothing. */
void dfl_pg_op_name(struct dfl_pg_conn *c, struct dfl_pg_op *op, const char *operation,
		    const struct dfl_sql *sql);
/* What its SQL says of places; NULL: its text was not seen. Borrowed until the next statement. */
const struct dfl_sql *dfl_pg_op_sql(struct dfl_pg_conn *c, struct dfl_pg_op *op);
/* Ends and frees it; both directions forget it. */
void dfl_pg_op_end(struct dfl_pg_conn *c, struct dfl_pg_op *op, uint64_t ts_ns);

/* The prepared statement of that name, which becomes the most recently used one; or NULL. */
struct dfl_pg_stmt *dfl_pg_stmt_find(struct dfl_pg_conn *c, const char *name);
/* A new one; it replaces one of the same name. NULL: no memory. */
struct dfl_pg_stmt *dfl_pg_stmt_new(struct dfl_pg_conn *c, const char *name);
/* The pg_op is of that statement. */
void dfl_pg_op_use(struct dfl_pg_op *op, struct dfl_pg_stmt *st);
void dfl_pg_stmts_fini(struct dfl_pg_conn *c);

/* One byte of a big-endian number of `size` bytes. True: it is complete, in f->number. */
bool dfl_pg_number(struct dfl_pg_field *f, uint8_t byte, uint8_t size);
/* One byte of a string. True: it was its NUL; the string is in f->text, cut if it is longer. */
bool dfl_pg_string(struct dfl_pg_field *f, uint8_t byte);
/*
 * Puts the bytes of d from i on that are of the value, and closes it after its last one (f->left
 * is 0 then). Returns how many they are.
 */
size_t dfl_pg_value_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i);
/* The same with the rest of a message that is not looked into. The decoder does not vouch for it.
 */
size_t dfl_pg_rest_run(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i);
/*
 * A piece of a body. The state of the cursor says what comes: in a state whose bit is set in
 * `runs`, `run` takes bytes from i on and returns how many; any other byte goes to `field`, and to
 * the own view.
 */
void dfl_pg_fields(struct dfl_pg_side *s, const struct dfl_slice *d, unsigned runs,
		   size_t (*run)(struct dfl_pg_side *s, const struct dfl_slice *d, size_t i),
		   void (*field)(struct dfl_pg_side *s, uint8_t byte));
