// SPDX-License-Identifier: Apache-2.0
/* Chats of natural texts, some of them under way at a time, with what was said before in each. */
#include "natural.h"

#include <stdlib.h>
#include <string.h>

#define TURNS 3 /* messages of a conversation */
#define N_SYSTEM 4
#define N_DELTAS 96
#define MAX_TEXTS (1u << 16)

static char *texts[MAX_TEXTS];
static unsigned n_texts;
static struct request requests[NATURAL_MAX_IN_FLIGHT];

void natural_read_texts(void)
{
	static char all[1 << 25];
	size_t len = fread(all, 1, sizeof(all) - 1, stdin);

	for (char *t = all; t < all + len && n_texts < MAX_TEXTS; t += strlen(t) + 1)
		texts[n_texts++] = t;
	if (n_texts >= N_SYSTEM + 2 * NATURAL_PART * TURNS)
		return;
	fputs("standard input has too few texts\n", stderr);
	exit(1);
}

static struct turn turn_of(unsigned number)
{
	unsigned pairs = (n_texts - N_SYSTEM) / 2, i = N_SYSTEM + 2 * (number % pairs);

	return (struct turn){ texts[i], texts[i + 1] };
}

/*
 * A conversation is chat n, n + NATURAL_PART, … of TURNS parts: a turn is over when the next one
 * comes, and each part has as many chats of each turn.
 */
static void begin(struct request *r, unsigned number)
{
	unsigned part = number / NATURAL_PART, turn = (part + number % NATURAL_PART) % TURNS;
	struct turn mine = turn_of(number);

	turn = turn < part ? turn : part;
	*r = (struct request){ .number = number,
			       .text = mine.text,
			       .answer = mine.answer,
			       .n_deltas = N_DELTAS,
			       .system = texts[number % N_SYSTEM],
			       .n_history = turn };
	chat_make_ids(r);
	snprintf(r->id[CONVERSATION], sizeof(r->id[CONVERSATION]), "%08x-aaaa-4aaa-8aaa-%012x",
		 number - turn * NATURAL_PART, number - turn * NATURAL_PART);
	for (unsigned i = 0; i < turn; i++)
		r->history[i] = turn_of(number - (turn - i) * NATURAL_PART);
}

void natural_step(struct natural *n, unsigned last)
{
	struct request *r = &requests[wire_dice(&w, n->in_flight)];

	if (!r->text && n->begun < last)
		begin(r, n->begun++);
	if (!r->text)
		return;
	r->step += steps[r->step](r);
	if (steps[r->step])
		return;
	r->text = NULL;
	n->ended++;
}
