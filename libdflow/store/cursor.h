/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor walks the traces of a store that a filter lets through, in the order of their start. It
 * holds a bounded number of rows, whatever the size of the store, and no lock and no transaction
 * between two calls: a caller may take any time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "doc/doc.h"
#include "store/store.h"

struct dfl_cursor;

enum dfl_want { DFL_WANT_ANY, DFL_WANT_YES, DFL_WANT_NO };

/* Which traces, and in which order. All zero: all of them, the oldest first. */
struct dfl_filter {
	int64_t since_ns, until_ns; /* of the start, UTC; until_ns is not included; 0: no end */
	const char *id;		    /* has an id that begins so, in any spelling of it; NULL: any */
	const char *operation;	    /* a shell glob that ignores case: "POST *chat*"; NULL: any */
	enum dfl_station station;   /* a hop from it or to it; DFL_ST_UNKNOWN: any */
	enum dfl_want settled;	    /* of an ended recorder all traces are settled */
	enum dfl_want complete;	    /* what is open is not complete */
	uint32_t limit;		    /* only the newest so many, in either order; 0: all */
	bool newest_first;
};

/* One trace. All of it is borrowed from the cursor until the next call of dfl_cursor_next. */
struct dfl_row {
	char trace_id[DFL_TRACE_ID_LEN + 1];
	int64_t started_ns, ended_ns; /* UTC since 1970; ended_ns -1: not known */
	bool settled, complete;
	uint64_t n_hops;
	const char *operation;	    /* NULL: not known */
	const char *ids[DFL_N_ID];  /* as the request spelled them; NULL: not seen */
	const struct dfl_doc *head; /* a document without connections, hops and places */
};

/*
 * Opens a cursor before the first row. The filter and its strings are copied; the store is
 * borrowed and has to stay open. Several cursors of one store may be open at the same time, all in
 * the thread of the store. Errors: those of reading a store, -ENOMEM.
 */
int dfl_cursor_open(struct dfl_store *s, const struct dfl_filter *filter,
		    struct dfl_cursor **ret_cursor, struct dfl_err *err);

/*
 * Goes to the next row. 1: there is one; 0: the end, *ret_row is untouched; else an error. A trace
 * that is stored meanwhile may come or not; none comes twice.
 */
int dfl_cursor_next(struct dfl_cursor *c, const struct dfl_row **ret_row, struct dfl_err *err);

/*
 * The whole document of the current row, as it is in the store now; dfl_doc_free it. -ENOENT:
 * retention removed it meanwhile. -EBADMSG: it is damaged.
 */
int dfl_cursor_doc(struct dfl_cursor *c, struct dfl_doc **ret_doc, struct dfl_err *err);

/*
 * The current row as an element of "requests" of dflow.ls/1 (docs/formats.md): one line of JSON,
 * free() it. It costs no look at the store. -ENOENT: there is no row; -ENOMEM.
 */
int dfl_cursor_json(struct dfl_cursor *c, char **ret_json, struct dfl_err *err);

/* NULL is allowed. */
void dfl_cursor_close(struct dfl_cursor *c);
