// SPDX-License-Identifier: Apache-2.0
/*
 * Which JSON fields carry ids, sources and answers, and what is done with them.
 *
 * The tokenizer (json.h) calls back with the path of each value; the first rule of the set that
 * fits says what it is: ID         is checked and told; SOURCE     its text is text to look for;
 *   ANSWER     its text goes into one view for the whole reply, delta after delta;
 *   OUTPUT     the same, but only when no delta came before: workflows repeat the answer at the
 * end; RETRIEVED, TOOL  its text is a view; what a tool gave may be an object, then that text is;
 *   VECTOR     numbers or base64, spelt anew (vector.h);
 *   EVENT, NODE  are kept until the document ends, because rules may depend on them;
 *   NOTHING    is kept out of the rules below it.
 */
#include "decode/dify/json_fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/emit.h"

/* What a field is. */
enum what { ID, EVENT, NODE, ANSWER, OUTPUT, SOURCE, VECTOR, RETRIEVED, TOOL, NOTHING };

struct dfl_json_field_rule {
	const char *path; /* '*' stands for one key, "**" for a path of any length */
	enum what what;
	enum dfl_id_kind id;
	const char *events[2]; /* only in events of these names, or without a name; NULL: in any */
	const char *node;      /* and only of a workflow's node of this type; NULL: of any */
};

/* dify: controllers/service_api/app/{completion,workflow}.py */
static const struct dfl_json_field_rule request_rules[] = {
	{ "query", SOURCE },
	{ "inputs.**.upload_file_id", ID, DFL_ID_UPLOAD_FILE },
	{ "inputs.**.transfer_method", NOTHING }, /* of a file: "local_file" */
	{ "inputs.**", SOURCE },
	{ "text", SOURCE }, /* POST …/document/create-by-text */
	{ "conversation_id", ID, DFL_ID_CONVERSATION },
	{ "files[].upload_file_id", ID, DFL_ID_UPLOAD_FILE },
	{ "?", SOURCE }, /* the path is too long to tell */
	{ NULL },
};

/* Of routes whose bodies are not known, or are the users' own: each string is text. */
static const struct dfl_json_field_rule any_rules[] = {
	{ "", SOURCE },
	{ "**", SOURCE },
	{ NULL },
};

/* JSON-RPC of the Model Context Protocol, "Calling Tools" (dify: core/mcp/server). */
static const struct dfl_json_field_rule mcp_rules[] = {
	{ "params.arguments.**", SOURCE },
	{ "?", SOURCE },
	{ NULL },
};

static const struct dfl_json_field_rule mcp_reply_rules[] = {
	{ "result.content[].text", ANSWER },
	{ NULL },
};

/*
 * Members that hold credentials. In a body of which nothing is known, their values and all that
 * they contain are no text to look for.
 */
static const char *const secret_keys[] = {
	"password",
	"new_password",
	"password_confirm",
	"repeat_new_password",
	"passwd",
	"token",
	"access_token",
	"refresh_token",
	"api_key",
	"apikey",
	"secret",
	"client_secret",
	"authorization",
	"private_key",
	"credentials",
	"credential",
	NULL,
};

#define NODE_DONE "node_finished", "node_finished"

/*
 * "event" is the first key that Dify writes, and a node's type comes before its outputs (dify:
 * core/app/entities/task_entities.py).
 */
static const struct dfl_json_field_rule event_rules[] = {
	{ "event", EVENT },
	{ "message_id", ID, DFL_ID_MESSAGE },
	{ "conversation_id", ID, DFL_ID_CONVERSATION },
	{ "task_id", ID, DFL_ID_TASK },
	{ "workflow_run_id", ID, DFL_ID_WORKFLOW_RUN },
	{ "answer", ANSWER, 0, { "message", "agent_message" } },
	{ "data.text", ANSWER, 0, { "text_chunk", "text_chunk" } },
	{ "data.outputs.*", OUTPUT, 0, { "workflow_finished", "workflow_finished" } },
	{ "data.node_type", NODE },
	{ "data.outputs.result[].content", RETRIEVED, 0, { NODE_DONE }, "knowledge-retrieval" },
	{ "data.outputs.text", TOOL, 0, { NODE_DONE }, "tool" },
	{ "data.outputs.json", TOOL, 0, { NODE_DONE }, "tool" },
	{ "data.outputs.body", TOOL, 0, { NODE_DONE }, "http-request" },
	{ "observation", TOOL, 0, { "agent_thought", "agent_thought" } },
	{ "metadata.retriever_resources[].content", RETRIEVED, 0, { "message_end", "message" } },
	{ NULL },
};

/* dify: fields/{file,document}_fields.py */
static const struct dfl_json_field_rule uploaded_rules[] = {
	{ "id", ID, DFL_ID_UPLOAD_FILE },
	{ "document.id", ID, DFL_ID_DOCUMENT }, /* of a dataset */
	{ "document.data_source_info.upload_file_id", ID, DFL_ID_UPLOAD_FILE },
	{ NULL },
};

/* The vendors' API references; dify: core/plugin/impl/model.py */
static const struct dfl_json_field_rule model_rules[] = {
	{ "choices[].delta.content", ANSWER },	     /* OpenAI, streaming */
	{ "choices[].message.content", ANSWER },     /* OpenAI, blocking */
	{ "choices[].text", ANSWER },		     /* OpenAI completions */
	{ "delta.text", ANSWER },		     /* Anthropic, Bedrock: content block delta */
	{ "content[].text", ANSWER },		     /* Anthropic, blocking */
	{ "output.message.content[].text", ANSWER }, /* Bedrock, blocking */
	{ "data.delta.message.content", ANSWER },    /* plugin daemon */
	{ "data[].embedding[]", VECTOR },	     /* OpenAI */
	{ "data[].embedding", VECTOR },		     /* the same in base64 */
	{ "data.embeddings[][]", VECTOR },	     /* plugin daemon */
	{ "embeddings[][]", VECTOR },		     /* Cohere, Ollama */
	{ "embeddings.float[][]", VECTOR },	     /* Cohere */
	{ "embedding[]", VECTOR },		     /* Amazon Titan */
	{ "data.docs[].text", RETRIEVED },	     /* plugin daemon: rerank */
	{ "results[].document.text", RETRIEVED },    /* Jina, Cohere: rerank */
	{ NULL },
};

/* dify: core/plugin/impl/tool.py; of the calls of models these ids are null */
static const struct dfl_json_field_rule dispatch_rules[] = {
	{ "message_id", ID, DFL_ID_MESSAGE },
	{ "conversation_id", ID, DFL_ID_CONVERSATION },
	{ NULL },
};

/* dify-plugin-sdks: entities/invoke_message.py */
static const struct dfl_json_field_rule tool_rules[] = {
	{ "data.message.text", TOOL },
	{ "data.message.json_object", TOOL },
	{ "data.message.variable_value", TOOL },
	{ NULL },
};

/* The same messages: text is the answer, a log tells what a tool gave. */
static const struct dfl_json_field_rule agent_rules[] = {
	{ "data.message.text", ANSWER },
	{ "data.message.data.output.tool_response", TOOL },
	{ NULL },
};

/* dify: core/rag/datasource/vdb/{qdrant,elasticsearch,opensearch} */
static const struct dfl_json_field_rule search_rules[] = {
	{ "vector[]", VECTOR },		 /* Qdrant: points/search */
	{ "query[]", VECTOR },		 /* Qdrant: points/query */
	{ "points[].vector[]", VECTOR }, /* Qdrant: what is put in */
	{ "knn.query_vector[]", VECTOR },
	{ "query.knn.*.vector[]", VECTOR },
	{ NULL },
};

static const struct dfl_json_field_rule hit_rules[] = {
	{ "result[].payload.page_content", RETRIEVED },
	{ "result.points[].payload.page_content", RETRIEVED },
	{ "hits.hits[]._source.page_content", RETRIEVED },
	{ "records[].content", RETRIEVED }, /* services/external_knowledge_service.py */
	{ NULL },
};

/* dify: fields/hit_testing_fields.py; external: services/hit_testing_service.py */
static const struct dfl_json_field_rule retrieved_rules[] = {
	{ "records[].segment.content", RETRIEVED },
	{ "records[].content", RETRIEVED },
	{ NULL },
};

/* dify-plugin-sdks: the same as the daemon's replies, one level deeper */
static const struct dfl_json_field_rule plugin_rules[] = {
	{ "data.data.delta.message.content", ANSWER },
	{ "data.data.embeddings[][]", VECTOR },
	{ NULL },
};

/* Arguments of Dify's tasks (dify: tasks/). */
static const struct dfl_json_field_rule task_rules[] = {
	{ "workflow_run_id", ID, DFL_ID_WORKFLOW_RUN },
	{ "args.conversation_id", ID, DFL_ID_CONVERSATION },
	{ "message_id", ID, DFL_ID_MESSAGE },
	{ "task_id", ID, DFL_ID_TASK },
	{ NULL },
};

static const struct dfl_json_field_rule *const rule_sets[] = {
	[DFL_FIELDS_REQUEST] = request_rules,
	[DFL_FIELDS_EVENT] = event_rules,
	[DFL_FIELDS_UPLOADED] = uploaded_rules,
	[DFL_FIELDS_MODEL] = model_rules,
	[DFL_FIELDS_PLUGIN] = plugin_rules,
	[DFL_FIELDS_TASK] = task_rules,
	[DFL_FIELDS_DISPATCH] = dispatch_rules,
	[DFL_FIELDS_TOOL] = tool_rules,
	[DFL_FIELDS_AGENT] = agent_rules,
	[DFL_FIELDS_SEARCH] = search_rules,
	[DFL_FIELDS_HITS] = hit_rules,
	[DFL_FIELDS_ANY] = any_rules,
	[DFL_FIELDS_RETRIEVED] = retrieved_rules,
	[DFL_FIELDS_MCP] = mcp_rules,
	[DFL_FIELDS_MCP_REPLY] = mcp_reply_rules,
};

/*
 * Events after which no delta of the same answer comes (dify: core/app/entities/task_entities.py).
 */
static const char *const last_events[] = { "message_end", "workflow_finished", "error", NULL };

/* rule: what follows "**"; it stands at the end of the path, and something before it. */
static bool tail_matches(const char *rule, const char *path)
{
	size_t n = strlen(rule), len = strlen(path);

	return len > n && !strcmp(path + len - n, rule);
}

static bool path_matches(const char *rule, const char *path)
{
	while (*rule && *path) {
		if (rule[0] == '*' && rule[1] == '*')
			return tail_matches(rule + 2, path);
		if (*rule == '*') {
			size_t n = strcspn(path, ".[");

			if (!n)
				return false;
			path += n;
			rule++;
			continue;
		}
		if (*rule++ != *path++)
			return false;
	}
	return !*rule && !*path;
}

/* The outputs of a workflow are an answer when none came in deltas before. */
static bool is_wanted(const struct dfl_json_fields *f, const struct dfl_json_field_rule *r)
{
	if ((r->what == OUTPUT && f->joined) || (r->node && strcmp(f->node, r->node)))
		return false;
	if (!r->events[0] || !f->event[0])
		return true;
	return !strcmp(f->event, r->events[0]) || !strcmp(f->event, r->events[1]);
}

static const struct dfl_json_field_rule *find_rule(const struct dfl_json_fields *f,
						   const char *path)
{
	for (const struct dfl_json_field_rule *r = f->rules; r && r->path; r++)
		if (path_matches(r->path, path) && is_wanted(f, r))
			return r;
	return NULL;
}

static bool is_request_set(const struct dfl_json_fields *f)
{
	return f->rules == request_rules || f->rules == any_rules || f->rules == mcp_rules;
}

bool dfl_json_fields_is_secret(const char *key, size_t len)
{
	for (size_t i = 0; secret_keys[i]; i++)
		if (strlen(secret_keys[i]) == len && !strncasecmp(secret_keys[i], key, len))
			return true;
	return false;
}

/* One key of a path, up to the next '.' or '['. */
static size_t key_len(const char *path)
{
	return strcspn(path, ".[");
}

static bool has_secret_key(const char *path)
{
	for (size_t n; *path; path += n + strspn(path + n, ".[]")) {
		n = key_len(path);
		if (dfl_json_fields_is_secret(path, n))
			return true;
	}
	return false;
}

/*
 * The name of a field: its path. A key may be anything, so one that does not look like a name
 * becomes '*'. The text itself, without a key, is "body".
 */
static void name_field(const char *path, char ret_field[static DFL_NAME_MAX])
{
	size_t len = 0, n;

	for (; *path && len < DFL_NAME_MAX - 1; path += n) {
		n = key_len(path);
		if (n && !(n <= DFL_FIELD_KEY_MAX && dfl_is_token(path, n))) {
			ret_field[len++] = '*';
			continue;
		}
		n += strspn(path + n, ".[]");
		len += (size_t)snprintf(ret_field + len, DFL_NAME_MAX - len, "%.*s", (int)n, path);
	}
	ret_field[len < DFL_NAME_MAX ? len : DFL_NAME_MAX - 1] = 0;
	if (!ret_field[0])
		strcpy(ret_field, "body");
}

static void source_begin(struct dfl_json_fields *f, const char *path)
{
	const struct dfl_decode_sink *k = f->ctx->sink;
	char field[DFL_NAME_MAX];

	if (f->rules == any_rules && has_secret_key(path))
		return;
	name_field(path, field);
	f->source = k->source_begin(k->ud, f->op, field, f->dir);
}

static void source_end(struct dfl_json_fields *f, uint64_t ts_ns)
{
	if (f->source)
		f->ctx->sink->source_end(f->ctx->sink->ud, f->source, ts_ns);
	f->source = NULL;
}

/* Text that cannot be read stands there, in some field. len 0: it is not known how much. */
static void lose_field(struct dfl_json_fields *f, uint64_t pos, uint64_t len)
{
	if (is_request_set(f) && !f->source && !f->done)
		source_begin(f, "*");
	f->done = true;
	dfl_gap_source(f->ctx, f->source, pos, len);
}

/* A number, or one of the words of JSON and of Python's json. */
static bool is_json_word(const char *text)
{
	static const char *const words[] = { "true",	 "false",     "null", "NaN",
					     "Infinity", "-Infinity", NULL };

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return true;
	return text[strspn(text, "0123456789+-.eE")] == 0;
}

static struct dfl_view *open_derived(const struct dfl_json_fields *f, const char *derives)
{
	const struct dfl_view_desc d = { .place = f->place,
					 .dir = f->dir,
					 .layer = f->ctx->layer,
					 .derives = derives,
					 .relay = f->relay };

	return f->ctx->sink->view_open(f->ctx->sink->ud, f->ctx->conn, f->op, &d);
}

static void value_open(struct dfl_json_fields *f, enum what what)
{
	dfl_close_view(f->ctx, &f->value_view);
	f->value_view = open_derived(f, what == RETRIEVED ? "chunk" : "tool_result");
}

static void str_begin(void *ud, const char *path, const uint8_t *at)
{
	struct dfl_json_fields *f = ud;

	f->now = find_rule(f, path);
	f->value_len = 0;
	if (!f->now)
		return;
	if (f->now->what == SOURCE)
		source_begin(f, path);
	else if (f->now->what == RETRIEVED || f->now->what == TOOL)
		value_open(f, f->now->what);
}

static void str_data(void *ud, const struct dfl_slice *s)
{
	struct dfl_json_fields *f = ud;
	const struct dfl_decode_sink *k = f->ctx->sink;

	if (!f->now)
		return;
	switch (f->now->what) {
	case SOURCE:
		if (f->source)
			k->source_append(k->ud, f->source, s->data, s->len, s->pos, s->pos_len,
					 f->from->ts_ns);
		break;
	case ANSWER:
	case OUTPUT:
		f->joined |= f->now->what == ANSWER;
		if (!f->answer)
			f->answer = open_derived(f, "answer");
		dfl_put_view(f->ctx, f->answer, s, f->from);
		break;
	case RETRIEVED:
	case TOOL:
		dfl_put_view(f->ctx, f->value_view, s, f->from);
		break;
	case VECTOR:
		dfl_vector_text(&f->vector, s);
		break;
	default:
		for (size_t i = 0; i < s->len && f->value_len < sizeof(f->value); i++)
			f->value[f->value_len++] = (char)s->data[i];
	}
}

/* Keeps a short value. A longer one becomes "": no rule names a word of that length. */
static void keep_word(const struct dfl_json_fields *f, char ret_word[static DFL_FIELDS_WORD])
{
	size_t n = f->value_len < DFL_FIELDS_WORD ? f->value_len : 0;

	memcpy(ret_word, f->value, n);
	ret_word[n] = 0;
}

static void event_named(struct dfl_json_fields *f)
{
	keep_word(f, f->event);
	for (size_t i = 0; last_events[i]; i++)
		if (!strcmp(f->event, last_events[i])) {
			dfl_close_view(f->ctx, &f->answer);
			f->ended = !strcmp(f->event, "workflow_finished") ||
				   !strcmp(f->event, "error");
		}
}

static void str_end(void *ud, const uint8_t *at)
{
	struct dfl_json_fields *f = ud;
	const struct dfl_json_field_rule *r = f->now;

	f->now = NULL;
	if (!r)
		return;
	if (r->what == SOURCE)
		source_end(f, f->from->ts_ns);
	else if (r->what == VECTOR)
		dfl_vector_done(&f->vector, f->from);
	else if (r->what == OUTPUT)
		dfl_close_view(f->ctx, &f->answer);
	else if (r->what == RETRIEVED || r->what == TOOL)
		dfl_close_view(f->ctx, &f->value_view);
	else if (r->what == EVENT)
		event_named(f);
	else if (r->what == NODE)
		keep_word(f, f->node);
	else if (r->what == ID && dfl_is_id(r->id, f->value, f->value_len))
		dfl_put_id(f->ctx, f->op, r->id, f->value, f->value_len);
}

static void word(void *ud, const char *path, const char *text, uint64_t pos, uint64_t end)
{
	struct dfl_json_fields *f = ud;
	const struct dfl_json_field_rule *r = find_rule(f, path);
	char *rest;
	double x;

	if (is_request_set(f) && !is_json_word(text)) { /* "[INST] …" only looks like JSON */
		lose_field(f, pos, end - pos);
		source_end(f, f->from->ts_ns);
	}
	if (!r || r->what != VECTOR)
		return;
	x = strtod(text, &rest);
	if (*rest)
		dfl_vector_spoil(&f->vector);
	dfl_vector_add(&f->vector, x, pos, end);
}

static void array_end(void *ud, const char *path)
{
	struct dfl_json_fields *f = ud;
	const struct dfl_json_field_rule *r = find_rule(f, path);

	if (r && r->what == VECTOR)
		dfl_vector_done(&f->vector, f->from);
}

/* What a tool gives may be JSON: then its text is the value, as it stands. */
static void tree_begin(void *ud, const char *path, const uint8_t *at)
{
	struct dfl_json_fields *f = ud;
	const struct dfl_json_field_rule *r = f->tree ? NULL : find_rule(f, path);

	if (f->tree)
		f->tree++;
	if (!r || r->what != TOOL)
		return;
	value_open(f, TOOL);
	f->tree = 1;
	f->tree_from = at;
}

/* The text of the value, up to `to`. */
static void tree_flush(struct dfl_json_fields *f, const uint8_t *to)
{
	struct dfl_slice s = dfl_slice_sub(f->slice, (size_t)(f->tree_from - f->slice->data),
					   (size_t)(to - f->tree_from));

	dfl_put_view(f->ctx, f->value_view, &s, f->from);
}

static void tree_end(void *ud, const uint8_t *at)
{
	struct dfl_json_fields *f = ud;

	if (!f->tree || --f->tree)
		return;
	tree_flush(f, at);
	dfl_close_view(f->ctx, &f->value_view);
}

static void tree_give_up(struct dfl_json_fields *f)
{
	f->tree = 0;
	dfl_close_view(f->ctx, &f->value_view);
}

static void doc_end(void *ud, const uint8_t *at)
{
	struct dfl_json_fields *f = ud;

	f->event[0] = f->node[0] = 0;
	f->done = true;
}

void dfl_json_fields_init(struct dfl_json_fields *f, const struct dfl_decoder_ctx *ctx,
			  struct dfl_op *op, enum dfl_dir dir, const char *place,
			  enum dfl_json_field_set set)
{
	static const struct dfl_json_ops ops = {
		.str_begin = str_begin,
		.str_data = str_data,
		.str_end = str_end,
		.word = word,
		.array_end = array_end,
		.tree_begin = tree_begin,
		.tree_end = tree_end,
		.doc_end = doc_end,
	};

	memset(f, 0, sizeof(*f));
	dfl_json_init(&f->json, &ops, f);
	f->ctx = ctx;
	f->op = op;
	f->dir = dir;
	f->place = place;
	f->rules = rule_sets[set];
	dfl_vector_init(&f->vector, ctx, op, dir, place, sizeof(float)); /* OpenAI's base64 */
}

void dfl_json_fields_feed(struct dfl_json_fields *f, const struct dfl_slice *s,
			  const struct dfl_chunk *from)
{
	bool ok;

	if (!f->rules)
		return;
	f->from = from;
	f->slice = s;
	f->tree_from = s->data;
	ok = dfl_json_feed(&f->json, s);
	if (f->tree)
		tree_flush(f, s->data + s->len);
	if (!ok) {
		tree_give_up(f);
		lose_field(f, 0, 0);
		source_end(f, from->ts_ns);
	}
	f->slice = NULL;
	f->from = NULL;
}

void dfl_json_fields_next(struct dfl_json_fields *f, uint64_t ts_ns)
{
	source_end(f, ts_ns);
	tree_give_up(f);
	f->now = NULL;
	f->event[0] = f->node[0] = 0;
	dfl_vector_reset(&f->vector);
	dfl_json_reset(&f->json);
}

void dfl_json_fields_gap(struct dfl_json_fields *f, uint64_t pos, uint64_t len, uint64_t ts_ns)
{
	dfl_gap_view(f->ctx, f->answer, pos, len);
	dfl_gap_view(f->ctx, f->value_view, pos, len);
	lose_field(f, pos, len);
	dfl_json_fields_next(f, ts_ns);
}

void dfl_json_fields_fini(struct dfl_json_fields *f, uint64_t ts_ns)
{
	if (f->ctx)
		dfl_gap_source(f->ctx, f->source, 0, 0);
	source_end(f, ts_ns);
	if (f->ctx)
		dfl_close_view(f->ctx, &f->answer);
	if (f->ctx)
		dfl_close_view(f->ctx, &f->value_view);
	explicit_bzero(f->value, sizeof(f->value));
}
