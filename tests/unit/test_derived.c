// SPDX-License-Identifier: Apache-2.0
/* Retrieved chunks, results of tools, vectors: whose they are, and what else is equal to them. */
#include "trace_help.h"

#define MESSAGE "16fd2706-8baf-433b-82eb-8c7fada847da"

static const char vector_a[] = "034f069e09ee0d3d108c13db172a1a791dc92118246727b62b052e5431a434f3f1e"
			       "2d3c4b5a697887766554433221100";
static const char vector_b[] = "fe11dc22ba3398447655541132226710c0ffee11aa22bb33cc44dd55ee66ff7712a"
			       "b34cd56ef78900112233445566778";
static const char chunk_1[] = "Visitors are met at the gate by whoever asked them in, get a yellow "
			      "badge, and sign in the blue book beside the door.";
static const char chunk_2[] = "The boats in the harbour may be lent from May to October; the key "
			      "hangs in the kitchen, the life vests in the cellar.";
static const char tail[] = " Whatever is not said here is decided by the head of the house alone, "
			   "in writing, within ten days.";

struct seen {
	enum dfl_dir dir;
	const char *place, *derives, *holds;
};

/* One view of a place, with this text. */
static void see_at(struct fixture *f, int conn, struct dfl_op *op, const struct seen *s,
		   const char *text)
{
	struct dfl_view_desc d = {
		.place = s->place, .dir = s->dir, .derives = s->derives, .holds = s->holds
	};
	struct dfl_chunk chunk = { .dir = s->dir, .ts_ns = f->now };
	struct dfl_view *v;

	dfl_trace_data(f->t, &f->conns[conn], &chunk);
	v = f->sink->view_open(f->sink->ud, &f->conns[conn], op, &d);
	f->sink->view_data(f->sink->ud, v, text, strlen(text), f->next_pos, strlen(text), &chunk);
	f->sink->view_close(f->sink->ud, v);
}

/* A row of a vector store: its value, and the same as what may be a chunk. */
static void row(struct fixture *f, int conn, struct dfl_op *op, const char *text)
{
	see_at(f, conn, op, &(struct seen){ DFL_RESPONSE, "embedding_x.text", NULL, "chunk" },
	       text);
	see_at(f, conn, op, &(struct seen){ DFL_RESPONSE, "embedding_x.text", "chunk", "chunk" },
	       text);
	f->next_pos += strlen(text);
}

static void embed(struct fixture *f, const char *text, const char *vector)
{
	struct dfl_op *op = begin(f, 4, "POST /v1/embeddings", NULL);

	see(f, 4, op, DFL_REQUEST, NULL, text);
	see(f, 4, op, DFL_RESPONSE, "embedding", vector);
	end(f, op);
}

/* A search by a vector, on a connection of its own, that finds both chunks. */
static struct dfl_op *begin_search(struct fixture *f, int conn, const char *vector)
{
	struct dfl_op *op = begin(f, conn, "SELECT embedding_x", NULL);

	see(f, conn, op, DFL_REQUEST, "embedding", vector);
	return op;
}

static void search(struct fixture *f, int conn, const char *vector)
{
	struct dfl_op *op = begin_search(f, conn, vector);

	row(f, conn, op, chunk_1);
	row(f, conn, op, chunk_2);
	end(f, op);
	f->now += 1000000;
}

static struct dfl_op *retrieving_request(struct fixture *f, const char *query, const char *vector)
{
	struct dfl_op *op = request(f, query);

	embed(f, query, vector);
	search(f, 1, vector);
	return op;
}

static void prompt(struct fixture *f, const char *query)
{
	char text[2048];

	snprintf(text, sizeof(text), "{\"system\": \"Use this: %s\\n%s\", \"user\": \"%s\"}",
		 chunk_1, chunk_2, query);
	operation(f, 4, "POST /v1/chat/completions", "/v1/chat/completions", text);
}

static const struct dfl_doc_field *field(const struct dfl_doc *d, const char *name)
{
	for (size_t i = 0; i < d->n_fields; i++)
		if (!strcmp(d->fields[i].field, name))
			return &d->fields[i];
	return NULL;
}

static const struct dfl_doc_hop *hop_of(const struct dfl_doc *d, const char *operation,
					const char *name)
{
	for (size_t i = 0; i < d->n_hops; i++)
		if (!strcmp(d->hops[i].operation, operation) && !strcmp(d->hops[i].field, name))
			return &d->hops[i];
	return NULL;
}

static void assert_plain(const struct dfl_doc_hop *h)
{
	assert_non_null(h);
	assert_true(h->coverage == 1.0);
	assert_false(h->ambiguous);
	assert_null(h->replayed_from);
}

static void test_chunks_go_on(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = retrieving_request(f, text_a, vector_a);

	prompt(f, text_a);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 4);
	assert_string_equal(field(f->docs[0], "embedding")->derived_from, "POST /v1/embeddings");
	assert_string_equal(field(f->docs[0], "chunk")->derived_from, "SELECT embedding_x");
	assert_int_equal(field(f->docs[0], "chunk")->bytes, strlen(chunk_1));
	assert_int_equal(field(f->docs[0], "chunk.2")->bytes, strlen(chunk_2));
	for (int i = 0; i < 2; i++) {
		assert_plain(hop_of(f->docs[0], "SELECT embedding_x", i ? "chunk.2" : "chunk"));
		assert_plain(
			hop_of(f->docs[0], "POST /v1/chat/completions", i ? "chunk.2" : "chunk"));
	}
	assert_plain(hop_of(f->docs[0], "SELECT embedding_x", "embedding"));
}

/* Without a text or vector of a request in it, an operation's rows are nobody's. */
static void test_chunks_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a);

	search(f, 1, vector_b);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 1);
}

/*
 * Both get the same rows at the same time: each has its own, and only where nothing tells them
 * apart both are named.
 */
static void test_two_retrieve_the_same(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = request(f, text_b), *op[2];

	embed(f, text_a, vector_a);
	embed(f, text_b, vector_b);
	op[0] = begin_search(f, 1, vector_a);
	op[1] = begin_search(f, 2, vector_b);
	for (int i = 0; i < 2; i++) {
		row(f, 1 + i, op[i], chunk_1);
		row(f, 1 + i, op[i], chunk_2);
		end(f, op[i]);
	}
	prompt(f, text_b);
	prompt(f, text_a);
	operation(f, 5, "SELECT document_segments", "document_segments.content", chunk_1);
	end(f, a);
	end(f, b);
	for (int i = 0; i < 2; i++) {
		const struct dfl_doc *d = doc(f, i);

		assert_int_equal(d->n_fields, 4);
		assert_plain(hop_of(d, "SELECT embedding_x", "chunk"));
		assert_plain(hop_of(d, "POST /v1/chat/completions", "chunk"));
		assert_int_equal(hop_of(d, "POST /v1/chat/completions", "chunk")->occurrences, 1);
		assert_true(hop_of(d, "SELECT document_segments", "chunk")->ambiguous);
		assert_null(hop_of(d, "SELECT document_segments", "chunk.2"));
	}
}

/*
 * What a plugin writes names the session of the call, and nothing else: whose the call was is whose
 * the answer is.
 */
static void test_session_of_a_plugin(void **state)
{
	static const char session[] = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
	struct fixture *f = *state;
	struct dfl_op *a = retrieving_request(f, text_a, vector_a),
		      *b = retrieving_request(f, text_b, vector_b), *op;
	char text[512];

	op = begin(f, 5, "request", NULL);
	snprintf(text, sizeof(text), "{\"query\": \"%s\", \"docs\": [\"%s\"]}", text_a, chunk_1);
	see(f, 5, op, DFL_REQUEST, NULL, text);
	id(f, op, DFL_ID_PLUGIN_SESSION, session);
	end(f, op);
	op = begin(f, 6, "session", NULL);
	id(f, op, DFL_ID_PLUGIN_SESSION, session);
	see(f, 6, op, DFL_REQUEST, NULL, chunk_1);
	end(f, op);
	op = begin(f, 6, "session", NULL);
	id(f, op, DFL_ID_PLUGIN_SESSION, MESSAGE); /* one whose call was not seen */
	see(f, 6, op, DFL_REQUEST, NULL, chunk_2);
	end(f, op);
	end(f, a);
	end(f, b);
	assert_plain(hop_of(doc(f, 0), "session", "chunk"));
	assert_null(hop_of(f->docs[1], "session", "chunk"));
	for (int i = 0; i < 2; i++)
		assert_true(hop_of(f->docs[i], "session", "chunk.2")->ambiguous);
}

/* Who retrieved it before, and is answered, has no part in it. */
static void test_retrieved_again_later(void **state)
{
	struct fixture *f = *state;
	size_t hops;

	end(f, retrieving_request(f, text_a, vector_a));
	f->now += 1000000;
	hops = doc(f, 0)->n_hops;
	struct dfl_op *api = retrieving_request(f, text_b, vector_b);

	operation(f, 5, "SELECT document_segments", "document_segments.content", chunk_1);
	prompt(f, text_b);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_hops, hops);
	assert_int_equal(f->docs[0]->n_replayed_in, 0);
	assert_int_equal(f->docs[1]->n_fields, 4);
	assert_plain(hop_of(f->docs[1], "SELECT document_segments", "chunk"));
	assert_plain(hop_of(f->docs[1], "POST /v1/chat/completions", "chunk.2"));
}

/* The newer request had the rows first: they do not make the older one's search its own. */
static void test_older_request_retrieves_last(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b = retrieving_request(f, text_b, vector_b);
	size_t hops = doc(f, 1)->n_hops;

	embed(f, text_a, vector_a);
	search(f, 2, vector_a);
	end(f, a);
	end(f, b);
	assert_int_equal(doc(f, 0)->n_fields, 4);
	assert_plain(hop_of(f->docs[0], "SELECT embedding_x", "chunk.2"));
	assert_int_equal(f->docs[1]->n_hops, hops);
}

/* A question that is a chunk, word by word. */
static void test_pasted_text(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = retrieving_request(f, text_a, vector_a), *b = request(f, chunk_1), *op;

	op = begin(f, 5, "INSERT messages", NULL);
	see_at(f, 5, op, &(struct seen){ DFL_REQUEST, "messages.query", NULL, "query" }, chunk_1);
	end(f, op);
	f->next_pos += 1000;
	op = begin(f, 5, "SELECT document_segments", NULL);
	see_at(f, 5, op, &(struct seen){ DFL_RESPONSE, "document_segments.content", NULL, "chunk" },
	       chunk_1);
	end(f, op);
	prompt(f, text_a);
	end(f, a);
	end(f, b);
	assert_plain(hop_of(doc(f, 0), "SELECT document_segments", "chunk"));
	assert_plain(hop_of(f->docs[0], "POST /v1/chat/completions", "chunk"));
	assert_null(hop_of(f->docs[0], "INSERT messages", "chunk"));
	assert_plain(hop_of(f->docs[1], "INSERT messages", "query"));
	assert_null(hop_of(f->docs[1], "SELECT document_segments", "query"));
	assert_null(hop_of(f->docs[1], "POST /v1/chat/completions", "query"));
}

/*
 * Somebody pastes the text of a row while another's search finds it: what is asked with tells whose
 * the search is.
 */
static void test_pasted_before_it_is_found(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *a = request(f, text_a), *b;
	size_t hops;

	embed(f, text_a, vector_a);
	b = request(f, chunk_1);
	hops = doc(f, 1)->n_hops;
	search(f, 1, vector_a);
	prompt(f, text_a);
	end(f, a);
	end(f, b);
	assert_int_equal(doc(f, 0)->n_fields, 4);
	assert_plain(hop_of(f->docs[0], "SELECT embedding_x", "chunk"));
	assert_plain(hop_of(f->docs[0], "POST /v1/chat/completions", "chunk"));
	assert_int_equal(f->docs[1]->n_fields, 1);
	assert_int_equal(f->docs[1]->n_hops, hops);
}

/* The same, by who retrieves it: both are fields of one request, and the place tells. */
static void test_pasted_and_retrieved(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = retrieving_request(f, chunk_1, vector_a), *op;

	op = begin(f, 5, "SELECT document_segments", NULL);
	see_at(f, 5, op, &(struct seen){ DFL_RESPONSE, "document_segments.content", NULL, "chunk" },
	       chunk_1);
	end(f, op);
	operation(f, 5, "INSERT messages", "messages.query", chunk_1);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 4);
	assert_plain(hop_of(f->docs[0], "SELECT embedding_x", "chunk"));
	assert_plain(hop_of(f->docs[0], "SELECT document_segments", "chunk"));
	assert_null(hop_of(f->docs[0], "SELECT document_segments", "query"));
	assert_plain(hop_of(f->docs[0], "INSERT messages", "query"));
}

/* An upload that is over; both chunks stand in it, side by side. */
static void upload(struct fixture *f)
{
	struct dfl_op *op = begin(f, 0, "POST /v1/datasets/{uuid}/document/create-by-file", NULL);
	struct dfl_src *s = f->sink->source_begin(f->sink->ud, op, "file", DFL_REQUEST);
	char text[1024];

	snprintf(text, sizeof(text), "%s\n\n%s\n\n%s", chunk_1, chunk_2, tail);
	f->sink->source_append(f->sink->ud, s, text, strlen(text), f->next_pos, strlen(text),
			       f->now);
	f->next_pos += strlen(text);
	f->sink->source_end(f->sink->ud, s, f->now);
	end(f, op);
	f->now += 1000000;
	op = begin(f, 2, "INSERT document_segments", NULL);
	see_at(f, 2, op, &(struct seen){ DFL_REQUEST, "document_segments.content", NULL, "file" },
	       chunk_1);
	end(f, op);
	f->next_pos += 1000;
	f->now += 1000000;
}

static void test_document(void **state)
{
	struct fixture *f = *state;
	const struct dfl_doc_hop *h;
	struct dfl_op *api;

	upload(f);
	api = retrieving_request(f, text_a, vector_a);
	prompt(f, text_a);
	upload(f); /* once more, while the chat has chunks of it */
	end(f, api);
	doc(f, 0);
	for (int i = 0; i < 3; i += 2) {
		h = hop_of(f->docs[i], "INSERT document_segments", "file");
		assert_non_null(h);
		assert_true(h->coverage > 0.3 && h->coverage < 0.4);
		assert_int_equal(f->docs[i]->n_fields, 1);
	}
	assert_int_equal(f->docs[0]->n_replayed_in, 1);
	assert_string_equal(f->docs[0]->replayed_in[0].trace_id, f->docs[1]->trace_id);
	assert_int_equal(f->docs[1]->n_links, 1);
	assert_string_equal(f->docs[1]->links[0].why, "file");
	assert_string_equal(f->docs[1]->links[0].trace_id, f->docs[0]->trace_id);
	h = hop_of(f->docs[1], "SELECT embedding_x", "file");
	assert_string_equal(h->replayed_from, f->docs[0]->trace_id);
	assert_plain(hop_of(f->docs[1], "POST /v1/chat/completions", "chunk"));
	assert_plain(hop_of(f->docs[1], "POST /v1/chat/completions", "chunk.2"));
	assert_null(hop_of(f->docs[1], "POST /v1/chat/completions", "file"));
	assert_null(hop_of(f->docs[1], "INSERT document_segments", "chunk"));
}

/* What is read back of a document is no chunk of its own upload. */
static void test_document_reads_itself(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *op;

	upload(f);
	op = begin(f, 1, "SELECT embedding_x", NULL);
	row(f, 1, op, chunk_1);
	end(f, op);
	assert_int_equal(doc(f, 0)->n_fields, 1);
}

/* Long after the upload: by its fingerprints. */
static void test_document_of_long_ago(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api;

	upload(f);
	tick(f, 10);
	tick(f, 1000);
	end(f, begin(f, 2, "PING", NULL));
	tick(f, 10);
	api = retrieving_request(f, text_a, vector_a);
	prompt(f, text_a);
	end(f, api);
	doc(f, 1);
	assert_plain(hop_of(f->docs[1], "POST /v1/chat/completions", "chunk"));
	assert_plain(hop_of(f->docs[1], "POST /v1/chat/completions", "chunk.2"));
	assert_null(hop_of(f->docs[1], "POST /v1/chat/completions", "file"));
}

/* Retrieved text is not remembered beyond its request: it stands in the store. */
static void test_chunks_leave_no_fingerprints(void **state)
{
	struct fixture *f = *state;

	end(f, retrieving_request(f, text_a, vector_a));
	tick(f, 10);
	assert_true(f->n_prints > 0);
	for (size_t i = 0; i < f->n_prints; i++)
		assert_null(strstr(f->prints[i].field, "chunk"));
}

static void test_vectors_are_one_field(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op = begin(f, 4, "POST /v1/embeddings", NULL);
	const struct dfl_doc_hop *h;

	see(f, 4, op, DFL_REQUEST, NULL, text_a);
	see(f, 4, op, DFL_RESPONSE, "embedding", vector_a);
	see(f, 4, op, DFL_RESPONSE, "embedding", vector_b);
	see(f, 4, op, DFL_RESPONSE, "embedding", vector_a); /* once more: an echo */
	end(f, op);
	operation(f, 1, "INSERT embeddings", "embeddings.embedding", vector_b);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 2);
	assert_int_equal(field(f->docs[0], "embedding")->bytes,
			 strlen(vector_a) + strlen(vector_b));
	assert_true(hop_of(f->docs[0], "POST /v1/embeddings", "embedding")->coverage == 1.0);
	h = hop_of(f->docs[0], "INSERT embeddings", "embedding");
	assert_true(h->coverage == 0.5);
	assert_int_equal(h->ranges[0].from, strlen(vector_a));
}

/* A call to a tool carries the ids of its chat, and its result comes once more in a list of all. */
static void test_tool_results(void **state)
{
	static const char one
		[] = "The directory lists the amber gallery and the birch cellar, extension 4711.";
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;
	char all[512];

	id(f, api, DFL_ID_MESSAGE, MESSAGE);
	op = begin(f, 3, "POST /plugin/{uuid}/dispatch/tool/invoke", NULL);
	id(f, op, DFL_ID_MESSAGE, MESSAGE);
	see(f, 3, op, DFL_REQUEST, NULL, "{\"query\": \"amber\"}");
	see(f, 3, op, DFL_RESPONSE, "tool_result", one);
	see(f, 3, op, DFL_RESPONSE, "tool_result", "{\"floor\": 42}");
	see(f, 3, op, DFL_RESPONSE, "tool_result", "{\"floor\": 42}");
	end(f, op);
	snprintf(all, sizeof(all), "{\"search\": \"%s{\\\"floor\\\": 42}\"}", one);
	see(f, 0, api, DFL_RESPONSE, "tool_result", all);
	operation(f, 4, "POST /v1/chat/completions", NULL, all);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 3);
	assert_int_equal(field(f->docs[0], "tool_result.2")->bytes, strlen("{\"floor\": 42}"));
	assert_plain(hop_of(f->docs[0], "POST /v1/chat/completions", "tool_result"));
	assert_plain(hop_of(f->docs[0], "POST /v1/chat-messages", "tool_result"));
}

/* Sections of one form are not each other's echo. */
static void test_chunks_of_one_form(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a), *op;
	char text[512];

	embed(f, text_a, vector_a);
	op = begin_search(f, 1, vector_a);
	for (int i = 0; i < 3; i++) {
		static const char *const what[] = { "badges", "vessels", "kettles" };

		snprintf(text, sizeof(text),
			 "Who asks for %s fills in form %d at the desk for %s before noon; %s are "
			 "kept by %d.",
			 what[i], 7 * i + 1, what[i], what[i], i);
		row(f, 1, op, text);
	}
	end(f, op);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 5);
	assert_non_null(field(f->docs[0], "chunk.3"));
}

/* More than can be held until it is known whose it is. */
static void test_large_result(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a),
		      *op = begin(f, 3, "POST /plugin/{uuid}/dispatch/tool/invoke", NULL);
	struct dfl_view_desc d = { .dir = DFL_RESPONSE, .derives = "tool_result" };
	struct dfl_chunk chunk = { .dir = DFL_RESPONSE, .ts_ns = f->now };
	struct dfl_view *v;
	char piece[64];
	size_t sum = 0;

	see(f, 3, op, DFL_REQUEST, NULL, text_a);
	v = f->sink->view_open(f->sink->ud, &f->conns[3], op, &d);
	for (int i = 0; i < 4000; i++) {
		int n = snprintf(piece, sizeof(piece), "Line %d of the page says %u. ", i,
				 i * 2654435761u);

		f->sink->view_data(f->sink->ud, v, piece, n, f->next_pos, n, &chunk);
		f->next_pos += n;
		sum += n;
	}
	f->sink->view_close(f->sink->ud, v);
	end(f, op);
	end(f, api);
	assert_int_equal(field(doc(f, 0), "tool_result")->bytes, sum);
	assert_plain(hop_of(f->docs[0], "POST /plugin/{uuid}/dispatch/tool/invoke", "tool_result"));
}

/* Beyond a limit they are counted, and the trace says so. */
static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct dfl_op *api = request(f, text_a),
		      *op = begin(f, 3, "POST /plugin/{uuid}/dispatch/tool/invoke", NULL);
	char text[80], want[80] = "";
	bool told = false;

	see(f, 3, op, DFL_REQUEST, NULL, text_a);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%08x%08x: a result of its own, %08x.",
			 i * 2654435761u, i * 40503u, i * 69069u);
		see(f, 3, op, DFL_RESPONSE, "tool_result", text);
	}
	end(f, op);
	end(f, api);
	assert_int_equal(doc(f, 0)->n_fields, 64);
	snprintf(want, sizeof(want), "%d derived texts beyond a limit are not looked for",
		 100 - 63);
	for (size_t i = 0; i < f->docs[0]->completeness.n_reasons; i++)
		told |= !strcmp(f->docs[0]->completeness.reasons[i], want);
	assert_true(told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_chunks_go_on),
		T(test_chunks_of_nobody),
		T(test_two_retrieve_the_same),
		T(test_session_of_a_plugin),
		T(test_retrieved_again_later),
		T(test_older_request_retrieves_last),
		T(test_pasted_text),
		T(test_pasted_before_it_is_found),
		T(test_pasted_and_retrieved),
		T(test_document),
		T(test_document_reads_itself),
		T(test_document_of_long_ago),
		T(test_chunks_leave_no_fingerprints),
		T(test_vectors_are_one_field),
		T(test_tool_results),
		T(test_chunks_of_one_form),
		T(test_large_result),
		T(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
