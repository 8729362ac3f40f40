/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a Redis connection, and what both of its directions share: the views that bytes go
 * to, the values, the pub/sub channels. README.md tells the states and invariants.
 */
#pragma once

#include "decode/dify/celery.h"
#include "decode/item.h"
#include "decode/redis/redis_command_table.h"
#include "decode/redis/resp_parser.h"

/* Limits of one connection. What they cut off is counted (DFL_LIMIT_HEADS, _CHANNELS, _UNANSWERED).
 */
#define DFL_REDIS_HEAD_MAX 4096	    /* bytes held until verb and key tell the operation */
#define DFL_REDIS_ARG_MAX 1024	    /* kept of an argument that is looked at */
#define DFL_REDIS_CHANNELS_MAX 1024 /* open channels; the least recently used one is ended */
#define DFL_REDIS_PENDING_MAX 1024  /* commands without a reply; the oldest is ended */
#define DFL_REDIS_QUEUED_MAX 32	    /* commands of a transaction; later ones have no place */

/*
 * A pub/sub channel, or a stream of Dify's events. All its messages, in one direction of talk
 * (published or subscribed), are one operation.
 */
struct dfl_redis_channel {
	struct dfl_redis_channel *prev, *next; /* least recently used first */
	bool published;			       /* by this client; else it subscribed */
	uint64_t number;		       /* unique on the connection, never 0 */
	struct dfl_op *op;
	struct dfl_view *own[2];       /* by direction: framing, names */
	struct dfl_json_fields fields; /* reads the messages */
	char place[DFL_NAME_MAX];
	size_t name_len;
	char name[DFL_REDIS_ARG_MAX];
};

/* A command that waits for its reply. */
struct dfl_redis_pending {
	struct dfl_redis_pending *prev, *next;
	const struct dfl_redis_command *cmd; /* NULL: not in the table */
	struct dfl_op *op;		     /* NULL: it belongs to a channel */
	uint64_t channel;		     /* the number of that; it may have ended since */
	bool gets;			     /* SET … GET: its reply is the value before */
	char place[DFL_NAME_MAX];
};

/* A command between MULTI and EXEC, whose value comes with the reply to EXEC. */
struct dfl_redis_queued {
	const struct dfl_redis_command *cmd;
	struct dfl_txn *txn; /* of its operation, which is over; the reply to EXEC tells */
	bool gets;	     /* as above */
	bool told;	     /* EXEC told its reply: */
	enum dfl_kept kept;
	char place[DFL_NAME_MAX];
};

/* Where the bytes of the bulk string go that is being read. */
enum dfl_redis_target {
	DFL_TO_OWN,	/* to the operation's own view, as framing does */
	DFL_TO_ARG,	/* there too, and into arg_text */
	DFL_TO_VALUE,	/* to a view of its own */
	DFL_TO_QUEUED,	/* its first byte tells: a Celery message, or any value */
	DFL_TO_CELERY,	/* to the reader of Celery messages */
	DFL_TO_NOWHERE, /* a secret */
};

struct dfl_redis_conn;

/*
 * One direction: the commands or the replies. What stands after `decided` is of the outermost value
 * that is being read (one command, one reply, one push).
 */
struct dfl_redis_side {
	struct dfl_redis_conn *conn;
	struct dfl_resp_parser parser;
	enum dfl_dir dir;
	const struct dfl_chunk *chunk; /* that is being read; NULL between calls */
	const uint8_t *cursor;	       /* bytes of the chunk before it went somewhere */
	bool broken;		       /* a gap was not inside a value: nobody knows what follows */
	struct dfl_view *raw;	       /* bytes without an operation */
	bool decided;		       /* the operation, or that there is none, is known */
	const struct dfl_redis_command *cmd;
	struct dfl_op *op; /* NULL: bytes without an operation */
	struct dfl_redis_channel *channel;
	struct dfl_view *own; /* framing, keys, options; a channel's own view is with the channel */
	struct dfl_view *value;
	enum dfl_redis_target target;
	bool value_is_event; /* the value is a message of the channel */
	bool value_is_vector;
	struct dfl_vector vector;
	struct dfl_celery celery;
	uint64_t arg; /* number of the argument that is being read */
	size_t arg_len;
	char arg_text[DFL_REDIS_ARG_MAX];
	char place[DFL_NAME_MAX]; /* "" none */
	char option[8];		  /* the word before: "EX" */
	bool gets;		  /* an option says that the value before is the reply */
	struct dfl_item_key keys[DFL_ITEM_KEYS_MAX + 1]; /* that the command writes to, or fields */
	size_t n_keys;
	bool keys_cut;
	struct dfl_item_key key; /* the last that was read */
	int64_t ttl_s;		 /* that the command sets; -1: none */
	size_t head_len;	 /* bytes that wait until decided */
	uint64_t head_pos;
	uint8_t head[DFL_REDIS_HEAD_MAX];
};

struct dfl_redis_conn {
	struct dfl_decoder_ctx *ctx;
	struct dfl_redis_side commands, replies;
	bool asker_known;		    /* which direction commands go is settled */
	bool subscribed;		    /* arrays from the server may be pushes */
	bool maybe_push;		    /* the reply being read: not decided yet which it is */
	uint8_t push;			    /* enum push of redis_reply.c */
	uint8_t kept;			    /* enum dfl_kept: what the reply says so far */
	uint8_t key_depth;		    /* of the keys in the reply to XREAD */
	struct dfl_redis_pending *pending;  /* oldest first */
	struct dfl_redis_pending *answered; /* the one whose reply is being read */
	unsigned n_pending;
	struct dfl_redis_channel *channels; /* least recently used first */
	unsigned n_channels;
	uint64_t channel_numbers;	 /* given so far */
	struct dfl_redis_queued *queued; /* DFL_REDIS_QUEUED_MAX; NULL: no transaction yet */
	uint64_t n_queued;		 /* in the transaction; those beyond have no place */
};

/* Bytes up to `to` (into s->chunk) go to the operation's own view, or wait for it to be known. */
void dfl_redis_flush(struct dfl_redis_side *s, const uint8_t *to);
/* s->op and s->channel are final: what waited goes into the own view. */
void dfl_redis_decided(struct dfl_redis_side *s);

/*
 * A bulk string that is a value: choose where its bytes go, feed them, close it. at: its first
 * byte. maybe_celery: it stands in a queue.
 */
void dfl_redis_open_value(struct dfl_redis_side *s, const uint8_t *at, bool maybe_celery);
void dfl_redis_value_data(struct dfl_redis_side *s, const struct dfl_slice *d);
/* Also when there is none. */
void dfl_redis_close_value(struct dfl_redis_side *s);

/* An outermost value begins; it ended before the byte at. */
void dfl_redis_top_reset(struct dfl_redis_side *s);
void dfl_redis_top_done(struct dfl_redis_side *s, const uint8_t *at);

/* The open channel of that name, which becomes the most recently used one; or NULL. */
struct dfl_redis_channel *dfl_redis_channel_find(struct dfl_redis_conn *c, bool published,
						 const char *name, size_t len);
/* The same; opens one if there is none. cmd names its operation. NULL: no memory. */
struct dfl_redis_channel *dfl_redis_channel_get(struct dfl_redis_conn *c, bool published,
						const struct dfl_redis_command *cmd,
						const char *name, size_t len, uint64_t ts_ns);
/* NULL: it has ended. */
struct dfl_redis_channel *dfl_redis_channel_by_number(struct dfl_redis_conn *c, uint64_t number);
/* Ends its operation and frees it; both directions forget it. */
void dfl_redis_channel_end(struct dfl_redis_conn *c, struct dfl_redis_channel *ch, uint64_t ts_ns);

/* Gives up waiting for a reply: ends the operation, frees cmd. */
void dfl_redis_pending_end(struct dfl_redis_conn *c, struct dfl_redis_pending *cmd, uint64_t ts_ns);
