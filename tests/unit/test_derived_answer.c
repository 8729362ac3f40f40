// SPDX-License-Identifier: Apache-2.0
/* Answers: whose they are, and what is only an echo. */
#include "trace_help.h"

static void test_answer_and_its_echo(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and never "
				     "more than a quarter of the crown.";
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *api = request(f, text_a),
		      *llm = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, llm, DFL_REQUEST, NULL, text_a);
	see(f, 4, llm, DFL_RESPONSE, "answer", answer);
	end(f, llm);
	f->now += 1000000;
	see(f, 0, api, DFL_RESPONSE, "answer", answer);
	operation(f, 1, "UPDATE messages", "messages.answer", answer);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_string_equal(f->docs[0]->fields[1].field, "answer");
	assert_true(f->docs[0]->fields[1].derived);
	assert_int_equal(f->docs[0]->fields[1].bytes, strlen(answer));
	h = hop(f->docs[0], "UPDATE messages");
	assert_non_null(h);
	assert_string_equal(h->field, "answer");
	assert_true(h->coverage == 1.0);
	assert_int_equal(f->docs[0]->n_hops, 5); /* query in, query to llm, answer from llm, to
						    client, to postgres */
}

/* What a stranger's operation is answered with is nobody's answer. */
static void test_answer_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a),
		      *llm = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, llm, DFL_REQUEST, NULL, text_b);
	see(f, 4, llm, DFL_RESPONSE, "answer",
	    "An answer that belongs to somebody whom nobody watches at all.");
	end(f, llm);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 1);
}

/*
 * A model's usual opening stands in many answers: where an answer came from, it is nobody else's.
 */
static void test_answers_with_one_opening(void **state)
{
	static const char opening[] = "Thank you for this question. I will answer it in three "
				      "parts: what to prepare, what to do, what to check. ";
	struct fixture *f = *state;
	struct dfl_op *api[2], *llm;
	char answer[512];

	for (int i = 0; i < 2; i++) {
		api[i] = request(f, i ? text_b : text_a);
		llm = begin(f, 4, "POST /v1/chat/completions", NULL);
		see(f, 4, llm, DFL_REQUEST, NULL, i ? text_b : text_a);
		snprintf(answer, sizeof(answer), "%s%s", opening,
			 i ? "Only what the booking office printed on the paper counts." :
			     "Use a sharp saw.");
		see(f, 4, llm, DFL_RESPONSE, "answer", answer);
		end(f, llm);
	}
	end(f, api[0]);
	end(f, api[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(doc(f, i)->n_hops, 3);
		for (size_t h = 0; h < f->docs[i]->n_hops; h++)
			assert_false(f->docs[i]->hops[h].ambiguous);
	}
}

/* A model that begins all it says alike: the second text is no echo of the first. */
static void test_second_answer_with_the_same_opening(void **state)
{
	static const char *const answers[] = {
		"Sure, here is what you asked for: wait for a dry day and take out the dead wood "
		"first.",
		"Sure, here is what you asked for: Pruning an apple tree, a title in a few words.",
	};
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *llm;

	for (int i = 0; i < 2; i++) {
		llm = begin(f, 4, "POST /v1/chat/completions", NULL);
		see(f, 4, llm, DFL_REQUEST, NULL, text_a);
		see(f, 4, llm, DFL_RESPONSE, "answer", answers[i]);
		see(f, 4, llm, DFL_RESPONSE, "answer", answers[i]); /* an echo */
		end(f, llm);
	}
	operation(f, 1, "UPDATE conversations", "conversations.name", answers[1]);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 3);
	assert_string_equal(f->docs[0]->fields[2].field, "answer.2");
	assert_int_equal(f->docs[0]->fields[2].bytes, strlen(answers[1]));
	assert_string_equal(hop(f->docs[0], "UPDATE conversations")->field, "answer.2");
}

/* The view stays open: more may be published. */
static struct dfl_view *publish(struct fixture *f, int conn, const char *deltas)
{
	struct dfl_view_desc d = { .dir = DFL_REQUEST, .derives = "answer", .relay = true };
	struct dfl_chunk chunk = { .dir = DFL_REQUEST, .ts_ns = f->now };
	struct dfl_op *op = begin(f, conn, "PUBLISH", "channel:*");
	struct dfl_view *v;

	id(f, op, DFL_ID_MESSAGE, "m-1");
	v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);
	f->sink->view_data(f->sink->ud, v, deltas, strlen(deltas), 0, strlen(deltas), &chunk);
	end(f, op);
	return v;
}

static void published(struct fixture *f, struct dfl_view *v)
{
	f->sink->view_close(f->sink->ud, v);
}

/* What a pool publishes over two connections is no two more answers. */
static void test_published_over_two_connections(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct fixture *f = *state;

	struct dfl_op *api = request(f, text_a),
		      *llm = begin(f, 4, "POST /v1/chat/completions", NULL);

	id(f, api, DFL_ID_MESSAGE, "m-1");
	see(f, 4, llm, DFL_REQUEST, NULL, text_a);
	see(f, 4, llm, DFL_RESPONSE, "answer", answer);
	end(f, llm);
	published(f, publish(f, 2, "Wait a day, out dead first, no than quarter."));
	published(f, publish(f, 6, "for dry take the wood and more a of the crown."));
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_int_equal(f->docs[0]->fields[1].bytes, strlen(answer));
}

/*
 * What comes first over one connection of a pool is no answer, but a part of what a subscriber gets
 * whole.
 */
static void test_published_before_it_is_known(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct fixture *f = *state;
	struct dfl_op *api = request(f, "ok"), *op;
	struct dfl_view *v;

	id(f, api, DFL_ID_MESSAGE, "m-1");
	v = publish(f, 2, "Wait a day, out dead first, no than quarter.");
	op = begin(f, 6, "SUBSCRIBE", "channel:*");
	id(f, op, DFL_ID_MESSAGE, "m-1");
	see(f, 6, op, DFL_RESPONSE, "answer", answer);
	end(f, op);
	published(f, v);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_int_equal(f->docs[0]->fields[1].bytes, strlen(answer));
	assert_string_equal(f->docs[0]->fields[1].derived_from, "SUBSCRIBE");
}

/*
 * What a call passes on that is known of one who may have made it is not the answer of one who came
 * later.
 */
static void test_passed_on_when_another_asks_the_same(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct fixture *f = *state;
	struct dfl_op *api[3], *op;

	api[0] = request(f, text_a);
	api[1] = request(f, text_a);
	for (int i = 0; i < 2; i++) {
		f->now += 1000000;
		if (i)
			api[2] = request(f, text_a);
		op = begin(f, 4 - i, i ? "POST dispatch" : "POST /v1/chat/completions", NULL);
		see(f, 4 - i, op, DFL_REQUEST, NULL, text_a);
		see(f, 4 - i, op, DFL_RESPONSE, "answer", answer);
		end(f, op);
	}
	for (int i = 0; i < 3; i++)
		end(f, api[i]);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_int_equal(f->docs[1]->n_fields, 2);
	assert_int_equal(f->docs[2]->n_fields, 1);
}

/* Who asks the same later, and is told the same by a call of their own, has that answer too. */
static void test_equal_answer_of_a_later_call(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct fixture *f = *state;
	struct dfl_op *api[3], *op;

	for (int i = 0; i < 3; i++) {
		api[i] = request(f, text_a);
		if (!i)
			continue;
		op = begin(f, 3 + i, "POST /v1/chat/completions", NULL);
		see(f, 3 + i, op, DFL_REQUEST, NULL, text_a);
		see(f, 3 + i, op, DFL_RESPONSE, "answer", answer);
		end(f, op);
	}
	for (int i = 0; i < 3; i++)
		end(f, api[i]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(doc(f, i)->n_fields, 2);
		assert_true(hop(f->docs[i], "POST /v1/chat/completions")->ambiguous);
	}
}

/* Asks something too short to be found anywhere, is told the answer, and saves it. */
static void ask_in_short(struct fixture *f, const char *message, const char *answer)
{
	struct dfl_op *api = request(f, "ok"), *op = begin(f, 4, "POST /v1/chat/completions", NULL);

	see(f, 4, op, DFL_REQUEST, NULL, "ok");
	see(f, 4, op, DFL_RESPONSE, "answer", answer);
	end(f, op);
	op = begin(f, 1, "UPDATE messages", "messages.answer");
	id(f, op, DFL_ID_MESSAGE, message);
	see(f, 1, op, DFL_REQUEST, NULL, answer);
	end(f, op);
	f->now += 1000000;
	id(f, api, DFL_ID_MESSAGE, message);
	see(f, 0, api, DFL_RESPONSE, "answer", answer);
	end(f, api);
	f->now += 1000000;
}

/*
 * What is told again is no copy of what was told before: not in the first trace, and no replay in
 * the second.
 */
static void test_told_anew(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct fixture *f = *state;
	size_t n_hops;

	ask_in_short(f, "m-0", answer);
	tick(f, 20);
	n_hops = f->docs[0]->n_hops;
	ask_in_short(f, "m-1", answer);
	tick(f, 20);
	assert_int_equal(doc(f, 0)->n_hops, n_hops);
	assert_int_equal(f->docs[0]->n_replayed_in, 0);
	assert_int_equal(f->docs[1]->n_fields, 2);
	assert_non_null(hop(f->docs[1], "UPDATE messages"));
	assert_true(hop(f->docs[1], "UPDATE messages")->evidence_id);
	for (size_t h = 0; h < f->docs[1]->n_hops; h++) {
		assert_null(f->docs[1]->hops[h].replayed_from);
		assert_false(f->docs[1]->hops[h].ambiguous);
	}
}

/* A text that comes in twice at the same time, here whole and there not yet, is one answer. */
static void test_echo_that_ends_first(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	struct dfl_view_desc d = { .dir = DFL_REQUEST, .derives = "answer" };
	struct dfl_chunk chunk = { .dir = DFL_REQUEST };
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a),
		      *llm = begin(f, 4, "POST /v1/chat/completions", NULL);
	struct dfl_op *op = begin(f, 5, "session", NULL);
	struct dfl_view *v = f->sink->view_open(f->sink->ud, &f->conns[5], op, &d);

	id(f, api, DFL_ID_MESSAGE, "m-0");
	id(f, op, DFL_ID_MESSAGE, "m-0");
	chunk.ts_ns = f->now;
	f->sink->view_data(f->sink->ud, v, answer, 50, 0, 50, &chunk);
	see(f, 4, llm, DFL_REQUEST, NULL, text_a);
	see(f, 4, llm, DFL_RESPONSE, "answer", answer);
	end(f, llm);
	f->sink->view_data(f->sink->ud, v, answer + 50, strlen(answer) - 50, 50,
			   strlen(answer) - 50, &chunk);
	f->sink->view_close(f->sink->ud, v);
	end(f, op);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_int_equal(f->docs[0]->fields[1].bytes, strlen(answer));
}

/*
 * A phrase that was told before is no more than a part of the answer that has it, also while that
 * comes in.
 */
static void test_phrase_of_the_past(void **state)
{
	static const char phrase[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter of the crown.";
	static const char rest[] = " Then rake the leaves, and burn what is ill.";
	struct dfl_view_desc d = { .dir = DFL_REQUEST, .derives = "answer" };
	struct dfl_chunk chunk = { .dir = DFL_REQUEST };
	struct fixture *f = *state;
	struct dfl_op *api, *op;
	struct dfl_view *v;
	char answer[256];

	for (int i = 0; i < 2; i++) {
		snprintf(answer, sizeof(answer), "%s%s", phrase, i ? rest : " Good luck!");
		api = request(f, i ? text_b : text_a);
		op = begin(f, 4, "POST /v1/chat/completions", NULL);
		see(f, 4, op, DFL_REQUEST, NULL, i ? text_b : text_a);
		see(f, 4, op, DFL_RESPONSE, "answer", answer);
		end(f, op);
		if (i)
			break;
		end(f, api);
		f->now += SEC;
	}
	id(f, api, DFL_ID_MESSAGE, "m-1");
	op = begin(f, 5, "session", NULL);
	id(f, op, DFL_ID_MESSAGE, "m-1");
	v = f->sink->view_open(f->sink->ud, &f->conns[5], op, &d);
	chunk.ts_ns = f->now;
	f->sink->view_data(f->sink->ud, v, answer, 100, 0, 100, &chunk);
	see(f, 5, op, DFL_REQUEST, NULL, "{\"event\": \"message\"}");
	f->sink->view_data(f->sink->ud, v, answer + 100, strlen(answer) - 100, 5000,
			   strlen(answer) - 100, &chunk);
	f->sink->view_close(f->sink->ud, v);
	end(f, op);
	end(f, api);
	assert_int_equal(hop(doc(f, 1), "session")->occurrences, 1);
	assert_true(hop(f->docs[1], "session")->coverage == 1.0);
}

/*
 * One of two who ask the same is told the first answer; its session may be of both. Then the other
 * is told its own.
 */
static void tell_two(struct fixture *f, const char *const *answers)
{
	static const char *const ids[] = { "m-0", "m-1" };
	struct dfl_op *api[2], *op;

	for (int i = 0; i < 2; i++) {
		api[i] = request(f, text_a);
		id(f, api[i], DFL_ID_MESSAGE, ids[i]);
	}
	for (int i = 0; i < 2; i++) {
		op = begin(f, 4, "POST /v1/chat/completions", NULL);
		id(f, op, DFL_ID_MESSAGE, ids[i]);
		see(f, 4, op, DFL_REQUEST, NULL, text_a);
		see(f, 4, op, DFL_RESPONSE, "answer", answers[i]);
		end(f, op);
		if (i)
			continue;
		op = begin(f, 5, "session", NULL);
		see(f, 5, op, DFL_REQUEST, NULL, text_a);
		see(f, 5, op, DFL_RESPONSE, "answer", answers[0]);
		end(f, op);
	}
	for (int i = 0; i < 2; i++)
		end(f, api[i]);
	tick(f, 10);
}

/*
 * What one may have been told is not its answer, when that is known and the other text is surely
 * another's.
 */
static void test_answer_that_was_anothers(void **state)
{
	static const char *const answers[] = {
		"Wait for a dry day, take out the dead wood first, and never more than a quarter "
		"of the crown.",
		"Apple trees are best cut when the frost is over and before the sap rises, with a "
		"sharp saw.",
	};
	struct fixture *f = *state;

	tell_two(f, answers);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(doc(f, i)->n_fields, 2);
		assert_string_equal(f->docs[i]->fields[1].field, "answer");
		assert_int_equal(f->docs[i]->fields[1].bytes, strlen(answers[i]));
	}
}

/*
 * A long answer of which the canonical form leaves nothing cannot be compared, and stays in both.
 */
static void test_answer_of_nothing(void **state)
{
	static const char second[] = "Apple trees are best cut when the frost is over and before "
				     "the sap rises, with a sharp saw.";
	struct fixture *f = *state;
	char first[301];

	memset(first, '\\', sizeof(first) - 1);
	first[sizeof(first) - 1] = 0;
	tell_two(f, (const char *const[]){ first, second });
	assert_int_equal(doc(f, 0)->fields[1].bytes, strlen(first));
	assert_int_equal(f->docs[0]->fields[1].canonical_bytes, 0);
	assert_int_equal(doc(f, 1)->n_fields, 3);
}

#define N_EQUAL 3

/* The same question from several: each model call may be of each of them. */
static void ask_the_same(struct fixture *f, struct dfl_op **api, const char *const *answers)
{
	static const char *const ids[N_EQUAL] = { "m-0", "m-1", "m-2" };
	struct dfl_op *op;

	for (int i = 0; i < N_EQUAL; i++)
		api[i] = request(f, text_a);
	for (int i = 0; i < N_EQUAL; i++) {
		op = begin(f, 4, "POST /v1/chat/completions", NULL);
		see(f, 4, op, DFL_REQUEST, NULL, text_a);
		see(f, 4, op, DFL_RESPONSE, "answer", answers[i]);
		end(f, op);
	}
	for (int i = 0; i < N_EQUAL; i++) {
		id(f, api[i], DFL_ID_MESSAGE, ids[i]);
		op = begin(f, 1, "UPDATE messages", "messages.answer");
		id(f, op, DFL_ID_MESSAGE, ids[i]);
		see(f, 1, op, DFL_REQUEST, NULL, answers[i]);
		end(f, op);
		end(f, api[i]);
	}
}

/* What an id ties to one is not the others'. */
static void test_equal_questions(void **state)
{
	static const char *const answers[N_EQUAL] = {
		"Wait for a dry day, take out the dead wood first, and never more than a quarter "
		"of the crown.",
		"Apple trees are best cut when the frost is over and before the sap rises, with a "
		"sharp saw.",
		"Ask a gardener who knows the variety: some bear on old wood and some on what grew "
		"last year.",
	};
	struct fixture *f = *state;
	struct dfl_op *api[N_EQUAL];

	ask_the_same(f, api, answers);
	tick(f, 10);
	for (int i = 0; i < N_EQUAL; i++) {
		const struct dfl_doc *d = doc(f, i);

		assert_int_equal(d->n_fields, 2);
		assert_string_equal(d->fields[1].field, "answer");
		assert_int_equal(d->fields[1].bytes, strlen(answers[i]));
		for (size_t h = 0; h < d->n_hops; h++) {
			assert_int_equal(d->hops[h].seq, h + 1);
			if (!strcmp(d->hops[h].field, "answer"))
				assert_false(d->hops[h].ambiguous);
		}
		assert_non_null(hop(d, "UPDATE messages"));
	}
}

/* With equal answers it is not known whose call was which, and so it is said. */
static void test_equal_questions_and_answers(void **state)
{
	static const char answer[] = "Wait for a dry day, take out the dead wood first, and no "
				     "more than a quarter.";
	const char *const answers[N_EQUAL] = { answer, answer, answer };
	struct fixture *f = *state;
	struct dfl_op *api[N_EQUAL];

	ask_the_same(f, api, answers);
	tick(f, 10);
	for (int i = 0; i < N_EQUAL; i++) {
		const struct dfl_doc *d = doc(f, i);

		assert_int_equal(d->n_fields, 2);
		for (size_t h = 0; h < d->n_hops; h++) {
			bool model = !strcmp(d->hops[h].operation, "POST /v1/chat/completions");

			assert_int_equal(d->hops[h].ambiguous, model);
			assert_int_equal(d->hops[h].n_candidates, model ? N_EQUAL : 0);
		}
		assert_non_null(hop(d, "UPDATE messages"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answer_and_its_echo),
		T(test_answer_of_nobody),
		T(test_answers_with_one_opening),
		T(test_second_answer_with_the_same_opening),
		T(test_published_over_two_connections),
		T(test_published_before_it_is_known),
		T(test_passed_on_when_another_asks_the_same),
		T(test_equal_answer_of_a_later_call),
		T(test_told_anew),
		T(test_echo_that_ends_first),
		T(test_phrase_of_the_past),
		T(test_answer_that_was_anothers),
		T(test_answer_of_nothing),
		T(test_equal_questions),
		T(test_equal_questions_and_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
