// SPDX-License-Identifier: Apache-2.0
/* What SQLite says, as an errno and a sentence for the person. */
#include "store/error.h"

#include <sqlite3.h>

int dfl_store_error(const struct dfl_store *s, struct dfl_err *err, const char *doing)
{
	switch (sqlite3_errcode(s->db)) {
	case SQLITE_NOTADB:
		return dfl_err_set(err, EBADMSG,
				   "%s is not a dflow store, or it is damaged; move it away "
				   "and record into a new one",
				   s->path);
	case SQLITE_CORRUPT:
		return dfl_err_set(err, EBADMSG,
				   "the store %s is damaged; move it away and record into a "
				   "new one (sqlite3 FILE .recover may save what is in it)",
				   s->path);
	case SQLITE_NOMEM:
		return dfl_err_set(err, ENOMEM, "out of memory while reading or writing %s",
				   s->path);
	case SQLITE_FULL:
		return dfl_err_set(err, ENOSPC, "no room left on the disk of %s", s->path);
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return dfl_err_set(err, EACCES, "cannot %s the store %s: no permission", doing,
				   s->path);
	case SQLITE_BUSY:
		return dfl_err_set(err, EAGAIN, "the store %s is busy; try again", s->path);
	case SQLITE_CANTOPEN:
		return dfl_err_set(err, EACCES,
				   "cannot %s the store %s: its folder has to be writable "
				   "for its owner",
				   doing, s->path);
	default:
		return dfl_err_set(err, EIO, "cannot %s the store %s: %s", doing, s->path,
				   sqlite3_errmsg(s->db));
	}
}
