/* SPDX-License-Identifier: Apache-2.0 */
/* One synthetic chat: what it is, and the legs of it, in the order in which Dify goes them. */
#pragma once

#include "wire.h"

enum { POOL = 8, PUBLISHERS = 32, MAX_OPS = 24, MAX_CALLS = 160, MAX_HISTORY = 2 };
enum { API = 100, WORKER = 200, PLUGIN = 400 };

struct op {
	const char *name, *field;
	bool whole; /* the field is there whole */
	uint64_t calls[MAX_CALLS];
	unsigned n;
};

/* What was said before in the same conversation. */
struct turn {
	const char *text, *answer;
};

struct request {
	unsigned number, step, delta;
	const char *text, *answer;
	unsigned n_deltas;  /* pieces in which the model answers */
	const char *system; /* the app's system prompt; NULL: none */
	struct turn history[MAX_HISTORY];
	unsigned n_history;
	char id[5][37]; /* message, conversation, task, run, trace */
	struct conn in, sub, daemon, llm, *pool;
	struct op ops[MAX_OPS];
	unsigned n_ops;
};

enum { MESSAGE, CONVERSATION, TASK, RUN };

extern struct wire w;
extern bool one_publisher;
extern struct conn publishers[PUBLISHERS];
extern unsigned in_flight, most; /* requests that began and have not ended; at most so far */

/* Processes, and the connections that the chats share. */
void open_pools(void);
/* Draws its ids. */
void chat_make_ids(struct request *r);
/* A text that is written piece by piece and sent as one call; closes it. */
FILE *chat_begin(void);
uint64_t chat_call(struct conn *c, bool out, FILE *f, bool may_be_lost);
/* For the truth: this call carried the field. */
void chat_note(struct request *r, const char *name, const char *field, bool whole, uint64_t ts_ns);
/* What holds no field: only the time tells whose it is. */
void chat_say(struct request *r, struct conn *c, bool out, const char *text);

/* answer.c: the way back */
bool chat_started(struct request *r);
bool chat_answer(struct request *r);
bool chat_answered(struct request *r);
bool chat_pass_on(struct request *r);
bool chat_finished(struct request *r);
bool chat_end(struct request *r);

/* Each returns whether it is done with; the last one is NULL. */
extern bool (*const steps[])(struct request *);
