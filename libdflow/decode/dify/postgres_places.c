// SPDX-License-Identifier: Apache-2.0
/*
 * The places (table.column) of Dify's databases: how they are named, which of them hold ids, which
 * hold payload.
 */
#include "decode/dify/postgres_places.h"

#include <stdio.h>
#include <string.h>

#define UUID_LEN 36

/* Columns of ids. "*": in any table. */
static const struct {
	const char *place;
	enum dfl_id_kind kind;
} id_places[] = {
	{ "messages.id", DFL_ID_MESSAGE },	     { "*.message_id", DFL_ID_MESSAGE },
	{ "conversations.id", DFL_ID_CONVERSATION }, { "*.conversation_id", DFL_ID_CONVERSATION },
	{ "workflow_runs.id", DFL_ID_WORKFLOW_RUN }, { "*.workflow_run_id", DFL_ID_WORKFLOW_RUN },
	{ "upload_files.id", DFL_ID_UPLOAD_FILE },   { "*.upload_file_id", DFL_ID_UPLOAD_FILE },
};

/*
 * Columns of payload (dify: models/{model,dataset}.py; core/rag/datasource/vdb/pgvector). table:
 * its name, or what it begins with and then "*". holds: in the words of dfl_view_desc.
 */
static const struct {
	const char *table, *column;
	const char *holds;
} payload_places[] = {
	{ "messages", "query", "query" },
	{ "messages", "answer", "answer" },
	{ "document_segments", "content", "chunk" },
	{ "child_chunks", "content", "chunk" },
	{ "embedding_*", "text", "chunk" },
	{ "embedding_*", "embedding", "embedding" },
	{ "embeddings", "embedding", "embedding" },
	{ "message_agent_thoughts", "observation", "tool_result" },
};

/* Tables of the pgvector store, one for each knowledge base. */
static const char vector_table[] = "embedding_";

/*
 * The longest such name, embedding_Vector_index_{uuid}_Node, is sent with 64 characters; Postgres
 * keeps 63. So the rest after the UUID is checked as a word, not as an identifier.
 */
bool dfl_postgres_table_name(const char *table, char ret_name[static DFL_NAME_MAX])
{
	size_t len = strlen(table), from = 0;
	const char *rest;

	while (from + UUID_LEN <= len && !dfl_is_uuid_by('_', table + from, UUID_LEN))
		from++;
	if (from + UUID_LEN > len || !from) {
		if (!dfl_is_identifier(table, len))
			return false;
		memcpy(ret_name, table, len + 1);
		return true;
	}
	rest = table + from + UUID_LEN;
	if (!dfl_is_identifier(table, from) || (*rest && !dfl_is_word(rest, strlen(rest))))
		return false;
	snprintf(ret_name, DFL_NAME_MAX, "%.*s{uuid}%s", (int)from, table, rest);
	return true;
}

bool dfl_postgres_place_is_id(const char *place, enum dfl_id_kind *ret_kind)
{
	const char *dot = strchr(place, '.');

	for (size_t i = 0; i < sizeof(id_places) / sizeof(id_places[0]); i++) {
		const char *p = id_places[i].place;

		if (strcmp(p, place) && !(p[0] == '*' && dot && !strcmp(p + 1, dot)))
			continue;
		*ret_kind = id_places[i].kind;
		return true;
	}
	return false;
}

bool dfl_postgres_place_is_vector(const char *place)
{
	size_t n = strlen(place);

	return n > 10 && !strcmp(place + n - 10, ".embedding");
}

/* "embedding_*" stands for any table that begins so and goes on. */
static bool is_table(const char *pattern, const char *table, size_t len)
{
	size_t n = strcspn(pattern, "*");

	return !strncmp(pattern, table, n) && (pattern[n] ? len > n : len == n);
}

static const char *payload_of(const char *place)
{
	const char *dot = strchr(place, '.');

	for (size_t i = 0; dot && i < sizeof(payload_places) / sizeof(payload_places[0]); i++)
		if (!strcmp(dot + 1, payload_places[i].column) &&
		    is_table(payload_places[i].table, place, (size_t)(dot - place)))
			return payload_places[i].holds;
	return NULL;
}

/* What is written as a chunk is a document, which is cut up; what is read was retrieved. */
const char *dfl_postgres_place_holds(const char *place, enum dfl_dir dir)
{
	const char *holds = payload_of(place);

	return holds && dir == DFL_REQUEST && !strcmp(holds, "chunk") ? "file" : holds;
}

bool dfl_postgres_place_is_found(const char *place)
{
	const char *holds = payload_of(place);

	return holds && !strcmp(holds, "chunk") &&
	       !strncmp(place, vector_table, sizeof(vector_table) - 1);
}
