/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis connection is made of. Inner to resp*.c. */
#pragma once

#include "decode/dify/celery.h"
#include "decode/redis/redis_command_table.h"
#include "decode/redis/resp_parser.h"

#define DFL_RESP_HEAD_MAX                                                                          \
	4096 /* bytes held until verb and key tell which operation they belong to */
#define DFL_RESP_ARG_MAX 1024 /* kept of an argument that is looked at */
#define DFL_RESP_CHANNELS                                                                          \
	1024 /* pub/sub channels with an open operation; the least used one is ended */
#define DFL_RESP_QUEUED                                                                            \
	32 /* commands of a transaction whose part of EXEC's reply has a place; later ones have    \
	      none */
#define DFL_RESP_PENDING 1024 /* commands without a reply; the oldest is ended */

/* All messages of one channel in one direction of talk are one operation. */
struct dfl_channel {
	struct dfl_channel *prev, *next; /* least recently used first */
	bool published;			 /* PUBLISH; else a subscription */
	uint64_t number;
	struct dfl_op *op;
	struct dfl_view *own[2]; /* by direction */
	struct dfl_fields fields;
	char place[DFL_NAME_MAX];
	size_t name_len;
	char name[DFL_RESP_ARG_MAX];
};

/* A command that waits for its reply. */
struct dfl_resp_cmd {
	struct dfl_resp_cmd *prev, *next;
	const struct dfl_cmd *cmd; /* NULL: unknown */
	struct dfl_op *op;	   /* NULL: it belongs to a channel */
	uint64_t channel;	   /* number of that */
	char place[DFL_NAME_MAX];
};

/* A command that waits for EXEC. */
struct dfl_resp_queued {
	const struct dfl_cmd *cmd;
	char place[DFL_NAME_MAX];
};

enum dfl_resp_target {
	DFL_TO_OWN,
	DFL_TO_ARG,
	DFL_TO_VALUE,
	DFL_TO_QUEUED, /* its first byte tells whether it is a Celery message */
	DFL_TO_CELERY,
	DFL_TO_NOWHERE,
};

struct dfl_resp_conn;

/* Commands or replies. */
struct dfl_resp_side {
	struct dfl_resp_conn *conn;
	struct dfl_resp parser;
	enum dfl_dir dir;
	const struct dfl_chunk *chunk;
	const uint8_t *cursor; /* bytes of the chunk before it are accounted for */
	bool broken;
	/* the outermost value that is being read */
	bool decided; /* the operation is known */
	const struct dfl_cmd *cmd;
	struct dfl_op *op; /* NULL: bytes without an operation */
	struct dfl_channel *channel;
	struct dfl_view *own; /* framing, keys, options; the channel's when there is one */
	struct dfl_view *value;
	struct dfl_view *raw; /* without an operation */
	enum dfl_resp_target target;
	bool leaf_is_event; /* the value is a message of the channel */
	bool leaf_is_vector;
	struct dfl_vector vector;
	struct dfl_celery celery;
	uint64_t arg; /* number of the argument that is being read */
	size_t arg_len;
	char arg_text[DFL_RESP_ARG_MAX];
	char place[DFL_NAME_MAX];
	char option[8]; /* the word before: "EX" */
	size_t head_len;
	uint64_t head_pos;
	uint8_t head[DFL_RESP_HEAD_MAX];
};

struct dfl_resp_conn {
	struct dfl_dec_ctx *ctx;
	struct dfl_resp_side commands, replies;
	bool asker_known;
	bool subscribed;
	bool maybe_push;
	uint8_t push;		       /* enum push of resp_reply.c */
	uint8_t key_depth;	       /* of the keys in the reply to XREAD */
	struct dfl_resp_cmd *pending;  /* oldest first */
	struct dfl_resp_cmd *answered; /* whose reply is being read */
	unsigned n_pending;
	struct dfl_channel *channels;
	unsigned n_channels;
	uint64_t channel_numbers;
	struct dfl_resp_queued *queued; /* DFL_RESP_QUEUED of them; NULL: no transaction yet */
	uint64_t n_queued;
};

extern const struct dfl_resp_ops dfl_resp_command_ops, dfl_resp_reply_ops;

/* Bytes up to `to` go into the operation's own view, or wait for it to be known. */
void dfl_resp_flush(struct dfl_resp_side *s, const uint8_t *to);
/* The operation (or that there is none) is known: what waited goes into its own view. */
void dfl_resp_decided(struct dfl_resp_side *s);
/* Values: choose a view for what follows, feed it, close it. */
void dfl_resp_open_value(struct dfl_resp_side *s, const uint8_t *at, bool maybe_celery);
void dfl_resp_data(struct dfl_resp_side *s, const struct dfl_slice *d);
void dfl_resp_close_value(struct dfl_resp_side *s);
void dfl_resp_top_reset(struct dfl_resp_side *s);
void dfl_resp_top_done(struct dfl_resp_side *s, const uint8_t *at);

struct dfl_channel *dfl_resp_channel_find(struct dfl_resp_conn *c, bool published, const char *name,
					  size_t len);
struct dfl_channel *dfl_resp_channel(struct dfl_resp_conn *c, bool published,
				     const struct dfl_cmd *cmd, const char *name, size_t len,
				     uint64_t ts_ns);
struct dfl_channel *dfl_resp_channel_by_number(struct dfl_resp_conn *c, uint64_t number);
/* Is it the key of an event stream? */
bool dfl_resp_is_event_stream(const char *key, size_t len);
void dfl_resp_channel_end(struct dfl_resp_conn *c, struct dfl_channel *ch, uint64_t ts_ns);

void dfl_resp_cmd_end(struct dfl_resp_conn *c, struct dfl_resp_cmd *cmd, uint64_t ts_ns);
