// SPDX-License-Identifier: Apache-2.0
/*
 * The recorded chats of a running Dify, decoded: listings, true texts and ids, every byte shown
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "decode_listing.h"
#include "decode_sink.h"
#include "decode_tape.h"

static const char *const chats[] = { "chat-block-en",	     "chat-stream-ja",
				     "flow-stream-en-turn2", "flow-stream-ja-5k",
				     "flow-stream-ja-pgtls", "flow-stream-ja" };

#define N_CHATS (sizeof(chats) / sizeof(chats[0]))

static const char *golden(void)
{
	const char *dir = getenv("DFLOW_GOLDEN");

	return dir ? dir : "tests/golden";
}

static char *path_of(const char *sub, const char *name, const char *suffix)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s%s%s", golden(), sub, name, suffix) > 0);
	return path;
}

static void load(struct tape *t, size_t chat)
{
	char *path = path_of("", chats[chat], ".pcap");

	tape_from_pcap(t, path);
	free(path);
}

/* How often each byte of each direction was shown. */
struct coverage {
	struct {
		uint8_t *seen[2];
		uint64_t len[2];
	} conn[4096];
	struct sink *sink;
};

static void on_seen(void *ud, const struct sink_view *v, uint64_t pos, uint64_t len)
{
	struct coverage *c = ud;

	assert_true(v->conn < 4096);
	assert_true(pos + len <= c->conn[v->conn].len[v->dir]);
	for (uint64_t i = pos; i < pos + len; i++)
		c->conn[v->conn].seen[v->dir][i]++;
}

static struct coverage *coverage_new(const struct tape *t, struct sink *s)
{
	struct coverage *c = calloc(1, sizeof(*c));

	for (size_t i = 0; i < t->n_items; i++) {
		const struct dfl_chunk *k = &t->item[i].chunk;
		uint64_t id = t->conn[t->item[i].conn].id;

		if (k->pos + k->len > c->conn[id].len[k->dir])
			c->conn[id].len[k->dir] = k->pos + k->len;
	}
	for (size_t i = 0; i < 4096; i++)
		for (int dir = 0; dir < 2; dir++)
			c->conn[i].seen[dir] = calloc(1, c->conn[i].len[dir] + 1);
	c->sink = s;
	s->seen = on_seen;
	s->seen_ud = c;
	return c;
}

/* Fails when a byte was shown twice; returns how many were not shown at all. */
static uint64_t coverage_check(struct coverage *c)
{
	uint64_t hidden = 0;

	for (size_t i = 0; i < 4096; i++)
		for (int dir = 0; dir < 2; dir++) {
			for (uint64_t k = 0; k < c->conn[i].len[dir]; k++) {
				assert_true(c->conn[i].seen[dir][k] <= 1);
				hidden += !c->conn[i].seen[dir][k] && !c->sink->is_encrypted[i];
			}
			free(c->conn[i].seen[dir]);
		}
	free(c);
	return hidden;
}

static void compare(const char *name, const char *text)
{
	char *path = path_of("decode/", name, ".txt");

	listing_compare(path, text);
	free(path);
}

static void test_listings(void **state)
{
	for (size_t i = 0; i < N_CHATS; i++) {
		struct tape_play how = { 0 };
		struct coverage *c;
		struct tape t;
		struct sink s;
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		load(&t, i);
		sink_init(&s);
		c = coverage_new(&t, &s);
		tape_play(&t, &how, &s.ops);
		sink_summary(&s, f);
		fprintf(f, "not shown: %llu bytes\n", (unsigned long long)coverage_check(c));
		fclose(f);
		compare(chats[i], text);
		free(text);
		sink_fini(&s);
		tape_fini(&t);
	}
}

static bool has_id(const struct sink *s, const char *protocol, enum dfl_id_kind kind,
		   const char *value)
{
	for (const struct dfl_op *op = s->op_first; op; op = op->next)
		for (const struct sink_id *id = op->ids; id; id = id->next)
			if (!strcmp(op->protocol, protocol) && id->kind == kind &&
			    !strcmp(id->value, value))
				return true;
	return false;
}

static unsigned count_sources(const struct sink *s, const char *field, const char *text)
{
	unsigned n = 0;

	for (const struct dfl_op *op = s->op_first; op; op = op->next)
		for (const struct dfl_src *x = op->sources; x; x = x->next)
			n += !strcmp(x->field, field) && x->data.len == strlen(text) &&
			     !memcmp(x->data.data, text, x->data.len);
	return n;
}

static unsigned count_answers(const struct sink *s, const char *operation, const char *text)
{
	unsigned n = 0;

	for (const struct sink_view *v = s->view_first; v; v = v->next)
		n += v->derives && v->op && strstr(v->op->operation, operation) &&
		     v->data.len == strlen(text) && !memcmp(v->data.data, text, v->data.len);
	return n;
}

/* The file beside a capture tells what was sent and answered. */
static void test_truth(void **state)
{
	for (size_t i = 0; i < N_CHATS; i++) {
		char *path = path_of("", chats[i], ".json");
		json_t *truth = json_load_file(path, 0, NULL), *ids = json_object_get(truth, "ids"),
		       *value;
		const char *answer = json_string_value(json_object_get(truth, "answer")), *name;
		bool flow = strstr(chats[i], "flow-") != NULL;
		struct tape_play how = { 0 };
		struct tape t;
		struct sink s;

		assert_non_null(truth);
		load(&t, i);
		sink_init(&s);
		tape_play(&t, &how, &s.ops);
		assert_int_equal(count_sources(&s, "query",
					       json_string_value(json_object_get(truth, "query"))),
				 1);
		assert_int_equal(count_answers(&s, "/v1/chat-messages", answer), 1);
		assert_int_equal(count_answers(&s, "/dispatch/llm/invoke", answer), 1);
		assert_int_equal(count_answers(&s, "PUBLISH", answer), flow ? 1 : 0);
		assert_int_equal(count_answers(&s, "SUBSCRIBE", answer), flow ? 1 : 0);
		json_object_foreach(ids, name, value)
		{
			if (json_is_string(value))
				assert_true(has_id(&s, "http", (enum dfl_id_kind)dfl_id_parse(name),
						   json_string_value(value)));
		}
		sink_fini(&s);
		tape_fini(&t);
		json_decref(truth);
		free(path);
	}
}

static void test_split(void **state)
{
	for (size_t i = 0; i < N_CHATS; i++) {
		struct tape_play whole = { 0 }, bytes = { .bytewise = true };
		struct tape t;
		char *a, *b;

		load(&t, i);
		a = listing_of(&t, &whole);
		b = listing_of(&t, &bytes);
		assert_string_equal(a, b);
		free(a);
		free(b);
		tape_fini(&t);
	}
}

/* Whatever is missing or damaged: the contract holds and no byte is shown twice. */
static void hurt(const struct tape *t, const struct tape_play *how)
{
	struct coverage *c;
	struct sink s;

	sink_init(&s);
	c = coverage_new(t, &s);
	tape_play(t, how, &s.ops);
	coverage_check(c);
	sink_fini(&s);
}

static void test_hurt(void **state)
{
	for (size_t i = 0; i < N_CHATS; i++) {
		struct tape t;

		load(&t, i);
		for (unsigned k = 1; k <= 8; k++) {
			struct tape_play lost = { .lose_from = t.n_items * k / 9, .lose = k },
					 cut = { .stop_at = t.n_items * k / 9 },
					 damaged = { .damage = k };

			hurt(&t, &lost);
			hurt(&t, &cut);
			hurt(&t, &damaged);
		}
		tape_fini(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_truth),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_hurt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
