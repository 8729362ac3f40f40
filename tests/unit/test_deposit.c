// SPDX-License-Identifier: Apache-2.0
/* What a trace says of what stores said: verdicts, transactions, removals. */
#include "trace_help.h"

/* A store that keeps what it is given. */
static struct dfl_op *begin_store(struct fixture *f, int conn, const char *operation,
				  const char *place)
{
	struct dfl_op_desc d = { .protocol = "test",
				 .operation = operation,
				 .place = place,
				 .residency = DFL_PERSISTENT,
				 .ttl_s = -1 };

	return f->sink->op_begin(f->sink->ud, &f->conns[conn], &d, f->now);
}

static struct dfl_item_key row(uint64_t id)
{
	return (struct dfl_item_key){ 1, id };
}

static void effect(struct fixture *f, struct dfl_op *op, enum dfl_effect_kind kind,
		   const char *place, const struct dfl_item_key *key, bool more)
{
	const struct dfl_effect e = { .kind = kind,
				      .table = "t",
				      .place = place,
				      .keys = key,
				      .n_keys = key != NULL,
				      .more = more,
				      .items = 1,
				      .ttl_s = 10 };

	f->sink->op_effect(f->sink->ud, op, &e);
}

static void kept(struct fixture *f, struct dfl_op *op, enum dfl_kept k)
{
	f->sink->op_kept(f->sink->ud, op, k, f->now);
}

/* Writes the text into row `id` of t, and leaves the operation open. */
static struct dfl_op *write_row(struct fixture *f, const char *place, uint64_t id, const char *text)
{
	struct dfl_op *op = begin_store(f, 1, "INSERT t", place);
	struct dfl_item_key key = row(id);

	see(f, 1, op, DFL_REQUEST, NULL, text);
	effect(f, op, DFL_WRITES, NULL, &key, false);
	return op;
}

static void written(struct fixture *f, const char *place, uint64_t id, const char *text)
{
	struct dfl_op *op = write_row(f, place, id, text);

	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	f->now += 1000000;
}

/* id 0: no condition. */
static void affect(struct fixture *f, enum dfl_effect_kind kind, const char *place, uint64_t id,
		   bool more, enum dfl_kept verdict)
{
	struct dfl_op *op = begin_store(f, 1, "DELETE t", NULL);
	struct dfl_item_key key = row(id);

	effect(f, op, kind, place, id ? &key : NULL, more);
	kept(f, op, verdict);
	end(f, op);
	f->now += 1000000;
}

static const char *now_of(struct fixture *f, size_t i, const char *place)
{
	const struct dfl_doc *d = doc(f, i);

	for (size_t k = 0; k < d->n_places; k++)
		if (!strcmp(d->places[k].place, place))
			return d->places[k].now;
	return "none";
}

/* The verdict is that of the store; without one nothing is known. */
static void test_verdicts(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;

	written(f, "t.present", 1, text_a);
	op = write_row(f, "t.refused", 2, text_a);
	assert_string_equal(now_of(f, 0, "t.refused"), "attempted");
	kept(f, op, DFL_KEPT_NOT);
	end(f, op);
	op = write_row(f, "t.unanswered", 3, text_a);
	end(f, op);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.present"), "present");
	assert_string_equal(now_of(f, 0, "t.refused"), "not_kept");
	assert_string_equal(now_of(f, 0, "t.unanswered"), "unknown");
	assert_string_equal(hop(doc(f, 0), "INSERT t")->kept, "present");
}

/* The first verdict counts, also when the hop is made after it. */
static void test_hop_after_the_verdict(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;

	op = write_row(f, "t.x", 1, "Please tell me how to prun"); /* counts when the id is known */
	id(f, op, DFL_ID_MESSAGE, "m-1");
	kept(f, op, DFL_KEPT_NOT);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	f->now += 1000000;
	id(f, api, DFL_ID_MESSAGE, "m-1");
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "not_kept");
}

/* A deposit that becomes known late was removed meanwhile. */
static void test_hop_after_the_removal(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;

	op = write_row(f, "t.x", 1, "Please tell me how to prun");
	id(f, op, DFL_ID_MESSAGE, "m-1");
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	affect(f, DFL_REMOVES, NULL, 1, false, DFL_KEPT_PRESENT);
	id(f, api, DFL_ID_MESSAGE, "m-1");
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "removed");
}

/* Two transactions at a time: each has its own end, long after its operations. */
static void test_transactions(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *one = write_row(f, "t.one", 1, text_a),
		      *two = write_row(f, "t.two", 2, text_a);
	struct dfl_txn *a = f->sink->txn_begin(f->sink->ud), *b = f->sink->txn_begin(f->sink->ud);

	f->sink->op_txn(f->sink->ud, one, a);
	f->sink->op_txn(f->sink->ud, two, b);
	end(f, one);
	end(f, two);
	assert_string_equal(now_of(f, 0, "t.one"), "attempted");
	f->sink->txn_end(f->sink->ud, b, DFL_KEPT_NOT, f->now);
	assert_string_equal(now_of(f, 0, "t.one"), "attempted");
	assert_string_equal(now_of(f, 0, "t.two"), "not_kept");
	f->now += SEC;
	f->sink->txn_end(f->sink->ud, a, DFL_KEPT_PRESENT, f->now);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.one"), "present");
	assert_true(hop(doc(f, 0), "INSERT t")->kept_ns >= (int64_t)SEC);
}

/* A removal that is rolled back removes nothing; one of the same transaction does. */
static void test_removal_in_a_transaction(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;
	struct dfl_item_key key = row(2);
	struct dfl_txn *txn;

	written(f, "t.x", 1, text_a);
	affect(f, DFL_REMOVES, NULL, 1, false, DFL_KEPT_NOT);
	assert_string_equal(now_of(f, 0, "t.x"), "present");
	txn = f->sink->txn_begin(f->sink->ud);
	op = write_row(f, "t.y", 2, text_a);
	f->sink->op_txn(f->sink->ud, op, txn);
	end(f, op);
	op = begin_store(f, 1, "DELETE t", NULL);
	effect(f, op, DFL_REMOVES, NULL, &key, false);
	f->sink->op_txn(f->sink->ud, op, txn);
	end(f, op);
	f->sink->txn_end(f->sink->ud, txn, DFL_KEPT_PRESENT, f->now);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.y"), "removed");
	assert_string_equal(now_of(f, 0, "t.x"), "present");
}

/* By its key, by another's key, by a condition that is not understood, without a condition. */
static void test_which_row(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_b);

	written(f, "t.x", 1, text_a);
	written(f, "t.x", 2, text_b);
	affect(f, DFL_REMOVES, NULL, 3, false, DFL_KEPT_PRESENT);
	affect(f, DFL_REMOVES, NULL, 3, true, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "present");
	affect(f, DFL_REMOVES, NULL, 2, false, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "present");
	assert_string_equal(now_of(f, 1, "t.x"), "removed");
	assert_true(doc(f, 1)->places[0].removed_ns > 0);
	affect(f, DFL_REMOVES, NULL, 0, true, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "unknown");
	assert_string_equal(now_of(f, 1, "t.x"), "removed");
	affect(f, DFL_REMOVES, NULL, 0, false, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "removed");
	end(f, a);
	end(f, b);
}

/* Rows without a key that is known may be meant by any key. */
static void test_row_without_key(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op = begin_store(f, 1, "INSERT t", "t.x");

	see(f, 1, op, DFL_REQUEST, NULL, text_a);
	effect(f, op, DFL_WRITES, NULL, NULL, false);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	affect(f, DFL_REMOVES, NULL, 7, false, DFL_KEPT_PRESENT);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "unknown");
}

/* The answer to the removal was not seen. */
static void test_removed_perhaps(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a);

	written(f, "t.x", 1, text_a);
	affect(f, DFL_REMOVES, NULL, 1, false, DFL_KEPT_UNKNOWN);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "unknown");
}

/* All of the table goes, but on another server, as far as its address tells. */
static void test_another_server(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;

	written(f, "t.x", 1, text_a);
	op = begin_store(f, 2, "TRUNCATE t", NULL);
	effect(f, op, DFL_REMOVES, NULL, NULL, false);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "unknown");
}

/* Only the column that is set loses its text, and it may get the same one again. */
static void test_overwritten(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;
	struct dfl_item_key key = row(1);

	written(f, "t.x", 1, text_a);
	written(f, "t.y", 1, text_a);
	affect(f, DFL_REPLACES, "t.x", 1, false, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "removed");
	assert_string_equal(now_of(f, 0, "t.y"), "present");
	op = write_row(f, "t.y", 1, text_a);
	effect(f, op, DFL_REPLACES, "t.y", &key, false);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.y"), "present");
}

/* Fields of one place of which not the same is true have an entry each. */
static void test_entry_by_state(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a);
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, api, "inputs.other", DFL_REQUEST);
	const struct dfl_doc *d;

	f->sink->source_append(f->sink->ud, s, text_b, strlen(text_b), f->next_pos, strlen(text_b),
			       f->now);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->now += 1000000;
	written(f, "t.x", 1, text_a);
	affect(f, DFL_REPLACES, "t.x", 1, false, DFL_KEPT_PRESENT);
	written(f, "t.x", 1, text_b);
	end(f, api);
	d = doc(f, 0);
	assert_int_equal(d->n_places, 2);
	assert_string_equal(d->places[0].now, "removed");
	assert_string_equal(d->places[0].fields[0], "query");
	assert_string_equal(d->places[1].now, "present");
	assert_string_equal(d->places[1].fields[0], "inputs.other");
}

/* A new time to live ends it then; the first write has none. */
static void test_expires(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a);

	written(f, "t.x", 1, text_a);
	affect(f, DFL_EXPIRES, NULL, 1, false, DFL_KEPT_PRESENT);
	assert_string_equal(now_of(f, 0, "t.x"), "present");
	tick(f, 11);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "expired");
}

/* More writes than one hop remembers: it is not said that all of them are gone. */
static void test_many_writes(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a);

	for (uint64_t i = 1; i <= 40; i++)
		written(f, "t.x", i, text_a);
	assert_string_equal(now_of(f, 0, "t.x"), "present");
	affect(f, DFL_REMOVES, NULL, 0, false, DFL_KEPT_PRESENT);
	end(f, api);
	assert_string_equal(now_of(f, 0, "t.x"), "unknown");
}

/* What is read, asked for or passed on is stored nowhere. */
static void test_nothing_is_kept(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op = begin_store(f, 1, "SELECT t", "t.x");
	struct dfl_op_desc pass = {
		.protocol = "test", .operation = "PUBLISH", .residency = DFL_TRANSIT, .ttl_s = -1
	};

	see(f, 1, op, DFL_RESPONSE, NULL, text_a);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	op = f->sink->op_begin(f->sink->ud, &f->conns[2], &pass, f->now);
	see(f, 2, op, DFL_REQUEST, NULL, text_a);
	kept(f, op, DFL_KEPT_PRESENT);
	end(f, op);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_places, 0);
	assert_null(hop(doc(f, 0), "SELECT t")->kept);
	assert_null(hop(doc(f, 0), "PUBLISH")->kept);
}

/* Requests, items and effects go in any order. */
static void test_all_goes(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 400; i++) {
		struct dfl_op *api = request(f, i % 2 ? text_a : text_b);

		written(f, "t.x", 1 + i % 7, i % 2 ? text_a : text_b);
		affect(f, DFL_REPLACES, "t.x", 1 + i % 5, i % 3 == 0, DFL_KEPT_PRESENT);
		end(f, api);
		if (i % 100 == 99)
			tick(f, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_verdicts),
		T(test_hop_after_the_verdict),
		T(test_hop_after_the_removal),
		T(test_transactions),
		T(test_removal_in_a_transaction),
		T(test_which_row),
		T(test_row_without_key),
		T(test_removed_perhaps),
		T(test_another_server),
		T(test_overwritten),
		T(test_entry_by_state),
		T(test_expires),
		T(test_many_writes),
		T(test_nothing_is_kept),
		T(test_all_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
