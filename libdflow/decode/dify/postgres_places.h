/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the places (table.column) of Dify's databases, the application's and the
 * pgvector store's. A place is a string with NUL; "" is no place.
 */
#pragma once

#include "decode/redact.h"

/*
 * How a table is named: by its name; the name of a pgvector table has a UUID in it, spelt with
 * underscores, which becomes "{uuid}". False: it cannot be named.
 */
bool dfl_postgres_table_name(const char *table, char ret_name[static DFL_NAME_MAX]);
/* Does an id of a known kind stand there? */
bool dfl_postgres_place_is_id(const char *place, enum dfl_id_kind *ret_kind);
/* Does an embedding vector stand there (text form, or a pickle in a bytea)? */
bool dfl_postgres_place_is_vector(const char *place);
/* The payload that is written to (DFL_REQUEST) or read from the place; NULL: unknown. Static. */
const char *dfl_postgres_place_holds(const char *place, enum dfl_dir dir);
/* Is what is read from there text that a search found (a row of the vector store)? */
bool dfl_postgres_place_is_found(const char *place);
