/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deposits: text that an operation gave to a store, and what the store said of it. A deposit is
 * attempted until its transaction ends; then it is kept or not. Later operations remove or
 * overwrite it. README.md draws the states.
 */
#pragma once

#include "trace/item.h"
#include "trace/request.h"

enum {
	MAX_DEPOSITS = 16,  /* of one hop */
	MAX_APPLIED = 1024, /* newest effects, for deposits that become known after them */
};

/* The text of one hop, as one operation brought it. */
struct deposit {
	struct deposit *prev, *next;  /* of its transaction, while that is open */
	struct deposit *next_of_item; /* deposits in the same item */
	struct deposit *next_of_hop;
	struct request *request; /* that the hop belongs to */
	const struct tconn *tc;	 /* of the hop, which holds a reference */
	uint64_t op;		 /* number of the operation */
	const char *place;	 /* interned; NULL: unknown */
	struct dfl_txn *txn;	 /* that is to end; NULL: it ended */
	struct item *item;	 /* NULL: unknown */
	enum dfl_kept kept;
	uint64_t since_ns;   /* of that */
	uint64_t expires_ns; /* 0: never, or unknown */
};

struct effect;

/* Operations that a store keeps or drops together: those of a transaction, or a single one. */
struct dfl_txn {
	unsigned refs;	    /* of operations, and of the decoder */
	enum dfl_kept kept; /* ATTEMPTED: it is open */
	uint64_t since_ns;
	struct deposit *deposits;
	struct effect *effects; /* in the order in which they were asked for */
};

/* What an operation knows of the store's verdict. */
struct verdict {
	struct dfl_txn *txn; /* NULL: none yet, or `kept` tells */
	bool is_shared;	     /* a decoder ends the transaction, not the operation */
	enum dfl_kept kept;  /* ATTEMPTED: no verdict yet */
	uint64_t since_ns;
	struct dfl_effect *writes; /* DFL_WRITES of the operation; NULL: not told */
};

/* A deposit to be made. */
struct deposit_add {
	struct request *request;
	struct verdict *verdict; /* of the operation */
	const struct tconn *tc;
	const char *protocol; /* interned */
	uint64_t op;
	const char *place;
	uint64_t ts_ns;
	int64_t ttl_s;
};

/*
 * Makes a deposit in the list of a hop, unless this operation has one there. False: some deposits
 * of the hop are not remembered (a limit, or memory).
 */
bool dfl_deposit_add(struct dfl_trace *t, const struct deposit_add *a, struct deposit **list);
/* Frees the list of a hop, and empties it. */
void dfl_deposits_free(struct dfl_trace *t, struct deposit **list);
/*
 * What the deposits of a hop come to: one that is present decides, then one that is unknown,
 * attempted, expired, removed, refused. ret_since_ns: when that became so. now_ns: for what
 * expires.
 */
enum dfl_kept dfl_deposits_kept(const struct deposit *list, uint64_t now_ns,
				uint64_t *ret_since_ns);
/* The same of two such answers: the one that decides. */
enum dfl_kept dfl_kept_sum(enum dfl_kept a, enum dfl_kept b);

/* Operation number op, on this connection, does that. */
void dfl_verdict_effect(struct dfl_trace *t, struct verdict *v, const struct tconn *tc,
			const char *protocol, uint64_t op, const struct dfl_effect *e);
/* The store answered. */
void dfl_verdict_tell(struct dfl_trace *t, struct verdict *v, enum dfl_kept kept, uint64_t ts_ns);
/* The operation is part of a transaction. */
void dfl_verdict_join(struct dfl_trace *t, struct verdict *v, struct dfl_txn *txn);
/* The operation is over: without an answer, nothing is known. */
void dfl_verdict_over(struct dfl_trace *t, struct verdict *v, uint64_t ts_ns);
/* Lets go what it holds. It must be over, or nobody asks for it any more. */
void dfl_verdict_fini(struct dfl_trace *t, struct verdict *v);

/* NULL: no memory. */
struct dfl_txn *dfl_txn_new(void);
/* The verdict on all that is in it; the caller's reference goes. */
void dfl_txn_end(struct dfl_trace *t, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns);
/* The effects that are remembered. */
void dfl_effects_free(struct dfl_trace *t);
