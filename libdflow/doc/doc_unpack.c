// SPDX-License-Identifier: Apache-2.0
/*
 * Unpacking a trace document. The layout says which columns come; the ones that this program does
 * not know are read and dropped.
 */
#include "doc/doc_unpack.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "doc/doc_keys.h"
#include "doc/doc_pack.h"

#define MAX_DEPTH 8
#define MAX_LIST (1 << 18) /* elements of one column that a reader takes */

struct unpacker {
	const char *layout, *layout_end; /* what is still to come of it */
	const uint8_t *at, *end;	 /* of the columns */
	const char **text;		 /* all, by number from 0; borrowed from the input */
	size_t n_text, n_used;		 /* texts; those that came up so far */
	int64_t *ints, *before;		 /* as in the packer */
	size_t room, n_before;
	unsigned depth;
};

/* Where the structs of a list begin; NULL: the column is dropped. */
struct rows {
	char **at;
	size_t n;
	size_t offset;
};

static char *place(struct rows rows, size_t i, size_t offset)
{
	return rows.at[i] + rows.offset + offset;
}

static int get_uint(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t c = *(*at)++;

		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret_value = v;
			return 0;
		}
	}
	return -EBADMSG;
}

/* ---- integers ---- */

static int reserve_ints(struct unpacker *u, size_t n)
{
	int64_t *more;

	if (n <= u->room)
		return 0;
	more = reallocarray(u->ints, n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	u->ints = more;
	more = reallocarray(u->before, n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	u->before = more;
	u->room = n;
	return 0;
}

/* Afterwards they are u->before[n]. Each takes a byte or more, so n cannot claim much. */
static int get_ints(struct unpacker *u, size_t n)
{
	uint64_t near_before, v, last = 0;
	int64_t *read;
	int r;

	if (n > (size_t)(u->end - u->at) || n > 2 * MAX_LIST)
		return -EBADMSG;
	r = reserve_ints(u, n);
	if (!r)
		r = get_uint(&u->at, u->end, &near_before);
	if (!r && (near_before > 1 || (near_before && n != u->n_before)))
		r = -EBADMSG;
	for (size_t i = 0; !r && i < n; i++) {
		r = get_uint(&u->at, u->end, &v);
		v = r ? 0 : (v >> 1) ^ (0 - (v & 1));
		last = v + (!r && near_before ? (uint64_t)u->before[i] : last);
		u->ints[i] = (int64_t)last;
	}
	read = u->ints;
	u->ints = u->before;
	u->before = read;
	u->n_before = n;
	return r;
}

static int set_unsigned(int64_t v, int64_t max, void *m)
{
	if (v < 0 || v > max)
		return -EBADMSG;
	if (max == UINT32_MAX)
		*(uint32_t *)m = (uint32_t)v;
	else
		*(uint64_t *)m = (uint64_t)v;
	return 0;
}

static int set_integer(enum dfl_doc_kind kind, int64_t v, void *m)
{
	switch (kind) {
	case DOC_U32:
	case DOC_U32_NULL:
	case DOC_ENCODINGS:
		return set_unsigned(v, UINT32_MAX, m);
	case DOC_U64:
		return set_unsigned(v, INT64_MAX, m);
	case DOC_TRI:
		*(int *)m = (int)v;
		return v < -1 || v > 1 ? -EBADMSG : 0;
	case DOC_TIME:
	case DOC_U64_NULL:
		*(int64_t *)m = v; /* DFL_DOC_UNKNOWN is -1 */
		return v < -1 ? -EBADMSG : 0;
	case DOC_I64:
		*(int64_t *)m = v;
		return 0;
	default:
		*(bool *)m = v == 1;
		return v < 0 || v > 1 ? -EBADMSG : 0;
	}
}

static int get_integers(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	int r = get_ints(u, rows.n);

	for (size_t i = 0; !r && k && i < rows.n; i++)
		r = set_integer(k->kind, u->before[i], place(rows, i, k->offset));
	return r;
}

/* The counts of a column of lists are u->before[rows.n]. Their sum. */
static int get_counts(struct unpacker *u, struct rows rows, size_t *ret_sum)
{
	size_t sum = 0;
	int r = get_ints(u, rows.n);

	for (size_t i = 0; !r && i < rows.n; i++) {
		if (u->before[i] < 0 || u->before[i] > MAX_LIST)
			return -EBADMSG;
		sum += (size_t)u->before[i];
		/* Each element takes a byte or more. */
		if (sum > MAX_LIST || sum > (size_t)(u->end - u->at))
			return -EBADMSG;
	}
	if (!r)
		*ret_sum = sum;
	return r;
}

/* ---- texts ---- */

/* above: number + 1 of the text in the row above; 0: null. */
static int get_text(struct unpacker *u, size_t *above, const char **ret_text)
{
	uint64_t code;
	int r = get_uint(&u->at, u->end, &code);

	if (r)
		return r;
	if (code == 1)
		*above = ++u->n_used;
	else if (code != 2)
		*above = code > u->n_used + 2 ? SIZE_MAX : code ? code - 2 : 0;
	if (*above > u->n_text || u->n_used > u->n_text)
		return -EBADMSG;
	*ret_text = *above ? u->text[*above - 1] : NULL;
	return 0;
}

static int copy_text(const char *text, char **m)
{
	if (*m) /* the key came twice */
		return -EBADMSG;
	*m = text ? strdup(text) : NULL;
	if (*m)
		dfl_printable(*m);
	return text && !*m ? -ENOMEM : 0;
}

static int set_trace_id(const char *text, char *m)
{
	if (!text || strlen(text) != DFL_TRACE_ID_LEN ||
	    strspn(text, "0123456789abcdef") != DFL_TRACE_ID_LEN)
		return -EBADMSG;
	memcpy(m, text, DFL_TRACE_ID_LEN + 1);
	return 0;
}

static int set_real(const char *text, double *m)
{
	char *end = NULL;

	*m = text ? strtod(text, &end) : 0;
	return !text || end == text || *end || !isfinite(*m) ? -EBADMSG : 0;
}

static int set_word(enum dfl_doc_kind kind, const char *text, void *m)
{
	int v = 0;

	if (kind == DOC_DIR) {
		*(enum dfl_dir *)m = text && !strcmp(text, "response") ? DFL_RESPONSE : DFL_REQUEST;
		return !text || (strcmp(text, "request") && strcmp(text, "response")) ? -EBADMSG :
											0;
	}
	if (text)
		v = kind == DOC_STATION ? dfl_station_parse(text) :
		    kind == DOC_MEDIUM	? dfl_medium_parse(text) :
					  dfl_residency_parse(text);
	if (v < 0 || (!text && kind == DOC_MEDIUM))
		return -EBADMSG;
	if (kind == DOC_STATION)
		*(enum dfl_station *)m = (enum dfl_station)v;
	else if (kind == DOC_MEDIUM)
		*(enum dfl_medium *)m = (enum dfl_medium)v;
	else
		*(enum dfl_residency *)m = (enum dfl_residency)v;
	return 0;
}

static int set_text(enum dfl_doc_kind kind, const char *text, void *m)
{
	switch (kind) {
	case DOC_SCHEMA:
		return text && !strcmp(text, DFL_TRACE_SCHEMA) ? 0 : -EBADMSG;
	case DOC_TRACE_ID:
		return set_trace_id(text, m);
	case DOC_REAL:
		return set_real(text, m);
	case DOC_STR:
		return copy_text(text, m);
	default:
		return set_word(kind, text, m);
	}
}

static int get_texts(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	size_t above = 0;
	int r = 0;

	for (size_t i = 0; !r && i < rows.n; i++) {
		const char *text;

		r = get_text(u, &above, &text);
		if (!r && k)
			r = set_text(k->kind, text, place(rows, i, k->offset));
	}
	return r;
}

/* ---- lists ---- */

/* Makes the lists of all rows, of as many elements as u->before says. */
static int make_lists(struct unpacker *u, const struct dfl_doc_key *k, size_t size,
		      struct rows rows)
{
	for (size_t i = 0; i < rows.n; i++) {
		void **list = (void **)place(rows, i, k->offset);
		size_t n = (size_t)u->before[i];

		if (*list)
			return -EBADMSG;
		*list = n ? calloc(n, size) : NULL;
		if (n && !*list)
			return -ENOMEM;
		*(size_t *)place(rows, i, k->count_offset) = n;
	}
	return 0;
}

static int get_text_lists(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	size_t sum, above = 0;
	const char *text;
	int r = get_counts(u, rows, &sum);

	if (!r && k)
		r = make_lists(u, k, sizeof(char *), rows);
	for (size_t j = 0; !r && !k && j < sum; j++)
		r = get_text(u, &above, &text);
	for (size_t i = 0; !r && k && i < rows.n; i++) {
		char **list = *(char ***)place(rows, i, k->offset);
		size_t n = *(size_t *)place(rows, i, k->count_offset);

		for (size_t j = 0; !r && j < n; j++) {
			r = get_text(u, &above, &text);
			if (!r)
				r = text ? copy_text(text, &list[j]) : -EBADMSG;
		}
	}
	return r;
}

static int get_ranges(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	size_t sum, at = 0;
	int r = get_counts(u, rows, &sum);

	if (!r && k)
		r = make_lists(u, k, sizeof(struct dfl_doc_range), rows);
	if (!r)
		r = get_ints(u, 2 * sum);
	for (size_t i = 0; !r && k && i < rows.n; i++) {
		struct dfl_doc_range *list = *(struct dfl_doc_range **)place(rows, i, k->offset);
		size_t n = *(size_t *)place(rows, i, k->count_offset);

		for (size_t j = 0; j < n; j++, at += 2) {
			if (u->before[at] < 0 || u->before[at + 1] < u->before[at])
				return -EBADMSG;
			list[j] = (struct dfl_doc_range){ (uint64_t)u->before[at],
							  (uint64_t)u->before[at + 1] };
		}
	}
	return r;
}

static int get_columns(struct unpacker *u, const struct dfl_doc_key *keys, struct rows rows);

static int get_list(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	char **items = NULL;
	size_t sum, at = 0;
	int r = get_counts(u, rows, &sum);

	if (!r && k)
		r = make_lists(u, k, k->size, rows);
	if (r)
		return r;
	if (!k)
		return get_columns(u, NULL, (struct rows){ .n = sum });
	items = calloc(sum ? sum : 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < rows.n; i++) {
		size_t n = *(size_t *)place(rows, i, k->count_offset);

		for (size_t j = 0; j < n; j++)
			items[at++] = *(char **)place(rows, i, k->offset) + j * k->size;
	}
	r = get_columns(u, k->sub, (struct rows){ .at = items, .n = sum });
	free(items);
	return r;
}

/* ---- the layout ---- */

/* The next "name:form". */
static int next_token(struct unpacker *u, const char **ret_name, size_t *ret_len, char *ret_form)
{
	size_t left = (size_t)(u->layout_end - u->layout);
	const char *colon = memchr(u->layout, ':', left);

	if (!colon || u->layout_end - colon < 2)
		return -EBADMSG;
	*ret_name = u->layout;
	*ret_len = (size_t)(colon - u->layout);
	*ret_form = colon[1];
	u->layout = colon + 2;
	return 0;
}

static bool at_end(const struct unpacker *u)
{
	return u->layout == u->layout_end || *u->layout == ')';
}

/* This program's row for it, looked for from *next on; NULL: it knows none of that form. */
static const struct dfl_doc_key *own_key(const struct dfl_doc_key *keys,
					 const struct dfl_doc_key **next, const char *name,
					 size_t len, char form)
{
	const struct dfl_doc_key *k = *next;

	for (int pass = 0; keys && pass < 2; pass++, k = keys)
		for (; k->name; k++)
			if (!strncmp(k->name, name, len) && !k->name[len]) {
				*next = k + 1;
				return dfl_doc_form(k->kind) == form ? k : NULL;
			}
	return NULL;
}

static int get_object(struct unpacker *u, const struct dfl_doc_key *k, struct rows rows)
{
	struct dfl_doc_key ids[DFL_N_ID + 1];

	if (!k)
		return get_columns(u, NULL, rows);
	rows.offset += k->offset;
	if (k->kind != DOC_IDS)
		return get_columns(u, k->sub, rows);
	dfl_doc_id_keys(ids);
	return get_columns(u, ids, rows);
}

static int get_sub(struct unpacker *u, const struct dfl_doc_key *k, char form, struct rows rows)
{
	int r;

	if (u->layout == u->layout_end || *u->layout != '(' || u->depth == MAX_DEPTH)
		return -EBADMSG;
	u->layout++;
	u->depth++;
	r = form == DOC_FORM_LIST ? get_list(u, k, rows) : get_object(u, k, rows);
	u->depth--;
	if (r || u->layout == u->layout_end)
		return r ? r : -EBADMSG;
	u->layout++; /* the bracket that at_end() saw */
	return 0;
}

static int get_column(struct unpacker *u, const struct dfl_doc_key *k, char form, struct rows rows)
{
	switch (form) {
	case DOC_FORM_INTEGER:
		return get_integers(u, k, rows);
	case DOC_FORM_TEXT:
		return get_texts(u, k, rows);
	case DOC_FORM_TEXTS:
		return get_text_lists(u, k, rows);
	case DOC_FORM_RANGES:
		return get_ranges(u, k, rows);
	case DOC_FORM_OBJECT:
	case DOC_FORM_LIST:
		return get_sub(u, k, form, rows);
	default:
		return -EBADMSG;
	}
}

/* keys NULL: all of it is dropped. */
static int get_columns(struct unpacker *u, const struct dfl_doc_key *keys, struct rows rows)
{
	const struct dfl_doc_key *next = keys;
	int r = 0;

	while (!r && !at_end(u)) {
		const char *name;
		size_t len;
		char form;

		r = next_token(u, &name, &len, &form);
		if (!r)
			r = get_column(u, own_key(keys, &next, name, len, form), form, rows);
	}
	return r;
}

/* ---- the whole ---- */

/* What is behind the columns: each ends with a NUL. */
static int index_texts(struct unpacker *u, const char *at, const char *end)
{
	size_t n = 0;

	if (at < end && end[-1])
		return -EBADMSG;
	for (const char *c = at; c < end; c += strlen(c) + 1)
		n++;
	u->text = calloc(n ? n : 1, sizeof(*u->text));
	if (!u->text)
		return -ENOMEM;
	for (const char *c = at; c < end; c += strlen(c) + 1)
		u->text[u->n_text++] = c;
	return 0;
}

/* A length, then so many bytes. */
static int get_section(const uint8_t **at, const uint8_t *end, const uint8_t **ret_section,
		       size_t *ret_len)
{
	uint64_t len;
	int r = get_uint(at, end, &len);

	if (r || len > (size_t)(end - *at))
		return -EBADMSG;
	*ret_section = *at;
	*ret_len = len;
	*at += len;
	return 0;
}

int dfl_doc_unpack(const void *packed, size_t len, struct dfl_doc *doc)
{
	const uint8_t *at = packed, *end = at + len, *layout, *columns;
	struct rows rows = { .at = (char *[]){ (char *)doc }, .n = 1 };
	struct unpacker u = { 0 };
	size_t n;
	int r;

	if (!len || *at++ != DFL_DOC_PACKED)
		return -EBADMSG;
	r = get_section(&at, end, &layout, &n);
	if (r)
		return r;
	u.layout = (const char *)layout;
	u.layout_end = u.layout + n;
	r = get_section(&at, end, &columns, &n);
	if (r)
		return r;
	u.at = columns;
	u.end = columns + n;
	r = index_texts(&u, (const char *)at, (const char *)end);
	if (!r)
		r = get_columns(&u, dfl_doc_keys, rows);
	if (!r && (u.layout != u.layout_end || u.at != u.end))
		r = -EBADMSG;
	free(u.text);
	free(u.ints);
	free(u.before);
	return r;
}
