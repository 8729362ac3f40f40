// SPDX-License-Identifier: Apache-2.0
/* Attribution: what counts as a hop, and whose it is. */
#include "trace_help.h"
#include "trace/request.h"

/* A short piece of the text alone proves nothing; with an id of the request it does. */
static void test_weak_and_tied(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *op = request(f, text_a), *title;

	operation(f, 1, "INSERT stray", "stray.text", "prune an old apple tree in late");
	id(f, op, DFL_ID_CONVERSATION, "4f2c9d0e-0000-4000-8000-000000000001");
	title = begin(f, 1, "UPDATE conversations", "conversations.name");
	id(f, title, DFL_ID_CONVERSATION, "4f2c9d0e-0000-4000-8000-000000000001");
	see(f, 1, title, DFL_REQUEST, NULL, "Please tell me how to prun");
	end(f, title);
	end(f, op);
	h = hop(doc(f, 0), "UPDATE conversations");
	assert_non_null(h);
	assert_true(h->coverage > 0.2 && h->coverage < 0.4);
	assert_true(h->evidence_content && h->evidence_id);
	assert_null(hop(doc(f, 0), "INSERT stray"));
	assert_int_equal(doc(f, 0)->weak_matches, 1);
}

/* The id that ties may come after the operation: a blocking answer tells it last. */
static void test_tied_late(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, text_a),
		      *title = begin(f, 1, "UPDATE conversations", "conversations.name");

	id(f, title, DFL_ID_MESSAGE, "m-1");
	see(f, 1, title, DFL_REQUEST, NULL, "Please tell me how to prun");
	end(f, title);
	id(f, op, DFL_ID_MESSAGE, "m-1");
	end(f, op);
	tick(f, 10);
	assert_non_null(hop(doc(f, 0), "UPDATE conversations"));
	assert_int_equal(doc(f, 0)->weak_matches, 0);
	assert_true(doc(f, 0)->settled);
	assert_int_equal(f->settled, 1);
}

static void test_two_requests_keep_apart(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_b);

	operation(f, 1, "INSERT a", "t.a", text_a);
	operation(f, 1, "INSERT b", "t.b", text_b);
	end(f, a);
	end(f, b);
	assert_non_null(hop(doc(f, 0), "INSERT a"));
	assert_null(hop(doc(f, 0), "INSERT b"));
	assert_non_null(hop(doc(f, 1), "INSERT b"));
	assert_null(hop(doc(f, 1), "INSERT a"));
}

/*
 * One text is the beginning of another: the short one's whole copy in the long one may be meant, or
 * not.
 */
static void test_nested_text(void **state)
{
	struct fixture *f = *state;
	char longer[512];
	struct dfl_op *a, *b;

	snprintf(longer, sizeof(longer), "%s %s", text_a, text_b);
	a = request(f, text_a);
	b = request(f, longer);
	operation(f, 1, "INSERT short", "t.a", text_a);
	operation(f, 1, "INSERT long", "t.b", longer);
	end(f, a);
	end(f, b);
	assert_non_null(hop(doc(f, 0), "INSERT short"));
	assert_false(hop(doc(f, 0), "INSERT short")->ambiguous);
	assert_non_null(hop(doc(f, 0), "INSERT long"));
	assert_true(hop(doc(f, 0), "INSERT long")->ambiguous);
	assert_int_equal(hop(doc(f, 0), "INSERT long")->n_candidates, 2);
	assert_non_null(hop(doc(f, 1), "INSERT long"));
	assert_false(hop(doc(f, 1), "INSERT long")->ambiguous);
	assert_non_null(hop(doc(f, 1), "INSERT short")); /* a cut copy would look the same */
	assert_true(hop(doc(f, 1), "INSERT short")->ambiguous);
}

static void test_equal_text_is_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a);
	const struct dfl_doc_hop *h;

	operation(f, 1, "INSERT x", "t.x", text_a);
	end(f, a);
	end(f, b);
	for (int i = 0; i < 2; i++) {
		h = hop(doc(f, i), "INSERT x");
		assert_non_null(h);
		assert_true(h->ambiguous);
		assert_int_equal(h->n_candidates, 2);
	}
}

static void test_equal_text_with_an_id(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a), *x;

	id(f, b, DFL_ID_MESSAGE, "m-b");
	x = begin(f, 1, "INSERT x", "t.x");
	id(f, x, DFL_ID_MESSAGE, "m-b");
	see(f, 1, x, DFL_REQUEST, NULL, text_a);
	end(f, x);
	end(f, a);
	end(f, b);
	assert_null(hop(doc(f, 0), "INSERT x"));
	assert_non_null(hop(doc(f, 1), "INSERT x"));
	assert_false(hop(doc(f, 1), "INSERT x")->ambiguous);
}

/* The id comes last: until then nothing is said of whose it is. */
static void test_equal_text_with_a_late_id(void **state)
{
	static const char *const ids[] = { "m-a", "m-b" };
	struct fixture *f = *state;
	struct dfl_op *api[] = { request(f, text_a), request(f, text_a) }, *op;

	for (int i = 0; i < 2; i++) {
		op = begin(f, 1, "INSERT x", "t.x");
		id(f, op, DFL_ID_MESSAGE, ids[i]);
		see(f, 1, op, DFL_REQUEST, NULL, text_a);
		end(f, op);
		f->now += 1000000;
	}
	for (int i = 0; i < 2; i++) {
		id(f, api[i], DFL_ID_MESSAGE, ids[i]);
		end(f, api[i]);
		tick(f, 10);
	}
	for (int i = 0; i < 2; i++) {
		assert_non_null(hop(doc(f, i), "INSERT x"));
		assert_false(hop(doc(f, i), "INSERT x")->ambiguous);
		assert_int_equal(hop(doc(f, i), "INSERT x")->occurrences, 1);
	}
}

/* The id is nobody's, but one of them has another. */
static void test_equal_text_of_another_message(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a), *op;

	id(f, a, DFL_ID_MESSAGE, "m-a");
	op = begin(f, 1, "INSERT x", "t.x");
	id(f, op, DFL_ID_MESSAGE, "m-c");
	see(f, 1, op, DFL_REQUEST, NULL, text_a);
	end(f, op);
	end(f, a);
	end(f, b);
	assert_null(hop(doc(f, 0), "INSERT x"));
	assert_non_null(hop(doc(f, 1), "INSERT x"));
	assert_false(hop(doc(f, 1), "INSERT x")->ambiguous);
}

/* It never comes: both are told. */
static void test_equal_text_with_a_lost_id(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_a),
		      *op = begin(f, 1, "INSERT x", "t.x");

	id(f, op, DFL_ID_MESSAGE, "m-c");
	see(f, 1, op, DFL_REQUEST, NULL, text_a);
	end(f, op);
	end(f, a);
	tick(f, 400); /* the operation is let go before b is over */
	end(f, b);
	for (int i = 0; i < 2; i++) {
		assert_non_null(hop(doc(f, i), "INSERT x"));
		assert_true(hop(doc(f, i), "INSERT x")->ambiguous);
	}
}

/* Another request that settles decides nothing of these; the end of recording does. */
static void test_equal_text_when_recording_ends(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	request(f, text_a);
	request(f, text_a);
	op = begin(f, 1, "INSERT x", "t.x");
	id(f, op, DFL_ID_MESSAGE, "m-c");
	see(f, 1, op, DFL_REQUEST, NULL, text_a);
	end(f, op);
	end(f, request(f, text_b));
	tick(f, 4);
	assert_int_equal(f->settled, 1);
	assert_int_equal(f->n_docs, 3);
	for (int i = 0; i < 2; i++)
		assert_null(hop(f->docs[i], "INSERT x"));
	for (int i = 0; i < 2; i++) {
		assert_non_null(hop(doc(f, i), "INSERT x"));
		assert_true(hop(doc(f, i), "INSERT x")->ambiguous);
	}
}

static void test_text_repeated_later(void **state)
{
	struct fixture *f = *state;

	end(f, request(f, text_a));
	tick(f, 10);
	end(f, begin(f, 2, "PING", NULL));
	struct dfl_op *b = request(f, text_a);
	operation(f, 1, "INSERT x", "t.x", text_a);
	end(f, b);
	assert_null(hop(doc(f, 0), "INSERT x"));
	assert_non_null(hop(doc(f, 1), "INSERT x"));
}

/* The older text goes along as history: it is the older request's, in the newer one's operation. */
static void test_history(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	const struct dfl_doc *d;
	char prompt[512];
	struct dfl_op *b;

	end(f, request(f, text_a));
	tick(f, 10);
	b = request(f, text_b);
	snprintf(prompt, sizeof(prompt), "user: %s assistant: prune it. user: %s", text_a, text_b);
	operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", prompt);
	end(f, b);
	d = doc(f, 1);
	h = NULL;
	for (size_t i = 0; i < d->n_hops; i++)
		if (d->hops[i].replayed_from)
			h = &d->hops[i];
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_true(h->coverage == 1.0);
	assert_int_equal(f->docs[0]->n_replayed_in, 1);
	assert_string_equal(f->docs[0]->replayed_in[0].trace_id, f->docs[1]->trace_id);
	assert_int_equal(f->docs[0]->replayed_in[0].seq, h->seq);
	assert_null(hop(f->docs[0], "POST /v1/chat/completions"));
}

/* Two asked the same before: what goes along is the text of one's own conversation. */
static void test_history_of_the_same_conversation(void **state)
{
	static const char *const conversations[] = { "4f2c9d0e-0000-4000-8000-000000000001",
						     "4f2c9d0e-0000-4000-8000-000000000002" };
	struct fixture *f = *state;
	const struct dfl_doc *d;
	char prompt[512];
	struct dfl_op *op;
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		op = request(f, text_a);
		id(f, op, DFL_ID_CONVERSATION, conversations[i]);
		end(f, op);
		tick(f, 10);
	}
	for (int i = 0; i < 2; i++) {
		op = request(f, text_b);
		id(f, op, DFL_ID_CONVERSATION, conversations[i]);
		snprintf(prompt, sizeof(prompt), "user: %s assistant: prune it. user: %s", text_a,
			 text_b);
		operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", prompt);
		end(f, op);
		tick(f, 10);
		d = doc(f, 2 + i);
		for (size_t k = 0; k < d->n_hops; k++) {
			if (!d->hops[k].replayed_from ||
			    strcmp(d->hops[k].operation, "POST /v1/chat/completions"))
				continue;
			n += !strcmp(d->hops[k].field, "query") && !d->hops[k].ambiguous &&
			     !strcmp(d->hops[k].replayed_from, f->docs[i]->trace_id);
		}
	}
	assert_int_equal(n, 2);
}

/* Who repeats a victim's words does not make the victim's hops vanish. */
static void test_attacker_repeats_a_phrase(void **state)
{
	struct fixture *f = *state;
	char attack[512];
	struct dfl_op *a = request(f, text_a), *b;
	const struct dfl_doc_hop *h;

	snprintf(attack, sizeof(attack), "%.70s and now for something else entirely", text_a);
	b = request(f, attack);
	operation(f, 1, "INSERT messages", "messages.query", text_a);
	end(f, a);
	end(f, b);
	h = hop(doc(f, 0), "INSERT messages");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && !h->ambiguous);
	assert_null(hop(doc(f, 1), "INSERT messages"));
}

/* Nor those of a part, even when the attack is just that part, or many. */
static void test_attackers_repeat_a_cut(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *victim, *attack[8];
	const struct dfl_doc_hop *h;
	char cut[512];

	snprintf(cut, sizeof(cut), "%.85s", text_a);
	for (int i = 0; i < 4; i++)
		attack[i] = request(f, cut);
	victim = request(f, text_a);
	for (int i = 4; i < 8; i++)
		attack[i] = request(f, cut);
	operation(f, 1, "UPDATE title", "t.title", cut);
	for (int i = 0; i < 8; i++)
		end(f, attack[i]);
	end(f, victim);
	h = hop(doc(f, 4), "UPDATE title");
	assert_non_null(h);
	assert_true(h->ambiguous && h->common);
	assert_int_equal(h->n_candidates, 9);
	assert_int_equal(h->common_sources, 8);
}

/*
 * More equal texts than match looks at for each place: who is named by an id is found nevertheless.
 */
static void test_hundreds_of_equal_texts(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *victim = NULL, *op;

	for (int i = 0; i < 300; i++) {
		op = request(f, text_a);
		if (i != 150) {
			end(f, op);
			continue;
		}
		victim = op;
		id(f, victim, DFL_ID_MESSAGE, "m-1");
	}
	f->now += 1000000;
	op = begin(f, 1, "INSERT messages", "messages.query");
	id(f, op, DFL_ID_MESSAGE, "m-1");
	see(f, 1, op, DFL_REQUEST, NULL, text_a);
	end(f, op);
	end(f, victim);
	h = hop(doc(f, 150), "INSERT messages");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && !h->ambiguous && h->common);
}

/* Nor by a text that has what stands around it too. An id decides. */
static void test_attacker_wraps_the_text(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *victim, *attack, *op;
	const struct dfl_doc_hop *h;
	char prompt[512];

	snprintf(prompt, sizeof(prompt), "system: you are kind. user: %s assistant:", text_a);
	attack = request(f, prompt);
	victim = request(f, text_a);
	id(f, victim, DFL_ID_MESSAGE, "m-1");
	operation(f, 4, "POST /v1/chat/completions", NULL, prompt);
	op = begin(f, 1, "INSERT messages", "messages.message");
	id(f, op, DFL_ID_MESSAGE, "m-1");
	see(f, 1, op, DFL_REQUEST, NULL, prompt);
	end(f, op);
	end(f, attack);
	end(f, victim);
	h = hop(doc(f, 1), "POST /v1/chat/completions");
	assert_non_null(h);
	assert_true(h->coverage == 1.0 && h->ambiguous);
	h = hop(doc(f, 1), "INSERT messages");
	assert_non_null(h);
	assert_false(h->ambiguous);
	assert_null(hop(doc(f, 0), "INSERT messages"));
}

/* A file that was uploaded before is read for the chat that names it. */
static void test_uploaded_file(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *upload = request(f, text_b), *chat;
	const struct dfl_doc_hop *h;

	id(f, upload, DFL_ID_UPLOAD_FILE, "f-1");
	end(f, upload);
	tick(f, 10);
	chat = request(f, text_a);
	id(f, chat, DFL_ID_UPLOAD_FILE, "f-1");
	operation(f, 5, "GET s3-bucket/*", "bucket/*", text_b);
	end(f, chat);
	h = hop(doc(f, 1), "GET s3-bucket/*");
	assert_non_null(h);
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_int_equal(f->docs[1]->n_links, 1);
	assert_string_equal(f->docs[1]->links[0].why, "file");
}

/* Where a whole text ends, a piece that others have begins: that puts the text in no doubt. */
static void test_piece_that_others_have(void **state)
{
	static const char mine[] = "Explain 187603) harbour lantern thunder; and why it never ends "
				   "but on monday, when it is 187603) ";
	static const char other[] = "What is wrong with 187603) harbour lantern thunder; where the "
				    "compiler says that it is no statement?";
	static const char line[] = "task got Explain 187603) harbour lantern thunder; and why it "
				   "never ends but on monday, when it is 187603) "
				   "harbour lantern thunder; -- end";
	struct fixture *f = *state;
	struct dfl_op *api[2];

	api[0] = request(f, mine);
	api[1] = request(f, other);
	operation(f, 5, "write", "log-file", line);
	end(f, api[0]);
	end(f, api[1]);
	assert_non_null(hop(doc(f, 0), "write"));
	assert_false(hop(f->docs[0], "write")->ambiguous);
	assert_int_equal(hop(f->docs[0], "write")->n_candidates, 0);
	assert_true(hop(f->docs[0], "write")->coverage == 1.0);
	assert_null(hop(doc(f, 1), "write"));
}

static void test_short_text(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = request(f, "はい"), *tied, *stray;

	id(f, op, DFL_ID_MESSAGE, "m-1");
	stray = begin(f, 1, "INSERT stray", "t.x");
	see(f, 1, stray, DFL_REQUEST, NULL, "はい");
	end(f, stray);
	tied = begin(f, 1, "INSERT messages", "messages.query");
	id(f, tied, DFL_ID_MESSAGE, "m-1");
	see(f, 1, tied, DFL_REQUEST, NULL, "はい");
	end(f, tied);
	end(f, op);
	assert_non_null(hop(doc(f, 0), "INSERT messages"));
	assert_null(hop(doc(f, 0), "INSERT stray"));
}

/* Sessions of plugins are bound to the request as they come, but not without end. */
static void test_very_many_sessions(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;
	char name[32];

	f->t->opts.on_change = NULL;
	request(f, text_a);
	for (int i = 0; i <= MAX_IDS_PER_REQUEST; i++) {
		snprintf(name, sizeof(name), "s-%d", i);
		op = begin(f, 1, "invoke", NULL);
		id(f, op, DFL_ID_PLUGIN_SESSION, name);
		see(f, 1, op, DFL_REQUEST, NULL, text_a);
		if (i == MAX_IDS_PER_REQUEST)
			assert_string_equal(doc(f, 0)->completeness.reasons[0], "not settled");
		end(f, op);
	}
	assert_string_equal(doc(f, 0)->completeness.reasons[0], "a limit was reached");
	assert_int_equal(HASH_COUNT(f->t->ids), MAX_IDS_PER_REQUEST);
}

/* A text that all later requests repeat makes no document without end. */
static void test_very_many_replays(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *of, *op;
	char place[32];

	f->t->opts.on_change = NULL;
	end(f, request(f, text_a));
	tick(f, 4);
	for (int r = 0; r < 5; r++) {
		of = request(f, text_b);
		for (int i = 0; i < 1000; i++) {
			snprintf(place, sizeof(place), "t.%d", i);
			op = begin(f, 1, "INSERT x", place);
			see(f, 1, op, DFL_REQUEST, NULL, text_b);
			see(f, 1, op, DFL_REQUEST, NULL, text_a);
			end(f, op);
			f->now += 1000;
		}
		end(f, of);
		tick(f, 4);
	}
	assert_int_equal(doc(f, 0)->n_replayed_in, MAX_LATER_HOPS);
	assert_string_equal(doc(f, 0)->completeness.reasons[0], "a limit was reached");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_weak_and_tied),
		T(test_tied_late),
		T(test_two_requests_keep_apart),
		T(test_nested_text),
		T(test_equal_text_is_ambiguous),
		T(test_equal_text_with_an_id),
		T(test_equal_text_with_a_late_id),
		T(test_equal_text_of_another_message),
		T(test_equal_text_with_a_lost_id),
		T(test_equal_text_when_recording_ends),
		T(test_text_repeated_later),
		T(test_history),
		T(test_history_of_the_same_conversation),
		T(test_attacker_repeats_a_phrase),
		T(test_attackers_repeat_a_cut),
		T(test_hundreds_of_equal_texts),
		T(test_attacker_wraps_the_text),
		T(test_uploaded_file),
		T(test_piece_that_others_have),
		T(test_short_text),
		T(test_very_many_sessions),
		T(test_very_many_replays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
