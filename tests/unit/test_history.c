// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of requests that are no more in memory: known again by their fingerprints, and nothing else
 * is taken for them.
 */
#include <errno.h>

#include "trace_help.h"

#define CONVERSATION "4f2c9d0e-0000-4000-8000-000000000001"
#define LINGER 1000 /* seconds after which a settled request is out of memory */

static const char long_text[] = "The garden behind our office has three old apple trees, two of "
				"which carry fruit every second year only, while the "
				"third one has not been pruned since the lawn was laid. Please "
				"write a plan for the coming winter that says which "
				"branches go first, which tools the volunteers need, how the cuts "
				"are sealed, and what is done with the wood. "
				"Mention, too, that the beehive by the fence must not be moved "
				"before the first warm week in spring.";

/* A whole request, from its first byte until it is settled. */
static void past(struct fixture *f, const char *query, const char *conversation)
{
	struct dfl_op *op = request(f, query);

	if (conversation)
		id(f, op, DFL_ID_CONVERSATION, conversation);
	end(f, op);
	tick(f, 10);
	end(f, begin(f, 2, "PING", NULL));
}

/* A request that sends `history` to a model, with its own text. */
static struct dfl_op *ask_with(struct fixture *f, const char *query, const char *history,
			       const char *conversation)
{
	struct dfl_op *op = request(f, query);
	char prompt[4096];

	if (conversation)
		id(f, op, DFL_ID_CONVERSATION, conversation);
	snprintf(prompt, sizeof(prompt), "{\"messages\": [{\"user\": \"%s\"}, {\"user\": \"%s\"}]}",
		 history, query);
	operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", prompt);
	return op;
}

static const struct dfl_doc_hop *sampled(const struct dfl_doc *d)
{
	for (size_t i = 0; i < d->n_hops; i++)
		if (!strcmp(d->hops[i].coverage_basis, "sampled"))
			return &d->hops[i];
	return NULL;
}

/* The stage anew, with what a store would have kept, the newest first. */
static void restart(struct fixture *f)
{
	stop(f);
	start(f);
	for (size_t i = f->n_prints; i--;)
		assert_int_equal(dfl_trace_remember(f->t, &f->prints[i]), 0);
}

static void test_history_after_it_left_memory(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;

	past(f, long_text, CONVERSATION);
	assert_int_equal(f->n_prints, 1);
	tick(f, LINGER);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	h = sampled(doc(f, 1));
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_string_equal(h->field, "query");
	assert_string_equal(h->operation, "POST /v1/chat/completions");
	assert_true(h->coverage == 1.0 && h->occurrences == 1 && h->evidence_content &&
		    !h->ambiguous && !h->common);
	assert_true(h->bytes == DFL_DOC_UNKNOWN && !h->n_ranges && h->wire_bytes > 300 &&
		    h->wire_bytes <= strlen(long_text));
	assert_non_null(hop(doc(f, 1), "POST /v1/chat/completions"));
	assert_string_equal(f->told, f->docs[0]->trace_id);
	assert_string_equal(f->told_in, f->docs[1]->trace_id);
	assert_int_equal(f->n_told, 1);
	assert_int_equal(f->told_seqs[0], h->seq);
	for (size_t i = 0; i < f->docs[1]->n_fields; i++)
		if (f->docs[1]->fields[i].from_trace)
			assert_string_equal(f->docs[1]->fields[i].from_trace, f->docs[0]->trace_id);
}

/* After a restart it is as if it had left memory. */
static void test_history_after_a_restart(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *before, *after;

	past(f, long_text, CONVERSATION);
	restart(f);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	assert_int_equal(f->n_told, 1);
	tick(f, LINGER); /* both are out of memory */
	end(f, ask_with(f, text_a, long_text, CONVERSATION));
	tick(f, 10);
	before = sampled(doc(f, 1));
	after = sampled(doc(f, 2));
	assert_true(before && after);
	assert_string_equal(before->replayed_from, f->docs[0]->trace_id);
	assert_string_equal(after->replayed_from, f->docs[0]->trace_id);
	assert_true(before->coverage == after->coverage && before->wire_bytes == after->wire_bytes);
	assert_int_equal(before->seq, after->seq);
	assert_int_equal(f->docs[1]->n_hops, f->docs[2]->n_hops);
	assert_string_equal(f->told_in, f->docs[2]->trace_id);
}

/*
 * The recorder is killed while the model thinks: what was asked is known again, what was answered
 * is not.
 */
/* A chat retrieves a text that was cut out of a document; the recorder that saw the upload is gone.
 */
static void test_link_to_an_upload_of_the_past(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = begin(f, 0, "POST /v1/chat-messages", NULL), *rerank;
	struct dfl_src *file = f->sink->source_begin(f->sink->ud, op, "file", DFL_REQUEST);

	f->sink->source_append(f->sink->ud, file, long_text, strlen(long_text), 0,
			       strlen(long_text), f->now);
	f->sink->source_end(f->sink->ud, file, f->now);
	end(f, op);
	tick(f, 10);
	tick(f, LINGER);
	restart(f);
	op = request(f, text_b);
	rerank = begin(f, 4, "POST /v1/rerank", NULL);
	see(f, 4, rerank, DFL_REQUEST, NULL, text_b);
	see(f, 4, rerank, DFL_RESPONSE, "chunk", long_text);
	end(f, rerank);
	end(f, op);
	tick(f, 10);
	assert_int_equal(doc(f, 1)->n_links, 1);
	assert_string_equal(doc(f, 1)->links[0].trace_id, f->docs[0]->trace_id);
	assert_string_equal(doc(f, 1)->links[0].why, "file");
}

static void test_history_after_a_kill(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = begin(f, 0, "POST /v1/chat-messages", "/v1/chat-messages");
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, op, "query", DFL_REQUEST);

	id(f, op, DFL_ID_CONVERSATION, CONVERSATION);
	f->sink->source_append(f->sink->ud, s, long_text, 200, f->next_pos, 200, f->now);
	tick(f, 2);
	assert_int_equal(f->n_docs, 1);
	assert_int_equal(f->n_prints, 0); /* it is not whole yet */
	f->sink->source_append(f->sink->ud, s, long_text + 200, strlen(long_text) - 200,
			       f->next_pos + 200, strlen(long_text) - 200, f->now);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->next_pos += strlen(long_text);
	tick(f, 2);
	assert_int_equal(f->n_prints, 1);
	assert_string_equal(f->prints[0].field, "query");
	operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", long_text);
	f->prints[0].field = strcpy((char *)f->prints[0].field, "QUERY"); /* to see whether they
									     come again */
	tick(f, 2);
	assert_string_equal(f->prints[0].field, "QUERY");
	strcpy((char *)f->prints[0].field, "query");
	restart(f);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	assert_non_null(sampled(doc(f, 1)));
	assert_string_equal(sampled(f->docs[1])->replayed_from, f->docs[0]->trace_id);
	assert_true(sampled(f->docs[1])->coverage == 1.0);
}

/* A part of it: enough within its conversation; elsewhere only when it is long. */
static void test_part_of_a_text(void **state)
{
	struct fixture *f = *state;
	char part[160], longer[280];
	const struct dfl_doc_hop *h;

	snprintf(part, sizeof(part), "%.150s", long_text);
	snprintf(longer, sizeof(longer), "%.270s", long_text);
	past(f, long_text, CONVERSATION);
	restart(f);
	end(f, ask_with(f, text_b, part, CONVERSATION));
	end(f, ask_with(f, text_b, part, NULL));
	end(f, ask_with(f, text_b, longer, NULL));
	tick(f, 10);
	h = sampled(doc(f, 1));
	assert_non_null(h);
	assert_true(h->coverage > 0.1 && h->coverage < 0.6);
	assert_null(sampled(doc(f, 2)));
	h = sampled(doc(f, 3));
	assert_non_null(h);
	assert_true(h->coverage > 0.4 && h->coverage < 0.9);
}

/* Who asks the same again the next day sends text of their own. */
static void test_repeated_text_is_its_own(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	past(f, long_text, CONVERSATION);
	restart(f);
	tick(f, 24 * 3600);
	op = request(f, long_text);
	operation(f, 1, "INSERT messages", "messages.query", long_text);
	operation(f, 1, "UPDATE conversations", "conversations.name",
		  "The garden behind our office");
	end(f, op);
	tick(f, 10);
	assert_null(sampled(doc(f, 1)));
	assert_true(hop(doc(f, 1), "INSERT messages")->coverage == 1.0);
	assert_int_equal(f->n_told, 0);
}

/* Text of the past that belongs to no request: a reader of the history, other traffic. */
static void test_nobodys_operation(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	past(f, long_text, NULL);
	restart(f);
	op = request(f, text_b);
	operation(f, 1, "SELECT", "messages.query", long_text);
	end(f, op);
	tick(f, 10);
	assert_null(sampled(doc(f, 1)));
}

/* A request of the conversation that reads what was said before from the database. */
static void ask_and_read(struct fixture *f, const char *query, const char *history)
{
	struct dfl_op *op = request(f, query), *read;

	id(f, op, DFL_ID_CONVERSATION, CONVERSATION);
	read = begin(f, 1, "SELECT", "messages.query");
	id(f, read, DFL_ID_CONVERSATION, CONVERSATION);
	see(f, 1, read, DFL_RESPONSE, NULL, history);
	end(f, read);
	end(f, op);
	tick(f, 10);
}

/* An id makes it the request's, as when it reads its history from the database. */
static void test_read_back_by_id(void **state)
{
	struct fixture *f = *state;

	past(f, long_text, CONVERSATION);
	restart(f);
	ask_and_read(f, text_b, long_text);
	assert_non_null(sampled(doc(f, 1)));
	assert_string_equal(sampled(doc(f, 1))->operation, "SELECT");
	assert_true(sampled(doc(f, 1))->evidence_id);
	assert_int_equal(sampled(doc(f, 1))->direction, DFL_RESPONSE);
}

/*
 * Several asked the same: the one of this conversation is meant; without one it is not certain, and
 * said.
 */
static void test_equal_texts_of_the_past(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;

	past(f, long_text, "4f2c9d0e-0000-4000-8000-000000000002");
	past(f, long_text, CONVERSATION);
	past(f, long_text, "4f2c9d0e-0000-4000-8000-000000000003");
	restart(f);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	end(f, ask_with(f, text_b, long_text, NULL));
	tick(f, 10);
	h = sampled(doc(f, 3));
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[1]->trace_id);
	assert_false(h->ambiguous);
	assert_true(h->common);
	h = sampled(doc(f, 4));
	assert_non_null(h);
	assert_true(h->ambiguous);
	assert_int_equal(h->n_candidates, 3);
}

/* An opening that many share is no evidence for any of them. */
static void test_common_openings(void **state)
{
	struct fixture *f = *state;
	char one[512], other[512], third[512];

	snprintf(one, sizeof(one), "%.280s %s", long_text, text_a);
	snprintf(other, sizeof(other), "%.280s %s", long_text,
		 "And now for something completely different: five ducks.");
	snprintf(third, sizeof(third), "%.280s %s", long_text,
		 "What is left to say is that the fence needs paint before May.");
	past(f, one, NULL);
	past(f, other, NULL);
	restart(f);
	end(f, ask_with(f, text_b, third, NULL));
	tick(f, 10);
	assert_null(sampled(doc(f, 2)));
}

/*
 * Of two later requests the one that started first is told first, although its hop was found last.
 */
static void test_told_in_order(void **state)
{
	struct fixture *f = *state;
	const char *const queries[] = { text_a, text_b };
	struct dfl_op *ops[2];
	char prompt[4096];

	past(f, long_text, NULL);
	for (int i = 0; i < 2; i++)
		ops[i] = request(f, queries[i]);
	for (int i = 2; i--;) {
		snprintf(prompt, sizeof(prompt),
			 "{\"messages\": [{\"user\": \"%s\"}, {\"user\": \"%s\"}]}", long_text,
			 queries[i]);
		operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", prompt);
		operation(f, 5, "POST /v1/completions", "/v1/completions", prompt);
	}
	for (int i = 0; i < 2; i++)
		end(f, ops[i]);
	tick(f, 10);
	assert_int_equal(doc(f, 0)->n_replayed_in, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(f->docs[0]->replayed_in[i].trace_id,
				    f->docs[1 + i / 2]->trace_id);
	assert_true(f->docs[0]->replayed_in[0].seq < f->docs[0]->replayed_in[1].seq);
	assert_true(f->docs[0]->replayed_in[2].seq < f->docs[0]->replayed_in[3].seq);
}

/*
 * How a new text begins stands in the history: it is the old text's, though all texts of the past
 * begin so.
 */
static void test_opening_in_the_history(void **state)
{
	static const char opening[] = "Dear machine, please tell me all about";
	struct fixture *f = *state;
	char oldest[512], text[512];

	snprintf(oldest, sizeof(oldest), "%s %s", opening, long_text);
	past(f, oldest, CONVERSATION);
	for (int i = 0; i < DFL_PRINT_SHARED + 3; i++) {
		snprintf(text, sizeof(text), "%s %d %s", opening, i, long_text + 20 * (i + 1));
		past(f, text, NULL);
	}
	restart(f);
	snprintf(text, sizeof(text), "%s %s", opening, text_b);
	ask_and_read(f, text, oldest);
	assert_non_null(sampled(doc(f, DFL_PRINT_SHARED + 4)));
	for (size_t i = 0; i < f->docs[DFL_PRINT_SHARED + 4]->n_hops; i++)
		if (strcmp(f->docs[DFL_PRINT_SHARED + 4]->hops[i].operation,
			   "POST /v1/chat-messages"))
			assert_string_equal(f->docs[DFL_PRINT_SHARED + 4]->hops[i].coverage_basis,
					    "sampled");
}

/* A recording that is replayed into a store which has it already finds nothing new in it. */
static void test_the_same_again(void **state)
{
	struct fixture *f = *state;
	char *first, *second;

	past(f, long_text, CONVERSATION);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	assert_int_equal(dfl_doc_to_json(doc(f, 1), &first), 0);
	assert_null(sampled(f->docs[1]));
	f->now = 100 * SEC;
	f->next_pos = 0;
	restart(f);
	past(f, long_text, CONVERSATION);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	assert_int_equal(f->n_docs, 2);
	assert_int_equal(dfl_doc_to_json(doc(f, 1), &second), 0);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

/* A trace does not depend on the key. */
static void test_another_key(void **state)
{
	struct fixture *f = *state;
	char *docs[2];

	for (int i = 0; i < 2; i++) {
		f->now = 100 * SEC;
		f->next_pos = 0;
		f->print_key = (uint8_t)i;
		stop(f);
		start(f);
		past(f, long_text, CONVERSATION);
		tick(f, LINGER);
		end(f, ask_with(f, text_b, long_text, CONVERSATION));
		end(f, ask_with(f, text_b, long_text + 100, NULL));
		tick(f, 10);
		assert_int_equal(f->n_docs, 3);
		assert_non_null(sampled(doc(f, 1)));
		assert_true(sampled(doc(f, 2))->coverage < 1.0);
		assert_int_equal(dfl_doc_to_json(doc(f, 2), &docs[i]), 0);
	}
	assert_string_equal(docs[0], docs[1]);
	free(docs[0]);
	free(docs[1]);
}

static int setup_without(void **state)
{
	char path[] = "/tmp/dflow-replay-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	int r;

	fputs("settings: {keep_fingerprints: false}\n", file);
	fclose(file);
	r = setup_with(state, path);
	remove(path);
	return r;
}

static void test_switched_off(void **state)
{
	struct dfl_past_text of = { .trace_id = "0123456789abcdef0123456789abcdef",
				    .field = "query",
				    .prints = (const uint8_t *)"12345",
				    .n_prints = 1 };
	struct fixture *f = *state;

	past(f, long_text, CONVERSATION);
	tick(f, LINGER);
	end(f, ask_with(f, text_b, long_text, CONVERSATION));
	tick(f, 10);
	assert_null(sampled(doc(f, 1)));
	assert_int_equal(f->n_prints, 0);
	assert_int_equal(dfl_trace_remember(f->t, &of), -EINVAL);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	struct dfl_trace_stats stats;
	struct dfl_past_text bad = { .trace_id = "short",
				     .field = "query",
				     .prints = (const uint8_t *)"12345",
				     .n_prints = 1 };

	past(f, long_text, CONVERSATION);
	f->max_prints = f->prints[0].n_prints + 3;
	restart(f);
	past(f, text_a, NULL);
	tick(f, LINGER); /* its fingerprints have no room beside the older ones */
	dfl_trace_stats(f->t, &stats);
	assert_int_equal(stats.match.old_texts, 1);
	assert_int_equal(stats.forgotten, 1);
	dfl_trace_forget_before(f->t, f->docs[1]->started_ns);
	dfl_trace_stats(f->t, &stats);
	assert_int_equal(stats.match.old_texts, 1);
	dfl_trace_forget_before(f->t, f->docs[1]->started_ns + 1);
	dfl_trace_stats(f->t, &stats);
	assert_int_equal(stats.match.old_texts, 0);
	assert_int_equal(dfl_trace_remember(f->t, &bad), -EINVAL);
	bad.trace_id = "0123456789abcdef0123456789abcdef";
	assert_int_equal(dfl_trace_remember(f->t, &bad), 0);
	bad.n_prints = 0;
	assert_int_equal(dfl_trace_remember(f->t, &bad), -EINVAL);
	f->max_prints = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_history_after_it_left_memory),
		T(test_history_after_a_restart),
		T(test_link_to_an_upload_of_the_past),
		T(test_history_after_a_kill),
		T(test_part_of_a_text),
		T(test_repeated_text_is_its_own),
		T(test_nobodys_operation),
		T(test_read_back_by_id),
		T(test_equal_texts_of_the_past),
		T(test_common_openings),
		T(test_told_in_order),
		T(test_opening_in_the_history),
		T(test_the_same_again),
		T(test_another_key),
		cmocka_unit_test_setup_teardown(test_switched_off, setup_without, teardown),
		T(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
