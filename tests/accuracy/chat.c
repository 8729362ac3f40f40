// SPDX-License-Identifier: Apache-2.0
/* The legs of a synthetic chat on which the question goes: how Dify 1.13.3 spells it on each. */
#include "chat.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct wire w;
bool one_publisher;
unsigned in_flight, most;
struct conn publishers[PUBLISHERS];
static struct conn api_redis[POOL], worker_redis[POOL], worker_pg[POOL], brpop;

/* A text that is written piece by piece and sent as one call. */
static char *out_data;
static size_t out_len;

FILE *chat_begin(void)
{
	free(out_data);
	return open_memstream(&out_data, &out_len);
}

uint64_t chat_call(struct conn *c, bool out, FILE *f, bool may_be_lost)
{
	fclose(f);
	return wire_send(&w, c, out, out_data, out_len, may_be_lost);
}

void chat_note(struct request *r, const char *name, const char *field, bool whole, uint64_t ts_ns)
{
	unsigned i = 0;

	while (i < r->n_ops && (strcmp(r->ops[i].name, name) || strcmp(r->ops[i].field, field)))
		i++;
	if (i == MAX_OPS || (i < r->n_ops && r->ops[i].n == MAX_CALLS)) {
		fputs("a chat has more calls than can be noted\n", stderr);
		exit(2);
	}
	if (i == r->n_ops)
		r->ops[r->n_ops++] = (struct op){ .name = name, .field = field, .whole = whole };
	r->ops[i].calls[r->ops[i].n++] = ts_ns;
}

void chat_make_ids(struct request *r)
{
	for (int i = 0; i < 4; i++)
		snprintf(r->id[i], sizeof(r->id[i]), "%08x-%04x-4%03x-8%03x-%012x",
			 wire_dice(&w, 1 << 24), i, r->number & 0xfff, wire_dice(&w, 4096),
			 wire_dice(&w, 1 << 24));
}

/* What holds no field: only the time tells whose it is. */
void chat_say(struct request *r, struct conn *c, bool out, const char *text)
{
	chat_note(r, "other", "", false, wire_send(&w, c, out, text, strlen(text), false));
}

/* As the clients' pools do, which are stacks: mostly the same one. */
static struct conn *take(struct conn *pool)
{
	for (unsigned i = 0; i < POOL; i++)
		if (!pool[i].busy) {
			pool[i].busy = true;
			return &pool[i];
		}
	return NULL;
}

static bool give_back(struct request *r, const char *reply)
{
	chat_say(r, r->pool, false, reply);
	r->pool->busy = false;
	return true;
}

static bool inbound(struct request *r)
{
	char *body;
	size_t len;
	FILE *f = open_memstream(&body, &len);

	fputs("{\"inputs\": {}, \"query\": \"", f);
	put_json(f, r->text, false);
	fprintf(f,
		"\", \"response_mode\": \"streaming\", \"conversation_id\": \"%s\", \"user\": "
		"\"user-%u\"}",
		r->n_history ? r->id[CONVERSATION] : "", r->number);
	fclose(f);
	wire_conn(&w, &r->in, API, true, 20, 5, 5001, false);
	f = chat_begin();
	fprintf(f,
		"POST /v1/chat-messages HTTP/1.1\r\nHost: api\r\nX-Forwarded-For: "
		"198.51.100.%u\r\nX-Amzn-Trace-Id: Root=1-%08x-%024x\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		r->number % 250, 0x60000000 + r->number, r->number, len);
	fwrite(body, 1, len, f);
	chat_note(r, "POST", "query", true, chat_call(&r->in, false, f, false));
	free(body);
	in_flight++;
	most = in_flight > most ? in_flight : most;
	return true;
}

static bool subscribe(struct request *r)
{
	char channel[80];
	FILE *f = chat_begin();

	snprintf(channel, sizeof(channel), "channel:advanced-chat:%s", r->id[RUN]);
	wire_conn(&w, &r->sub, API, false, 20, 6, 6379, false);
	fprintf(f, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel);
	chat_note(r, "other", "", false, chat_call(&r->sub, true, f, true));
	f = chat_begin();
	fprintf(f, "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n%s\r\n:1\r\n", strlen(channel), channel);
	chat_note(r, "other", "", false, chat_call(&r->sub, false, f, true));
	return true;
}

/* JSON in JSON in base64 (docs: dify's tasks.py, kombu's envelope). */
static char *celery(const struct request *r, size_t *ret_len)
{
	char *inner, *args, *all;
	size_t len;
	FILE *f = open_memstream(&inner, &len);

	fprintf(f,
		"{\"app_id\": \"0f8fad5b-d9cb-469f-a165-70867728950e\", \"workflow_run_id\": "
		"\"%s\", \"args\": {\"inputs\": {}, \"query\": \"",
		r->id[RUN]);
	put_json(f, r->text, true);
	fputs("\"}}", f);
	fclose(f);
	f = open_memstream(&args, &len);
	fputs("[[\"", f);
	put_json(f, inner, true);
	fputs("\"], {}, {\"callbacks\": null}]", f);
	fclose(f);
	f = open_memstream(&all, ret_len);
	fputs("{\"body\": \"", f);
	put_base64(f, args, len);
	fprintf(f,
		"\", \"content-encoding\": \"utf-8\", \"headers\": {\"lang\": \"py\", \"id\": "
		"\"%s\"}, \"properties\": {\"body_encoding\": \"base64\"}}",
		r->id[RUN]);
	fclose(f);
	free(inner);
	free(args);
	return all;
}

static bool lpush(struct request *r)
{
	size_t len;
	char *body;
	FILE *f;

	r->pool = take(api_redis);
	if (!r->pool)
		return false;
	body = celery(r, &len);
	f = chat_begin();
	fputs("*3\r\n$5\r\nLPUSH\r\n$28\r\nworkflow_based_app_execution\r\n", f);
	put_resp(f, body, len);
	chat_note(r, "LPUSH", "query", true, chat_call(r->pool, true, f, true));
	free(body);
	return true;
}

static bool redis_reply(struct request *r)
{
	return give_back(r, ":1\r\n");
}

static bool pop(struct request *r)
{
	size_t len;
	char *body = celery(r, &len);
	FILE *f;

	chat_say(r, &brpop, true,
		 "*3\r\n$5\r\nBRPOP\r\n$28\r\nworkflow_based_app_execution\r\n$1\r\n1\r\n");
	f = chat_begin();
	fputs("*2\r\n$28\r\nworkflow_based_app_execution\r\n", f);
	put_resp(f, body, len);
	chat_note(r, "BRPOP", "query", true, chat_call(&brpop, false, f, true));
	free(body);
	return true;
}

static bool insert(struct request *r, const char *name, bool is_message)
{
	FILE *f, *inner;
	char *json = NULL;
	size_t len;

	r->pool = take(worker_pg);
	if (!r->pool)
		return false;
	f = chat_begin();
	fputs("Q....", f);
	if (is_message)
		fprintf(f,
			"INSERT INTO messages (id, conversation_id, query, answer) VALUES "
			"('%s'::uuid, '%s'::uuid, '",
			r->id[MESSAGE], r->id[CONVERSATION]);
	else
		fprintf(f,
			"INSERT INTO workflow_runs (id, inputs, status) VALUES ('%s'::uuid, "
			"'{\"sys.query\": \"",
			r->id[RUN]);
	if (!is_message) {
		inner = open_memstream(&json, &len);
		put_json(inner, r->text, true);
		fclose(inner);
	}
	put_sql(f, is_message ? r->text : json);
	free(json);
	fputs(is_message ? "', '')" : "\"}', 'running')", f);
	fputc(0, f);
	fflush(f);
	for (int i = 0; i < 4; i++)
		out_data[1 + i] = (char)((out_len - 1) >> (24 - 8 * i));
	chat_note(r, name, "query", true, chat_call(r->pool, true, f, true));
	return true;
}

static bool insert_message(struct request *r)
{
	return insert(r, "INSERT messages", true);
}

static bool insert_run(struct request *r)
{
	return insert(r, "INSERT workflow_runs", false);
}

/*
 * The first part of the text, under a key that no decoder knows: only the content tells whose it
 * is.
 */
static bool keep_part(struct request *r)
{
	size_t len = strlen(r->text) * 6 / 10;
	FILE *f;

	r->pool = take(worker_redis);
	if (!r->pool)
		return false;
	while ((r->text[len] & 0xc0) == 0x80)
		len++;
	f = chat_begin();
	fputs("*3\r\n$3\r\nSET\r\n$7\r\nsummary\r\n", f);
	put_resp(f, r->text, len);
	chat_note(r, "SET part", "query", false, chat_call(r->pool, true, f, true));
	return true;
}

static const char pg_done[] = "C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\x05I";

static bool pg_reply(struct request *r)
{
	chat_note(r, "other", "", false,
		  wire_send(&w, r->pool, false, pg_done, sizeof(pg_done) - 1, false));
	r->pool->busy = false;
	return true;
}

/* A message of Postgres: its type, its length, its body. */
static void put_pg(FILE *f, char type, const char *body, size_t len)
{
	const uint32_t be = htobe32((uint32_t)len + 4);

	fputc(type, f);
	fwrite(&be, sizeof(be), 1, f);
	fwrite(body, 1, len, f);
}

static void put_be(FILE *f, uint32_t value, unsigned size)
{
	while (size--)
		fputc((int)(value >> (8 * size)), f);
}

/* PostgreSQL documentation, 55.7: RowDescription of text columns without a table. */
static void put_columns(FILE *f, const char *const *names, unsigned n)
{
	char *body;
	size_t len;
	FILE *b = open_memstream(&body, &len);

	put_be(b, n, 2);
	for (unsigned i = 0; i < n; i++) {
		fwrite(names[i], 1, strlen(names[i]) + 1, b);
		put_be(b, 0, 6);
		put_be(b, 25, 4); /* text */
		put_be(b, 0xffff, 2);
		put_be(b, 0xffffffff, 4);
		put_be(b, 0, 2);
	}
	fclose(b);
	put_pg(f, 'T', body, len);
	free(body);
}

static void put_row(FILE *f, const struct turn *turn)
{
	const char *const columns[] = { turn->text, turn->answer };
	char *body;
	size_t len;
	FILE *b = open_memstream(&body, &len);

	put_be(b, 2, 2);
	for (int i = 0; i < 2; i++) {
		put_be(b, (uint32_t)strlen(columns[i]), 4);
		fputs(columns[i], b);
	}
	fclose(b);
	put_pg(f, 'D', body, len);
	free(body);
}

/* The worker reads what was said before. */
static bool read_history(struct request *r)
{
	static const char *const names[] = { "messages_query", "messages_answer" };
	char sql[256];
	FILE *f;

	if (!r->n_history)
		return true;
	r->pool = take(worker_pg);
	if (!r->pool)
		return false;
	snprintf(sql, sizeof(sql),
		 "SELECT messages.query AS messages_query, messages.answer AS messages_answer "
		 "\nFROM messages \nWHERE messages.conversation_id = '%s'::uuid",
		 r->id[CONVERSATION]);
	f = chat_begin();
	put_pg(f, 'Q', sql, strlen(sql) + 1);
	chat_note(r, "other", "", false, chat_call(r->pool, true, f, true));
	f = chat_begin();
	put_columns(f, names, 2);
	for (unsigned i = 0; i < r->n_history; i++)
		put_row(f, &r->history[i]);
	put_pg(f, 'C', "SELECT 1", sizeof("SELECT 1"));
	put_pg(f, 'Z', "I", 1);
	chat_note(r, "other", "", false, chat_call(r->pool, false, f, true));
	r->pool->busy = false;
	return true;
}

static void put_message(FILE *f, const char *role, const char *text)
{
	fprintf(f, "{\"role\": \"%s\", \"content\": \"", role);
	put_json(f, text, true);
	fputs("\"}", f);
}

/* The prompt: the system's part, what was said before, and the question. */
static void put_messages(FILE *f, const struct request *r)
{
	if (r->system) {
		put_message(f, "system", r->system);
		fputs(", ", f);
	}
	for (unsigned i = 0; i < r->n_history; i++) {
		put_message(f, "user", r->history[i].text);
		fputs(", ", f);
		put_message(f, "assistant", r->history[i].answer);
		fputs(", ", f);
	}
	put_message(f, "user", r->text);
}

static bool dispatch(struct request *r)
{
	char *body;
	size_t len;
	FILE *f;

	if (!read_history(r))
		return false;
	f = open_memstream(&body, &len);

	fprintf(f, "{\"user_id\": \"user-%u\", \"data\": {\"prompt_messages\": [", r->number);
	put_messages(f, r);
	fputs("]}}", f);
	fclose(f);
	wire_conn(&w, &r->daemon, WORKER, false, 10, 13, 5002, false);
	f = chat_begin();
	fprintf(f,
		"POST /plugin/0f8fad5b-d9cb-469f-a165-70867728950e/dispatch/llm/invoke "
		"HTTP/1.1\r\nHost: daemon\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		len);
	chat_note(r, "other", "", false, chat_call(&r->daemon, true, f, true));
	chat_note(r, "dispatch", "query", true, wire_send(&w, &r->daemon, true, body, len, true));
	free(body);
	return true;
}

static bool ask(struct request *r)
{
	char *body;
	size_t len;
	FILE *f = open_memstream(&body, &len);

	fputs("{\"model\": \"m\", \"messages\": [", f);
	put_messages(f, r);
	fputs("], \"stream\": true}", f);
	fclose(f);
	wire_conn(&w, &r->llm, PLUGIN, false, 113, 10, 443, true);
	f = chat_begin();
	fprintf(f,
		"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Type: "
		"application/json\r\nContent-Length: %zu\r\n\r\n",
		len);
	chat_note(r, "other", "", false, chat_call(&r->llm, true, f, true));
	chat_note(r, "ask", "query", true, wire_send(&w, &r->llm, true, body, len, true));
	free(body);
	r->delta = 0;
	return true;
}

static bool update(struct request *r)
{
	FILE *f;

	r->pool = take(worker_pg);
	if (!r->pool)
		return false;
	f = chat_begin();
	fputs("Q....UPDATE messages SET answer='", f);
	put_sql(f, r->answer);
	fprintf(f, "' WHERE messages.id = '%s'::uuid", r->id[MESSAGE]);
	fputc(0, f);
	fflush(f);
	for (int i = 0; i < 4; i++)
		out_data[1 + i] = (char)((out_len - 1) >> (24 - 8 * i));
	chat_note(r, "UPDATE messages", "answer", true, chat_call(r->pool, true, f, true));
	return true;
}

bool (*const steps[])(struct request *) = {
	inbound,  subscribe,	 lpush,	      redis_reply,   pop,	   insert_message,
	pg_reply, insert_run,	 pg_reply,    keep_part,     redis_reply,  chat_started,
	dispatch, ask,		 chat_answer, chat_answered, chat_pass_on, update,
	pg_reply, chat_finished, chat_end,    NULL,
};

void open_pools(void)
{
	wire_proc(&w, API, "/usr/bin/gunicorn", "gunicorn app:app");
	wire_proc(&w, WORKER, "/usr/bin/celery", "celery -A app.celery worker -P gevent");
	wire_proc(&w, PLUGIN, "/usr/bin/python3", "/usr/bin/python3 -m main");
	for (int i = 0; i < POOL; i++) {
		wire_conn(&w, &api_redis[i], API, false, 20, 6, 6379, false);
		wire_conn(&w, &worker_redis[i], WORKER, false, 20, 6, 6379, false);
		wire_conn(&w, &worker_pg[i], WORKER, false, 20, 7, 5432, false);
		wire_send(&w, &worker_pg[i], true, "\0\0\0\x0e\0\x03\0\0user\0a\0\0", 16, false);
		wire_send(&w, &worker_pg[i], false, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", 15, false);
	}
	for (int i = 0; i < PUBLISHERS; i++)
		wire_conn(&w, &publishers[i], WORKER, false, 20, 6, 6379, false);
	wire_conn(&w, &brpop, WORKER, false, 20, 6, 6379, false);
}
