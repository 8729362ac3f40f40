// SPDX-License-Identifier: Apache-2.0
/*
 * Writes a recording of many streaming chats at once, and tells what was done: the truth that a
 * replay is held against. Requests take turns as greenlets do: all of one station on one pid, pools
 * shared.
 *
 *   synth RECORDING SEED DROP CUT [same-answers] [one-publisher] <texts
 *
 * Texts: each ended by a NUL. DROP, CUT: of 1000 calls. same-answers: the model says the same to
 * all. one-publisher: all events pass through one connection, instead of 32. One JSON line a
 * request: its ids, and its operations with the times of the calls that carried a field.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_REQUESTS = 4096, MAX_TEXT = 1 << 22, ANSWER_WORDS = 48, N_DELTAS = 12 };

static bool same_answers;

static void make(struct request *r, unsigned number, const char *text)
{
	static const char *const words[16] = { "amber", "birch",  "cedar", "delta",
					       "ember", "fjord",  "grove", "heron",
					       "ivory", "jade",	  "kelp",  "lotus",
					       "maple", "nectar", "onyx",  "pearl" };
	static char answers[MAX_REQUESTS][ANSWER_WORDS * 16];
	char *answer = answers[number];
	struct wire own = { .seed = same_answers ? 1 : number * 2654435761u + w.seed };
	size_t n = 0;

	*r = (struct request){
		.number = number, .text = text, .answer = answer, .n_deltas = N_DELTAS
	};
	for (int i = 0; i < ANSWER_WORDS; i++)
		n += (size_t)snprintf(answer + n, sizeof(answers[0]) - n, "%s ",
				      words[wire_dice(&own, 16)]);
	chat_make_ids(r);
}

static void tell(const struct request *r)
{
	printf("{\"number\": %u, \"message_id\": \"%s\", \"conversation_id\": \"%s\", \"task_id\": "
	       "\"%s\", \"workflow_run_id\": \"%s\", \"ops\": [",
	       r->number, r->id[MESSAGE], r->id[CONVERSATION], r->id[TASK], r->id[RUN]);
	for (unsigned i = 0; i < r->n_ops; i++) {
		printf("%s{\"name\": \"%s\", \"field\": \"%s\", \"whole\": %s, \"calls\": [",
		       i ? ", " : "", r->ops[i].name, r->ops[i].field,
		       r->ops[i].whole ? "true" : "false");
		for (unsigned k = 0; k < r->ops[i].n; k++)
			printf("%s%llu", k ? ", " : "", (unsigned long long)r->ops[i].calls[k]);
		fputs("]}", stdout);
	}
	puts("]}");
}

int main(int argc, char **argv)
{
	static struct request requests[MAX_REQUESTS];
	static char texts[MAX_TEXT];
	unsigned n = 0, live;
	size_t len;

	if (argc < 5)
		return fprintf(stderr, "usage: synth RECORDING SEED DROP CUT [same-answers] "
				       "[one-publisher] <texts\n"),
		       2;
	for (int i = 5; i < argc; i++) {
		same_answers |= !strcmp(argv[i], "same-answers");
		one_publisher |= !strcmp(argv[i], "one-publisher");
	}
	len = fread(texts, 1, sizeof(texts) - 1, stdin);
	w = (struct wire){ .seed = (uint32_t)atoi(argv[2]),
			   .drop = (unsigned)atoi(argv[3]),
			   .cut = (unsigned)atoi(argv[4]) };
	for (char *t = texts; t < texts + len && n < MAX_REQUESTS; t += strlen(t) + 1)
		make(&requests[n], n, t), n++;
	wire_open(&w, argv[1]);
	open_pools();
	for (live = n; live;) {
		struct request *r = &requests[wire_dice(&w, n)];

		if (!steps[r->step] ||
		    (r->step && in_flight < n && r->step > 6 && wire_dice(&w, 4)))
			continue;
		r->step += steps[r->step](r);
		live -= !steps[r->step];
	}
	wire_finish(&w, 20);
	for (unsigned i = 0; i < n; i++)
		tell(&requests[i]);
	fprintf(stderr, "%u in flight at most, %llu calls dropped, %llu cut\n", most,
		(unsigned long long)w.dropped, (unsigned long long)w.cuts);
	return 0;
}
