// SPDX-License-Identifier: Apache-2.0
/* The one transaction of the writer: it begins with the first write and ends with a sync. */
#include "store/transaction.h"

#include "store/dictionary.h"
#include "store/error.h"
#include "store/shape.h"

int dfl_store_begin(struct dfl_store *s, struct dfl_err *err)
{
	if (s->in_transaction)
		return 0;
	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
		return dfl_store_error(s, err, "write to");
	s->in_transaction = true;
	return 0;
}

int dfl_store_give_up(struct dfl_store *s, struct dfl_err *err)
{
	int r = dfl_store_error(s, err, "write to");

	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
	/* What was remembered may be gone with the transaction. */
	dfl_dictionary_forget(s);
	dfl_written_forget(s->written);
	dfl_shape_forget(s);
	return r;
}

int dfl_store_sync(struct dfl_store *s, struct dfl_err *err)
{
	if (!s->in_transaction)
		return 0;
	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL))
		return dfl_store_give_up(s, err);
	s->in_transaction = false;
	return 0;
}
