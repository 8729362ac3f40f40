// SPDX-License-Identifier: Apache-2.0
/* Binary texts: cut, spelt and found again, in pieces of any size; and as fields of requests. */
#include "trace_help.h"

#include <sodium.h>

#include "match/binary.h"

#define FILE_LEN 20000

static uint8_t file[FILE_LEN], other[4000];

/* ---- pieces ---- */

struct spelling {
	char words[4096 * DFL_PIECE_WORD];
	size_t n;
	uint64_t bytes;
	uint64_t from, to; /* of the stream, from the first to the last word */
	size_t rest;
};

static int on_word(void *ud, const char *word, size_t len, size_t piece_bytes)
{
	struct spelling *s = ud;

	if (len)
		memcpy(s->words + s->n, word, len);
	s->n += len;
	s->bytes += piece_bytes;
	return 0;
}

static void on_found(void *ud, const char *word, uint64_t pos, uint64_t pos_to)
{
	struct spelling *s = ud;

	if (!s->n)
		s->from = pos;
	else
		assert_int_equal(pos, s->to); /* nothing between them */
	s->to = pos_to;
	on_word(ud, word, DFL_PIECE_WORD, pos_to - pos);
}

static void on_rest(void *ud, const uint8_t *data, size_t len)
{
	((struct spelling *)ud)->rest += len;
}

static const struct dfl_binary_fns fns = { .word = on_found, .rest = on_rest };

static void spell(struct dfl_binary_text *t, size_t step, struct spelling *ret)
{
	for (size_t i = 0; i < FILE_LEN; i += step)
		assert_int_equal(dfl_binary_text_feed(t, file + i,
						      i + step < FILE_LEN ? step : FILE_LEN - i,
						      on_word, ret),
				 0);
	assert_int_equal(dfl_binary_text_end(t, on_word, ret), 0);
	assert_int_equal(ret->bytes, FILE_LEN);
}

/* junk, the file, junk again; fed in steps. */
static void look(const struct dfl_pieces *p, size_t junk, size_t step, struct spelling *ret)
{
	struct dfl_binary_scan *s = dfl_binary_scan_new(p);
	size_t len = FILE_LEN + 2 * junk;
	uint8_t *all = malloc(len);

	memcpy(all, other, junk);
	memcpy(all + junk, file, FILE_LEN);
	memcpy(all + junk + FILE_LEN, other + junk, junk);
	for (size_t i = 0; i < len; i += step) {
		size_t n = i + step < len ? step : len - i;

		dfl_binary_scan_feed(s, all + i, n, 1000 + i, n, &fns, ret);
	}
	dfl_binary_scan_end(s, &fns, ret);
	dfl_binary_scan_free(s);
	free(all);
}

static void test_cut_alike(void **state)
{
	struct spelling *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct dfl_pieces p = { 0 };
	struct dfl_binary_text *t = dfl_binary_text_new(&p), *u = dfl_binary_text_new(&p);

	(void)state;
	spell(t, FILE_LEN, a);
	spell(u, 7, b);
	assert_true(a->n > 30 * DFL_PIECE_WORD);
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->words, b->words, a->n);
	dfl_binary_text_free(t);
	assert_non_null(p.by_hash);
	dfl_binary_text_free(u);
	assert_null(p.by_hash);
	free(a);
	free(b);
}

/* Wherever the copy stands, all of it is found, exactly, and nothing else. */
static void test_found_anywhere(void **state)
{
	static const size_t junks[] = { 0, 1, 63, 200, 1000, 1999 }, steps[] = { 1, 100, 30000 };
	struct spelling *a = calloc(1, sizeof(*a));
	struct dfl_pieces p = { 0 };
	struct dfl_binary_text *t = dfl_binary_text_new(&p);

	(void)state;
	spell(t, 1000, a);
	for (unsigned i = 0; i < sizeof(junks) / sizeof(junks[0]); i++)
		for (unsigned k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct spelling *b = calloc(1, sizeof(*b));

			look(&p, junks[i], steps[k], b);
			assert_int_equal(b->n, a->n);
			assert_memory_equal(b->words, a->words, a->n);
			assert_int_equal(b->from, 1000 + junks[i]);
			assert_int_equal(b->to, 1000 + junks[i] + FILE_LEN);
			assert_int_equal(b->rest, 2 * junks[i]);
			free(b);
		}
	dfl_binary_text_free(t);
	free(a);
}

/* Runs of one byte stand in all files. */
static void test_zeros_say_nothing(void **state)
{
	static const uint8_t zeros[5000];
	struct spelling *a = calloc(1, sizeof(*a));
	struct dfl_pieces p = { 0 };
	struct dfl_binary_text *t = dfl_binary_text_new(&p);

	(void)state;
	assert_int_equal(dfl_binary_text_feed(t, zeros, sizeof(zeros), on_word, a), 0);
	assert_int_equal(dfl_binary_text_end(t, on_word, a), 0);
	assert_int_equal(a->bytes, sizeof(zeros));
	assert_int_equal(a->n, 0);
	assert_null(p.by_hash);
	dfl_binary_text_free(t);
	free(a);
}

/* ---- fields of requests ---- */

static void own(struct fixture *f, int conn, enum dfl_end end)
{
	dfl_trace_close(f->t, &f->conns[conn], f->now);
	f->conns[conn].end[end].pid = 7;
	dfl_trace_conn(f->t, &f->conns[conn]);
}

/* One operation whose view has these bytes, in two pieces. */
static void send_bytes(struct fixture *f, int conn, const char *name, const void *data, size_t len)
{
	struct dfl_op *op = begin(f, conn, name, "place");
	const struct dfl_view_desc d = { .dir = DFL_REQUEST };
	struct dfl_chunk chunk = { .dir = DFL_REQUEST, .ts_ns = f->now, .len = len };
	struct dfl_view *v;
	size_t half = len / 2;

	dfl_trace_data(f->t, &f->conns[conn], &chunk);
	v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);
	f->sink->view_data(f->sink->ud, v, data, half, 0, half, &chunk);
	f->sink->view_data(f->sink->ud, v, (const uint8_t *)data + half, len - half, half,
			   len - half, &chunk);
	f->sink->view_close(f->sink->ud, v);
	end(f, op);
	f->now += 1000000;
}

static struct dfl_op *upload(struct fixture *f, const void *data, size_t len)
{
	struct dfl_op *op;
	struct dfl_src *s;

	own(f, 0, DFL_SERVER);
	own(f, 1, DFL_CLIENT);
	op = begin(f, 0, "POST /v1/files/upload", "/v1/files/upload");
	s = f->sink->source_begin(f->sink->ud, op, "file", DFL_REQUEST);
	for (size_t i = 0; i < len; i += 100)
		f->sink->source_append(f->sink->ud, s, (const uint8_t *)data + i,
				       i + 100 < len ? 100 : len - i, i,
				       i + 100 < len ? 100 : len - i, f->now);
	f->sink->source_end(f->sink->ud, s, f->now);
	f->now += 1000000;
	return op;
}

static const struct dfl_doc *settled(struct fixture *f, struct dfl_op *op)
{
	end(f, op);
	tick(f, 10);
	return doc(f, 0);
}

static uint64_t unread(const struct dfl_doc *d)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < d->completeness.n_unread; i++)
		sum += d->completeness.unread[i].bytes;
	return sum;
}

static void assert_whole(const struct dfl_doc *d, const char *operation)
{
	const struct dfl_doc_hop *h = hop(d, operation);

	assert_non_null(h);
	assert_string_equal(h->field, "file");
	assert_true(h->coverage == 1.0);
	assert_int_equal(h->bytes, FILE_LEN);
}

static void test_stored_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	const struct dfl_doc *d;

	send_bytes(f, 1, "PUT s3", file, FILE_LEN);
	d = settled(f, op);
	assert_string_equal(d->fields[0].matchable, "binary");
	assert_int_equal(d->fields[0].bytes, FILE_LEN);
	assert_whole(d, "PUT s3");
	assert_int_equal(unread(d), 0);
	assert_true(d->completeness.complete);
}

/* Only the bytes that are of no text are unread. */
static void test_among_other_bytes(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	static uint8_t all[FILE_LEN + 600];
	const struct dfl_doc *d;

	memcpy(all, other, 300);
	memcpy(all + 300, file, FILE_LEN);
	memcpy(all + 300 + FILE_LEN, other + 300, 300);
	send_bytes(f, 1, "POST form", all, sizeof(all));
	d = settled(f, op);
	assert_whole(d, "POST form");
	assert_in_range(unread(d), 500, 600);
}

/* As a model gets a picture. */
static void test_data_uri(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	static char body[FILE_LEN * 2];
	size_t n = (size_t)sprintf(body, "{\"url\":\"data:image/png;base64,");
	const struct dfl_doc *d;

	sodium_bin2base64(body + n, sizeof(body) - n, file, FILE_LEN,
			  sodium_base64_VARIANT_ORIGINAL);
	strcat(body, "\",\"detail\":\"high\"}");
	send_bytes(f, 1, "POST model", body, strlen(body));
	d = settled(f, op);
	assert_whole(d, "POST model");
	assert_int_equal(hop(d, "POST model")->encodings, DFL_ENC_BASE64);
	assert_int_equal(unread(d), 0);
	assert_true(d->completeness.complete);
}

/* As Postgres writes bytea. */
static void test_hex(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	static char body[FILE_LEN * 2 + 100];
	const struct dfl_doc *d;

	strcpy(body, "\\x");
	sodium_bin2hex(body + 2, sizeof(body) - 2, file, FILE_LEN);
	send_bytes(f, 1, "INSERT blob", body, strlen(body));
	d = settled(f, op);
	assert_whole(d, "INSERT blob");
	assert_int_equal(unread(d), 0);
}

static void test_part(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	const struct dfl_doc_hop *h;

	send_bytes(f, 1, "PUT part", file + 5000, 10000);
	h = hop(settled(f, op), "PUT part");
	assert_non_null(h);
	assert_in_range(h->bytes, 10000 - 2 * DFL_PIECE_MAX, 10000);
	for (size_t i = 0; i < h->n_ranges; i++)
		assert_true(h->ranges[i].from >= 5000 && h->ranges[i].to <= 15000);
}

static void test_another_file(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op = upload(f, file, FILE_LEN);
	const struct dfl_doc *d;

	send_bytes(f, 1, "PUT other", other, sizeof(other));
	d = settled(f, op);
	assert_null(hop(d, "PUT other"));
	assert_in_range(unread(d), sizeof(other) * 9 / 10, sizeof(other));
	assert_false(d->completeness.complete);
}

/* A file of text is looked for as text. */
static void test_text_file(void **state)
{
	struct fixture *f = *state;
	static char text[4096];
	struct dfl_op *op;
	const struct dfl_doc *d;

	for (int i = 0; i < 40; i++)
		sprintf(text + strlen(text), "Line %d of the report says %d%c.\n", i * 7919, i,
			'a' + i % 26);
	op = upload(f, text, strlen(text));
	operation(f, 1, "INSERT segments", "content", text);
	d = settled(f, op);
	assert_string_equal(d->fields[0].matchable, "content");
	assert_non_null(hop(d, "INSERT segments"));
	assert_true(d->completeness.complete);
}

/* ---- base64 that decodes to no text ---- */

static const struct dfl_doc *with_body(struct fixture *f, const char *body)
{
	struct dfl_op *op;

	own(f, 0, DFL_SERVER);
	own(f, 1, DFL_CLIENT);
	op = request(f, text_a);
	send_bytes(f, 1, "POST elsewhere", body, strlen(body));
	return settled(f, op);
}

static void base64_of(char *body, size_t cap, const char *before, const uint8_t *data, size_t len)
{
	size_t n = (size_t)snprintf(body, cap, "%s", before);

	sodium_bin2base64(body + n, cap - n, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Compressed or encrypted, and then spelt. */
static void test_base64_of_opaque(void **state)
{
	struct fixture *f = *state;
	static char body[4096];
	const struct dfl_doc *d;

	base64_of(body, sizeof(body) - 3, "{\"payload\":\"", other, 900);
	strcat(body, "\"}");
	d = with_body(f, body);
	assert_int_equal(d->completeness.n_unread, 1);
	assert_string_equal(d->completeness.unread[0].why, "opaque");
	assert_in_range(d->completeness.unread[0].bytes, 1000, 1300);
	assert_false(d->completeness.complete);
}

/* Digests, long paths and names, tokens: none of these hides a text. */
static void test_base64_lookalikes(void **state)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	static const char
		claims[] = "{\"iss\":\"https://oidc.eks.example\",\"sub\":\"system:dify\"}";
	struct fixture *f = *state;
	static char body[4096];
	char hex[129];

	sodium_bin2hex(hex, sizeof(hex), other, 64);
	snprintf(body, sizeof(body),
		 "{\"sha256\":\"%.64s\",\"sha512\":\"%s\",\"path\":"
		 "\"/usr/local/lib/python3.12/site-packages/core/model_runtime/model_providers/"
		 "openai_api_compatible/llm/LargeLanguageModelImplementation\",\"token\":\"",
		 hex, hex);
	base64_of(body + strlen(body), 1000, "", (const uint8_t *)head, sizeof(head) - 1);
	base64_of(body + strlen(body), 1000, ".", (const uint8_t *)claims, sizeof(claims) - 1);
	base64_of(body + strlen(body), 1000, ".", other, 256);
	strcat(body, "\",\"digest\":\"");
	base64_of(body + strlen(body), 1000, "", other + 500, 64);
	strcat(body, "\"}");
	assert_true(with_body(f, body)->completeness.complete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_alike),
		cmocka_unit_test(test_found_anywhere),
		cmocka_unit_test(test_zeros_say_nothing),
		T(test_stored_as_it_is),
		T(test_among_other_bytes),
		T(test_data_uri),
		T(test_hex),
		T(test_part),
		T(test_another_file),
		T(test_text_file),
		T(test_base64_of_opaque),
		T(test_base64_lookalikes),
	};
	const uint8_t seed[randombytes_SEEDBYTES] = { 5 }, seed2[randombytes_SEEDBYTES] = { 6 };

	randombytes_buf_deterministic(file, sizeof(file), seed);
	randombytes_buf_deterministic(other, sizeof(other), seed2);
	return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
