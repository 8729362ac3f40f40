// SPDX-License-Identifier: Apache-2.0
/*
 * The way back: the model's deltas, and the events of the run, from the worker over Redis to the
 * client.
 */
#include "chat.h"

#include <stdlib.h>
#include <string.h>

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

/* One event of the run: worker to Redis, Redis to API, API to the client. */
static bool relay(struct request *r, const char *event, size_t len, const char *field,
		  const char *const names[3])
{
	struct conn *c = &publishers[one_publisher ? 0 : r->number % PUBLISHERS];
	FILE *f = chat_begin();

	fputs("*3\r\n$7\r\nPUBLISH\r\n", f);
	publish(f, r, event, len);
	chat_note(r, names[0], field, true, chat_call(c, true, f, true));
	chat_say(r, c, false, ":1\r\n");
	f = chat_begin();
	fputs("*3\r\n$7\r\nmessage\r\n", f);
	publish(f, r, event, len);
	chat_note(r, names[1], field, true, chat_call(&r->sub, false, f, true));
	f = chat_begin();
	if (r->delta == 0)
		fputs("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; "
		      "charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n",
		      f);
	fprintf(f, "%zx\r\ndata: ", len + 8);
	fwrite(event, 1, len, f);
	fputs("\n\n\r\n", f);
	chat_note(r, names[2], field, true, chat_call(&r->in, true, f, true));
	r->delta++;
	return true;
}

static void ids(FILE *f, const struct request *r, const char *event)
{
	fprintf(f,
		"{\"event\": \"%s\", \"conversation_id\": \"%s\", \"message_id\": \"%s\", "
		"\"task_id\": \"%s\", ",
		event, r->id[CONVERSATION], r->id[MESSAGE], r->id[TASK]);
}

bool chat_started(struct request *r)
{
	static const char *const names[] = { "PUBLISH started", "message started", "SSE started" };
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);
	bool done;

	ids(f, r, "workflow_started");
	fprintf(f, "\"workflow_run_id\": \"%s\", \"data\": {\"inputs\": {\"sys.query\": \"",
		r->id[RUN]);
	put_json(f, r->text, false);
	fputs("\"}}}", f);
	fclose(f);
	done = relay(r, event, len, "query", names);
	free(event);
	return done;
}

/* Where piece i of the answer begins: never inside a character. */
static size_t piece_at(const struct request *r, unsigned i)
{
	size_t len = strlen(r->answer), at = len / r->n_deltas * i;

	if (i >= r->n_deltas)
		return len;
	while ((r->answer[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void put_piece(FILE *f, const struct request *r, unsigned i)
{
	size_t from = piece_at(r, i);
	char *piece = strndup(r->answer + from, piece_at(r, i + 1) - from);

	put_json(f, piece, false);
	free(piece);
}

/* A delta of the answer, as the model or the daemon sends it. */
static void delta(struct request *r, struct conn *c, const char *name, const char *before,
		  const char *after, bool may_be_lost)
{
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);

	fprintf(f, "data: %s", before);
	put_piece(f, r, r->delta);
	fprintf(f, "%s\n\n", after);
	fclose(f);
	f = chat_begin();
	if (!r->delta)
		fputs("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
		      "chunked\r\n\r\n",
		      f);
	chunk(f, event, len);
	free(event);
	if (r->delta == r->n_deltas - 1)
		fputs("0\r\n\r\n", f);
	chat_note(r, name, "answer", true, chat_call(c, false, f, may_be_lost));
}

bool chat_answer(struct request *r)
{
	delta(r, &r->llm, "model", "{\"choices\":[{\"delta\":{\"content\":\"", "\"}}]}", true);
	delta(r, &r->daemon, "daemon",
	      "{\"code\":0,\"data\":{\"delta\":{\"message\":{\"content\":\"", "\"}}}}", true);
	return ++r->delta == r->n_deltas;
}

bool chat_answered(struct request *r)
{
	wire_close(&w, &r->llm);
	wire_close(&w, &r->daemon);
	r->delta = 1;
	return true;
}

bool chat_pass_on(struct request *r)
{
	static const char *const names[] = { "PUBLISH answer", "message answer", "SSE answer" };
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);

	ids(f, r, "message");
	fputs("\"answer\": \"", f);
	put_piece(f, r, r->delta - 1);
	fputs("\"}", f);
	fclose(f);
	relay(r, event, len, "answer", names);
	free(event);
	return r->delta > r->n_deltas;
}

bool chat_finished(struct request *r)
{
	static const char *const names[] = { "other", "other", "other" };
	char *event;
	size_t len;
	FILE *f = open_memstream(&event, &len);
	bool done;

	ids(f, r, "workflow_finished");
	fprintf(f, "\"workflow_run_id\": \"%s\", \"data\": {\"status\": \"succeeded\"}}",
		r->id[RUN]);
	fclose(f);
	done = relay(r, event, len, "", names);
	free(event);
	return done;
}

bool chat_end(struct request *r)
{
	char event[512];
	FILE *f = fmemopen(event, sizeof(event), "w");

	ids(f, r, "message_end");
	fputs("\"metadata\": {}}", f);
	fclose(f);
	f = chat_begin();
	fprintf(f, "%zx\r\ndata: %s\n\n\r\n0\r\n\r\n", strlen(event) + 8, event);
	chat_note(r, "other", "", false, chat_call(&r->in, true, f, false));
	wire_close(&w, &r->sub);
	wire_close(&w, &r->in);
	in_flight--;
	return true;
}
