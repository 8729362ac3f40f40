// SPDX-License-Identifier: Apache-2.0
/* The legs of a synthetic chat: how Dify 1.13.3 spells a text on each, and who tells whom. */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

struct wire w;
bool one_publisher;
unsigned in_flight, most;
static struct conn api_redis[POOL], worker_redis[POOL], worker_pg[POOL], publishers[PUBLISHERS], brpop;

/* A text that is written piece by piece and sent as one call. */
static char *out_data;
static size_t out_len;

static FILE *begin(void)
{
	free(out_data);
	return open_memstream(&out_data, &out_len);
}

static uint64_t call(struct conn *c, bool out, FILE *f, bool may_be_lost)
{
	fclose(f);
	return wire_send(&w, c, out, out_data, out_len, may_be_lost);
}

static void note(struct request *r, const char *name, const char *field, bool whole, uint64_t ts_ns)
{
	unsigned i = 0;

	while (i < r->n_ops && (strcmp(r->ops[i].name, name) || strcmp(r->ops[i].field, field)))
		i++;
	if (i == r->n_ops)
		r->ops[r->n_ops++] = (struct op){ .name = name, .field = field, .whole = whole };
	r->ops[i].calls[r->ops[i].n++] = ts_ns;
}

/* What holds no field: only the time tells whose it is. */
static void say(struct request *r, struct conn *c, bool out, const char *text)
{
	note(r, "other", "", false, wire_send(&w, c, out, text, strlen(text), false));
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
	say(r, r->pool, false, reply);
	r->pool->busy = false;
	return true;
}

static void chunk(FILE *f, const char *data, size_t len)
{
	fprintf(f, "%zx\r\n", len);
	fwrite(data, 1, len, f);
	fputs("\r\n", f);
}

static void publish(FILE *f, const struct request *r, const char *event, size_t len)
{
	char channel[80];

	snprintf(channel, sizeof(channel), "channel:advanced-chat:%s", r->id[RUN]);
	put_resp(f, channel, strlen(channel));
	put_resp(f, event, len);
}

static bool inbound(struct request *r)
{
	char *body;
	size_t len;
	FILE *f = open_memstream(&body, &len);

	fputs("{\"inputs\": {}, \"query\": \"", f);
	put_json(f, r->text, false);
	fprintf(f, "\", \"response_mode\": \"streaming\", \"conversation_id\": \"\", \"user\": \"user-%u\"}", r->number);
	fclose(f);
	wire_conn(&w, &r->in, API, true, 20, 5, 5001, false);
	f = begin();
	fprintf(f, "POST /v1/chat-messages HTTP/1.1\r\nHost: api\r\nX-Forwarded-For: 198.51.100.%u\r\nX-Amzn-Trace-Id: Root=1-%08x-%024x\r\n"
		   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", r->number % 250, 0x60000000 + r->number, r->number, len);
	fwrite(body, 1, len, f);
	note(r, "POST", "query", true, call(&r->in, false, f, false));
	free(body);
	in_flight++;
	most = in_flight > most ? in_flight : most;
	return true;
}

static bool subscribe(struct request *r)
{
	char channel[80];
	FILE *f = begin();

	snprintf(channel, sizeof(channel), "channel:advanced-chat:%s", r->id[RUN]);
	wire_conn(&w, &r->sub, API, false, 20, 6, 6379, false);
	fprintf(f, "*2\r\n$9\r\nSUBSCRIBE\r\n$%zu\r\n%s\r\n", strlen(channel), channel);
	note(r, "other", "", false, call(&r->sub, true, f, true));
	f = begin();
	fprintf(f, "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n%s\r\n:1\r\n", strlen(channel), channel);
	note(r, "other", "", false, call(&r->sub, false, f, true));
	return true;
}

/* JSON in JSON in base64 (docs: dify's tasks.py, kombu's envelope). */
static char *celery(const struct request *r, size_t *ret_len)
{
	char *inner, *args, *all;
	size_t len;
	FILE *f = open_memstream(&inner, &len);

	fprintf(f, "{\"app_id\": \"0f8fad5b-d9cb-469f-a165-70867728950e\", \"workflow_run_id\": \"%s\", \"args\": {\"inputs\": {}, \"query\": \"", r->id[RUN]);
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
	fprintf(f, "\", \"content-encoding\": \"utf-8\", \"headers\": {\"lang\": \"py\", \"id\": \"%s\"}, \"properties\": {\"body_encoding\": \"base64\"}}",
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
	f = begin();
	fputs("*3\r\n$5\r\nLPUSH\r\n$28\r\nworkflow_based_app_execution\r\n", f);
	put_resp(f, body, len);
	note(r, "LPUSH", "query", true, call(r->pool, true, f, true));
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

	say(r, &brpop, true, "*3\r\n$5\r\nBRPOP\r\n$28\r\nworkflow_based_app_execution\r\n$1\r\n1\r\n");
	f = begin();
	fputs("*2\r\n$28\r\nworkflow_based_app_execution\r\n", f);
	put_resp(f, body, len);
	note(r, "BRPOP", "query", true, call(&brpop, false, f, true));
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
	f = begin();
	fputs("Q....", f);
	if (is_message)
		fprintf(f, "INSERT INTO messages (id, conversation_id, query, answer) VALUES ('%s'::uuid, '%s'::uuid, '", r->id[MESSAGE], r->id[CONVERSATION]);
	else
		fprintf(f, "INSERT INTO workflow_runs (id, inputs, status) VALUES ('%s'::uuid, '{\"sys.query\": \"", r->id[RUN]);
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
	note(r, name, "query", true, call(r->pool, true, f, true));
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

/* The first part of the text, under a key that no decoder knows: only the content tells whose it is. */
static bool keep_part(struct request *r)
{
	size_t len = strlen(r->text) * 6 / 10;
	FILE *f;

	r->pool = take(worker_redis);
	if (!r->pool)
		return false;
	while ((r->text[len] & 0xc0) == 0x80)
		len++;
	f = begin();
	fputs("*3\r\n$3\r\nSET\r\n$7\r\nsummary\r\n", f);
	put_resp(f, r->text, len);
	note(r, "SET part", "query", false, call(r->pool, true, f, true));
	return true;
}

static const char pg_done[] = "C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\x05I";

static bool pg_reply(struct request *r)
{
	note(r, "other", "", false, wire_send(&w, r->pool, false, pg_done, sizeof(pg_done) - 1, false));
	r->pool->busy = false;
	return true;
}

/* One event of the run: worker to Redis, Redis to API, API to the client. */
static bool relay(struct request *r, const char *event, size_t len, const char *field, const char *const names[3])
{
	struct conn *c = &publishers[one_publisher ? 0 : r->number % PUBLISHERS];
	FILE *f = begin();

	fputs("*3\r\n$7\r\nPUBLISH\r\n", f);
	publish(f, r, event, len);
	note(r, names[0], field, true, call(c, true, f, true));
	say(r, c, false, ":1\r\n");
	f = begin();
	fputs("*3\r\n$7\r\nmessage\r\n", f);
	publish(f, r, event, len);
	note(r, names[1], field, true, call(&r->sub, false, f, true));
	f = begin();
	if (r->delta == 0)
		fputs("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n", f);
	fprintf(f, "%zx\r\ndata: ", len + 8);
	fwrite(event, 1, len, f);
	fputs("\n\n\r\n", f);
	note(r, names[2], field, true, call(&r->in, true, f, true));
	r->delta++;
	return true;
}

static void ids(FILE *f, const struct request *r, const char *event)
{
	fprintf(f, "{\"event\": \"%s\", \"conversation_id\": \"%s\", \"message_id\": \"%s\", \"task_id\": \"%s\", ", event, r->id[CONVERSATION],
		r->id[MESSAGE], r->id[TASK]);
}

static bool started(struct request *r)
{
	static const char *const names[] = { "PUBLISH started", "message started", "SSE started" };
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);
	bool done;

	ids(f, r, "workflow_started");
	fprintf(f, "\"workflow_run_id\": \"%s\", \"data\": {\"inputs\": {\"sys.query\": \"", r->id[RUN]);
	put_json(f, r->text, false);
	fputs("\"}}}", f);
	fclose(f);
	done = relay(r, event, len, "query", names);
	free(event);
	return done;
}

static bool dispatch(struct request *r)
{
	char *body;
	size_t len;
	FILE *f = open_memstream(&body, &len);

	fprintf(f, "{\"user_id\": \"user-%u\", \"data\": {\"prompt_messages\": [{\"role\": \"user\", \"content\": \"", r->number);
	put_json(f, r->text, true);
	fputs("\"}]}}", f);
	fclose(f);
	wire_conn(&w, &r->daemon, WORKER, false, 10, 13, 5002, false);
	f = begin();
	fprintf(f, "POST /plugin/0f8fad5b-d9cb-469f-a165-70867728950e/dispatch/llm/invoke HTTP/1.1\r\nHost: daemon\r\n"
		   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", len);
	note(r, "other", "", false, call(&r->daemon, true, f, true));
	note(r, "dispatch", "query", true, wire_send(&w, &r->daemon, true, body, len, true));
	free(body);
	return true;
}

static bool ask(struct request *r)
{
	char *body;
	size_t len;
	FILE *f = open_memstream(&body, &len);

	fputs("{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"", f);
	put_json(f, r->text, true);
	fputs("\"}], \"stream\": true}", f);
	fclose(f);
	wire_conn(&w, &r->llm, PLUGIN, false, 113, 10, 443, true);
	f = begin();
	fprintf(f, "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", len);
	note(r, "other", "", false, call(&r->llm, true, f, true));
	note(r, "ask", "query", true, wire_send(&w, &r->llm, true, body, len, true));
	free(body);
	r->delta = 0;
	return true;
}

/* A delta of the answer, as the model or the daemon sends it. */
static void delta(struct request *r, struct conn *c, const char *name, const char *before, const char *after, bool may_be_lost)
{
	size_t size = strlen(r->answer) / N_DELTAS, from = r->delta * size;
	size_t n = r->delta == N_DELTAS - 1 ? strlen(r->answer) - from : size;
	char event[1024];
	FILE *f = begin();
	int len;

	if (!r->delta)
		fputs("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", f);
	len = snprintf(event, sizeof(event), "data: %s%.*s%s\n\n", before, (int)n, r->answer + from, after);
	chunk(f, event, (size_t)len);
	if (r->delta == N_DELTAS - 1)
		fputs("0\r\n\r\n", f);
	note(r, name, "answer", true, call(c, false, f, may_be_lost));
}

static bool answer(struct request *r)
{
	delta(r, &r->llm, "model", "{\"choices\":[{\"delta\":{\"content\":\"", "\"}}]}", true);
	delta(r, &r->daemon, "daemon", "{\"code\":0,\"data\":{\"delta\":{\"message\":{\"content\":\"", "\"}}}}", true);
	return ++r->delta == N_DELTAS;
}

static bool answered(struct request *r)
{
	wire_close(&w, &r->llm);
	wire_close(&w, &r->daemon);
	r->delta = 1;
	return true;
}

static bool pass_on(struct request *r)
{
	static const char *const names[] = { "PUBLISH answer", "message answer", "SSE answer" };
	size_t size = strlen(r->answer) / N_DELTAS, from = (r->delta - 1) * size;
	size_t n = r->delta == N_DELTAS ? strlen(r->answer) - from : size, len;
	char *event;
	FILE *f = open_memstream(&event, &len);

	ids(f, r, "message");
	fprintf(f, "\"answer\": \"%.*s\"}", (int)n, r->answer + from);
	fclose(f);
	relay(r, event, len, "answer", names);
	free(event);
	return r->delta > N_DELTAS;
}

static bool update(struct request *r)
{
	FILE *f;

	r->pool = take(worker_pg);
	if (!r->pool)
		return false;
	f = begin();
	fprintf(f, "Q....UPDATE messages SET answer='%s' WHERE messages.id = '%s'::uuid", r->answer, r->id[MESSAGE]);
	fputc(0, f);
	fflush(f);
	for (int i = 0; i < 4; i++)
		out_data[1 + i] = (char)((out_len - 1) >> (24 - 8 * i));
	note(r, "UPDATE messages", "answer", true, call(r->pool, true, f, true));
	return true;
}

static bool finished(struct request *r)
{
	static const char *const names[] = { "other", "other", "other" };
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);
	bool done;

	ids(f, r, "workflow_finished");
	fprintf(f, "\"workflow_run_id\": \"%s\", \"data\": {\"status\": \"succeeded\"}}", r->id[RUN]);
	fclose(f);
	done = relay(r, event, len, "", names);
	free(event);
	return done;
}

static bool end(struct request *r)
{
	char event[512];
	FILE *f = fmemopen(event, sizeof(event), "w");

	ids(f, r, "message_end");
	fputs("\"metadata\": {}}", f);
	fclose(f);
	f = begin();
	fprintf(f, "%zx\r\ndata: %s\n\n\r\n0\r\n\r\n", strlen(event) + 8, event);
	note(r, "other", "", false, call(&r->in, true, f, false));
	wire_close(&w, &r->sub);
	wire_close(&w, &r->in);
	in_flight--;
	return true;
}

bool (*const steps[])(struct request *) = { inbound, subscribe, lpush, redis_reply, pop, insert_message, pg_reply, insert_run, pg_reply, keep_part, redis_reply,
						   started, dispatch, ask, answer, answered, pass_on, update, pg_reply, finished, end, NULL };

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
