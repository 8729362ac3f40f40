// SPDX-License-Identifier: Apache-2.0
/*
 * Scans traffic that has nothing to do with any request, while 100 requests are open, and counts
 * the hops that come of it. Right is none.
 *
 *   unrelated KIND BYTES SEED [OLD] <texts  texts: each ended by a NUL, one a request
 *
 * KIND: random english japanese json base64. Goes through the trace stage: what it calls a hop is
 * one.
 *
 * OLD: so many texts were asked before and are out of memory, of the words and in the frames of the
 * traffic. Then each operation is one of the open requests', by an id: so what is taken for history
 * becomes a hop, and only that counts. At the end one of those texts does return: "known" has to
 * be 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "trace/trace.h"

enum {
	PIECE = 16384,
	/* bytes of one message */ MAX_TEXTS = 1 << 22,
	N_WORDS = 4096,
	N_CHARS = 2000
};
#define MS 1000000ull

#define RETURNS "POST /what/returns"

static uint64_t state;
static char old_text[600]; /* the last one */
static uint64_t now_ns = 1000000000;
static unsigned weak, inbound, history, known, n_texts, n_old;

/* splitmix64 (Vigna, prng.di.unimi.it): the same numbers everywhere. */
static uint64_t dice(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static char words[N_WORDS][12];
static char chars[N_CHARS][4];

static void make_language(void)
{
	static const char consonants[] = "bcdfghjklmnprstvwz", vowels[] = "aeiou";

	for (int i = 0; i < N_WORDS; i++) {
		unsigned n = 1 + dice() % 4;

		for (unsigned k = 0; k < n; k++) {
			words[i][2 * k] = consonants[dice() % (sizeof(consonants) - 1)];
			words[i][2 * k + 1] = vowels[dice() % 5];
		}
	}
	for (int i = 0; i < N_CHARS; i++) {
		uint32_t c = i % 3 ? 0x4e00 + dice() % 6000 : 0x3042 + dice() % 82;

		chars[i][0] = (char)(0xe0 | c >> 12);
		chars[i][1] = (char)(0x80 | (c >> 6 & 0x3f));
		chars[i][2] = (char)(0x80 | (c & 0x3f));
	}
}

/* Common words come often: the smaller of two throws, twice. */
static unsigned zipf(unsigned n)
{
	unsigned a = dice() % n, b = dice() % n, c = dice() % n;

	a = a < b ? a : b;
	return a < c ? a : c;
}

static size_t random_bytes(char *to, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t v = dice();

		memcpy(to + i, &v, 8);
	}
	return len / 8 * 8;
}

static size_t english(char *to, size_t len)
{
	size_t n = 0;

	while (n + 16 < len)
		n += (size_t)sprintf(to + n, "%s%s", words[zipf(N_WORDS)],
				     dice() % 12 ? " " : ". ");
	return n;
}

static size_t japanese(char *to, size_t len)
{
	size_t n = 0;

	while (n + 8 < len)
		n += (size_t)sprintf(to + n, "%s%s", chars[zipf(N_CHARS)], dice() % 20 ? "" : "。");
	return n;
}

/* The frames of chats: what all of them have in common, and a text of their own. */
static size_t json(char *to, size_t len)
{
	size_t n = 0;

	while (n + 600 < len) {
		n += (size_t)sprintf(
			to + n,
			"{\"event\": \"message\", \"message_id\": "
			"\"%08x-%04x-4%03x-8%03x-%012" PRIx64 "\", \"created_at\": %u, "
			"\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"system\", \"content\": "
			"\"You are a helpful assistant.\"}, "
			"{\"role\": \"user\", \"content\": \"Please tell me about ",
			(unsigned)dice(), (unsigned)dice() & 0xffff, (unsigned)dice() & 0xfff,
			(unsigned)dice() & 0xfff, dice() & 0xffffffffffff,
			1700000000 + (unsigned)(dice() % 100000000));
		n += dice() % 2 ? english(to + n, 60 + dice() % 200) :
				  japanese(to + n, 60 + dice() % 200);
		n += (size_t)sprintf(
			to + n,
			"について教えてください\"}], \"temperature\": 0.7, \"stream\": true}\n");
	}
	return n;
}

/* Of JSON: so that what is inside is looked at too. */
static size_t base64(char *to, size_t len)
{
	static const char
		digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static char inner[PIECE];
	size_t from = json(inner, len * 3 / 4 - 4), n = 0;

	for (size_t i = 0; i + 3 <= from; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)inner[i] << 16 |
			     (uint32_t)(uint8_t)inner[i + 1] << 8 | (uint8_t)inner[i + 2];

		for (int k = 18; k >= 0; k -= 6)
			to[n++] = digits[v >> k & 63];
	}
	to[n++] = '\n';
	return n;
}

static const struct kind {
	const char *name;
	size_t (*fill)(char *to, size_t len);
} kinds[] = { { "random", random_bytes },
	      { "english", english },
	      { "japanese", japanese },
	      { "json", json },
	      { "base64", base64 } };

static struct dfl_conn conns[2];

static void on_store(void *ud, const struct dfl_doc *doc)
{
	weak += doc->weak_matches;
	for (size_t i = 0; i < doc->n_hops && doc->settled; i++)
		if (!strcmp(doc->hops[i].coverage_basis, "sampled"))
			(!strcmp(doc->hops[i].operation, RETURNS) ? known++ : history++);
}

static void tick(struct dfl_trace *t)
{
	struct dfl_event ev = { .type = DFL_EV_TICK, .ts_ns = now_ns };

	dfl_trace_event(t, &ev);
}

static struct dfl_trace *new_trace(const struct dfl_rules *rules)
{
	struct dfl_event node = { .type = DFL_EV_NODE,
				  .ts_ns = now_ns,
				  .node = { "node", "host", "boot", 0 } };
	struct dfl_trace_opts opts = { .rules = rules, .on_store = on_store };
	struct dfl_trace *t;

	if (dfl_trace_new(&opts, &t))
		exit(2);
	dfl_trace_event(t, &node);
	for (int i = 0; i < 2; i++) {
		const uint8_t ip[4] = { 10, 0, 0, (uint8_t)i };

		conns[i] = (struct dfl_conn){ .id = (uint64_t)i + 1,
					      .medium = DFL_TCP,
					      .role_known = true };
		dfl_addr_set(&conns[i].end[0].addr, AF_INET, ip, 40000);
		dfl_addr_set(&conns[i].end[1].addr, AF_INET, ip, i ? 9999 : 5001);
		dfl_trace_conn(t, &conns[i]);
	}
	return t;
}

static struct dfl_op *ask(struct dfl_trace *t, const char *text, unsigned number)
{
	const struct dfl_decode_sink *k = dfl_trace_sink(t);
	struct dfl_op_desc d = { .protocol = "http",
				 .operation = "POST /v1/chat-messages",
				 .ttl_s = -1 };
	struct dfl_op *op = k->op_begin(k->ud, &conns[0], &d, now_ns);
	struct dfl_src *s = k->source_begin(k->ud, op, "query", DFL_REQUEST);
	static uint64_t pos;
	char id[32];

	snprintf(id, sizeof(id), "message-%u", number);
	k->op_id(k->ud, op, DFL_ID_MESSAGE, id, strlen(id));

	k->source_append(k->ud, s, text, strlen(text), pos, strlen(text), now_ns);
	k->source_end(k->ud, s, now_ns);
	pos += strlen(text); /* op stays open: the answer is awaited */
	now_ns += MS;
	inbound++;
	return op;
}

/* They were answered, and their text is let go. */
static void ask_before(struct dfl_trace *t, unsigned n)
{
	const struct dfl_decode_sink *k = dfl_trace_sink(t);

	for (unsigned i = 0; i < n; i++) {
		size_t len = (size_t)sprintf(old_text, "Please tell me about ");

		len += dice() % 2 ? english(old_text + len, 60 + dice() % 400) :
				    japanese(old_text + len, 60 + dice() % 400);
		sprintf(old_text + len, "について教えてください");
		k->op_end(k->ud, ask(t, old_text, 1000000 + i), now_ns);
		if (i % 1000 && i + 1 < n)
			continue;
		for (unsigned s = 0; s < 2; s++) { /* they settle; they go */
			now_ns += 1000 * 1000 * MS;
			tick(t);
		}
	}
}

static struct dfl_op *tied; /* NULL: none */

static struct dfl_op *begin_tied(struct dfl_trace *t, const char *operation, unsigned number)
{
	const struct dfl_decode_sink *k = dfl_trace_sink(t);
	struct dfl_op_desc d = { .protocol = "http", .operation = operation, .ttl_s = -1 };
	char id[32];

	snprintf(id, sizeof(id), "message-%u", number);
	tied = k->op_begin(k->ud, &conns[1], &d, now_ns);
	k->op_id(k->ud, tied, DFL_ID_MESSAGE, id, strlen(id));
	return tied;
}

static void end_tied(struct dfl_trace *t)
{
	const struct dfl_decode_sink *k = dfl_trace_sink(t);

	if (tied)
		k->op_end(k->ud, tied, now_ns);
	tied = NULL;
}

static void see(struct dfl_trace *t, const char *operation, unsigned number, const char *piece,
		size_t len, uint64_t pos)
{
	const struct dfl_decode_sink *k = dfl_trace_sink(t);
	struct dfl_view_desc d = { .dir = DFL_REQUEST };
	struct dfl_chunk chunk = { .layer = DFL_WIRE, .pos = pos, .ts_ns = now_ns += MS / 100 };
	struct dfl_view *v = k->view_open(
		k->ud, &conns[1], n_old ? begin_tied(t, operation, number % n_texts) : NULL, &d);

	k->view_data(k->ud, v, piece, len, pos, len, &chunk);
	end_tied(t);
	k->view_close(k->ud, v);
}

static void scan(struct dfl_trace *t, const struct kind *kind, uint64_t bytes)
{
	static char piece[PIECE];
	uint64_t pos = 0;

	for (unsigned n = 0; pos < bytes; n++) {
		size_t len = kind->fill(piece, sizeof(piece));

		see(t, "POST /v1/chat/completions", n, piece, len, pos);
		pos += len;
		if (n % 100 == 0)
			tick(t);
	}
	if (n_old)
		see(t, RETURNS, 0, old_text, strlen(old_text), pos);
	printf("{\"kind\": \"%s\", \"bytes\": %" PRIu64 ", ", kind->name, pos);
}

int main(int argc, char **argv)
{
	const struct kind *kind = kinds;
	struct dfl_trace_stats stats;
	struct dfl_rules *rules;
	struct dfl_trace *t;
	static char texts[MAX_TEXTS];
	struct dfl_err err;
	size_t len;

	if (argc != 4 && argc != 5)
		return fprintf(stderr, "usage: unrelated KIND BYTES SEED [OLD] <texts\n"), 2;
	while (strcmp(kind->name, argv[1]))
		if (++kind == kinds + sizeof(kinds) / sizeof(kinds[0]))
			return fprintf(stderr, "unrelated: no kind %s\n", argv[1]), 2;
	state = strtoull(argv[3], NULL, 0);
	make_language();
	if (dfl_rules_load(NULL, &rules, &err))
		return fprintf(stderr, "%s\n", err.msg), 2;
	t = new_trace(rules);
	len = fread(texts, 1, sizeof(texts) - 1, stdin);
	n_old = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 0) : 0;
	ask_before(t, n_old);
	for (char *p = texts; p < texts + len; p += strlen(p) + 1)
		ask(t, p, n_texts++);
	scan(t, kind, strtoull(argv[2], NULL, 0));
	dfl_trace_stats(t, &stats);
	if (n_old) { /* they settle, and are stored once more */
		now_ns += 2000 * 1000 * MS;
		tick(t);
	}
	dfl_trace_finish(t);
	printf("\"requests\": %" PRIu64 ", \"hops\": %" PRIu64
	       ", \"weak_matches\": %u, \"old_texts\": %" PRIu64 ", \"fingerprints\": %" PRIu64
	       ", \"history\": %u, \"known\": %u}\n",
	       stats.requests, stats.hops - inbound, weak, stats.match.old_texts,
	       stats.match.prints, history, known);
	for (int i = 0; i < 2; i++)
		dfl_trace_close(t, &conns[i], now_ns);
	dfl_trace_free(t);
	dfl_rules_free(rules);
	return stats.requests != inbound;
}
