// SPDX-License-Identifier: Apache-2.0
/* Packing a trace document: layout, columns, texts. */
#include "doc/doc_pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "doc/doc_keys.h"

#define MAX_UINT 10 /* bytes of the largest one */

struct text {
	size_t at, len; /* in `texts` */
};

struct packer {
	struct dfl_buf layout, columns, texts;
	struct text *text; /* by number, from 0 */
	size_t n_text;
	uint32_t *slot;		/* open addressing: number + 1 of a text; 0: free */
	size_t n_slot;		/* a power of two; at most half of them are in use */
	int64_t *ints, *before; /* an integer column, and the one before it */
	size_t room, n_before;	/* of each; rows of `before` */
	int r;			/* the first error */
};

/* The rows of a list: where each struct begins. All columns of a list have as many rows. */
struct rows {
	const char *const *at;
	size_t n;
	size_t offset; /* of the object within each struct */
};

static void put(struct packer *p, struct dfl_buf *b, const void *data, size_t len)
{
	if (!p->r)
		p->r = dfl_buf_append(b, data, len);
}

/* LEB128: seven bits a byte, the lowest first. */
static void put_uint(struct packer *p, struct dfl_buf *b, uint64_t v)
{
	uint8_t *to;

	if (b->cap - b->len < MAX_UINT && !p->r)
		p->r = dfl_buf_reserve(b, MAX_UINT);
	if (p->r)
		return;
	to = b->data + b->len;
	for (; v > 0x7f; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	b->len = (size_t)(to - b->data);
}

static uint64_t zigzag(uint64_t difference)
{
	return (difference << 1) ^ (0 - (difference >> 63));
}

/* ---- integers ---- */

static bool reserve_ints(struct packer *p, size_t n)
{
	int64_t *more;

	if (n <= p->room)
		return true;
	more = reallocarray(p->ints, n, sizeof(*more));
	if (more)
		p->ints = more;
	more = more ? reallocarray(p->before, n, sizeof(*more)) : NULL;
	if (!more) {
		p->r = -ENOMEM;
		return false;
	}
	p->before = more;
	p->room = n;
	return true;
}

/* In steps from row to row, or as differences to the column before: what has the smaller sum. */
static bool is_near_before(const struct packer *p, size_t n)
{
	uint64_t by_row = 0, by_column = 0, last = 0;

	if (n != p->n_before)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t v = (uint64_t)p->ints[i];

		by_row += (uint64_t)(64 - __builtin_clzll(zigzag(v - last) | 1));
		by_column += (uint64_t)(64 -
					__builtin_clzll(zigzag(v - (uint64_t)p->before[i]) | 1));
		last = v;
	}
	return by_column < by_row;
}

/* Writes p->ints[n]. */
static void put_ints(struct packer *p, size_t n)
{
	bool near_before = is_near_before(p, n);
	int64_t *written = p->ints;
	uint64_t last = 0;

	put_uint(p, &p->columns, near_before);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = (uint64_t)written[i];

		put_uint(p, &p->columns, zigzag(v - (near_before ? (uint64_t)p->before[i] : last)));
		last = v;
	}
	p->ints = p->before;
	p->before = written;
	p->n_before = n;
}

static int64_t integer(enum dfl_doc_kind kind, const void *m)
{
	uint64_t n;

	switch (kind) {
	case DOC_U32:
	case DOC_U32_NULL:
	case DOC_ENCODINGS:
		return *(const uint32_t *)m;
	case DOC_TRI:
		return *(const int *)m;
	case DOC_I64:
	case DOC_TIME:
		return *(const int64_t *)m;
	case DOC_U64:
	case DOC_U64_NULL:
		n = *(const uint64_t *)m;
		if (kind == DOC_U64_NULL && n == DFL_DOC_UNKNOWN)
			return -1;
		return n > INT64_MAX ? INT64_MAX : (int64_t)n;
	default: /* bool */
		return *(const bool *)m;
	}
}

static void put_integers(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	if (!reserve_ints(p, rows.n))
		return;
	for (size_t i = 0; i < rows.n; i++)
		p->ints[i] = integer(k->kind, rows.at[i] + rows.offset + k->offset);
	put_ints(p, rows.n);
}

/* The counts of a column of lists. Returns their sum. */
static size_t put_counts(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	size_t sum = 0;

	if (!reserve_ints(p, rows.n))
		return 0;
	for (size_t i = 0; i < rows.n; i++) {
		p->ints[i] = *(const int64_t *)(rows.at[i] + rows.offset + k->count_offset);
		sum += (size_t)p->ints[i];
	}
	put_ints(p, rows.n);
	return sum;
}

/* ---- texts ---- */

static uint32_t *find_slot(struct packer *p, const char *s, size_t len)
{
	size_t mask = p->n_slot - 1, i = XXH3_64bits(s, len) & mask;

	for (; p->slot[i]; i = (i + 1) & mask) {
		const struct text *t = &p->text[p->slot[i] - 1];

		if (t->len == len && !memcmp(p->texts.data + t->at, s, len))
			break;
	}
	return &p->slot[i];
}

static int grow_slots(struct packer *p)
{
	size_t n = p->n_slot ? 2 * p->n_slot : 256;
	struct text *text = reallocarray(p->text, n / 2, sizeof(*text));
	uint32_t *slot = calloc(n, sizeof(*slot));

	if (text)
		p->text = text;
	if (!text || !slot) {
		free(slot);
		return -ENOMEM;
	}
	free(p->slot);
	p->slot = slot;
	p->n_slot = n;
	for (size_t i = 0; i < p->n_text; i++)
		*find_slot(p, (const char *)p->texts.data + p->text[i].at,
			   p->text[i].len) = (uint32_t)i + 1;
	return 0;
}

/* The text of the row above, and what stands for it. All zero: null. */
struct above {
	uint64_t code;
	size_t at; /* in `texts` */
};

/* What stands for a text: 0 null, 1 the next new one, 2 as in the row above, 3 + its number. */
static void put_text(struct packer *p, const char *s, struct above *above)
{
	uint32_t *slot;
	size_t len;

	if (s && above->code && !strcmp((const char *)p->texts.data + above->at, s)) {
		put_uint(p, &p->columns, 2);
		return;
	}
	if (!s) {
		*above = (struct above){ 0 };
		put_uint(p, &p->columns, 0);
		return;
	}
	if (2 * (p->n_text + 1) > p->n_slot && !p->r)
		p->r = grow_slots(p);
	if (p->r)
		return;
	len = strlen(s);
	slot = find_slot(p, s, len);
	if (!*slot) {
		p->text[p->n_text] = (struct text){ p->texts.len, len };
		*slot = (uint32_t)++p->n_text;
		put_uint(p, &p->columns, 1);
		put(p, &p->texts, s, len + 1);
	} else {
		put_uint(p, &p->columns, 2 + (uint64_t)*slot);
	}
	*above = (struct above){ 2 + (uint64_t)*slot, p->text[*slot - 1].at };
}

static const char *word(const struct dfl_doc_key *k, const void *m, char *room, size_t size)
{
	switch (k->kind) {
	case DOC_SCHEMA:
		return DFL_TRACE_SCHEMA;
	case DOC_TRACE_ID:
		return m;
	case DOC_STATION:
		return dfl_station_name(*(const enum dfl_station *)m);
	case DOC_MEDIUM:
		return dfl_medium_name(*(const enum dfl_medium *)m);
	case DOC_RESIDENCY:
		return dfl_residency_name(*(const enum dfl_residency *)m);
	case DOC_DIR:
		return *(const enum dfl_dir *)m == DFL_REQUEST ? "request" : "response";
	case DOC_REAL:
		snprintf(room, size, "%.6g", *(const double *)m);
		return room;
	default:
		return *(const char *const *)m;
	}
}

static void put_words(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	struct above above = { 0 };
	char real[32];

	for (size_t i = 0; i < rows.n; i++)
		put_text(p, word(k, rows.at[i] + rows.offset + k->offset, real, sizeof(real)),
			 &above);
}

static void put_text_lists(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	struct above above = { 0 };

	put_counts(p, k, rows);
	for (size_t i = 0; i < rows.n; i++) {
		const char *base = rows.at[i] + rows.offset;
		size_t n = *(const size_t *)(base + k->count_offset);

		for (size_t j = 0; j < n; j++)
			put_text(p, (*(char *const *const *)(base + k->offset))[j], &above);
	}
}

/* ---- the tables ---- */

static void put_ranges(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	size_t n = put_counts(p, k, rows), at = 0;

	if (!reserve_ints(p, 2 * n))
		return;
	for (size_t i = 0; i < rows.n; i++) {
		const char *base = rows.at[i] + rows.offset;
		size_t here = *(const size_t *)(base + k->count_offset);
		const struct dfl_doc_range *r = *(const struct dfl_doc_range *const *)(base +
										       k->offset);

		for (size_t j = 0; j < here; j++) {
			p->ints[at++] = (int64_t)r[j].from;
			p->ints[at++] = (int64_t)r[j].to;
		}
	}
	put_ints(p, 2 * n);
}

static void put_columns(struct packer *p, const struct dfl_doc_key *keys, struct rows rows);

static void put_list(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	size_t n = put_counts(p, k, rows), at = 0;
	const char **items = calloc(n ? n : 1, sizeof(*items));

	if (!items) {
		p->r = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < rows.n; i++) {
		const char *base = rows.at[i] + rows.offset;
		size_t here = *(const size_t *)(base + k->count_offset);

		for (size_t j = 0; j < here; j++)
			items[at++] = *(const char *const *)(base + k->offset) + j * k->size;
	}
	put_columns(p, k->sub, (struct rows){ .at = items, .n = n });
	free(items);
}

static void put_sub(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	struct dfl_doc_key ids[DFL_N_ID + 1];

	put(p, &p->layout, "(", 1);
	if (k->kind == DOC_LIST) {
		put_list(p, k, rows);
	} else if (k->kind == DOC_IDS) {
		dfl_doc_id_keys(ids);
		rows.offset += k->offset;
		put_columns(p, ids, rows);
	} else {
		rows.offset += k->offset;
		put_columns(p, k->sub, rows);
	}
	put(p, &p->layout, ")", 1);
}

static void put_column(struct packer *p, const struct dfl_doc_key *k, struct rows rows)
{
	char form = dfl_doc_form(k->kind);

	put(p, &p->layout, k->name, strlen(k->name));
	put(p, &p->layout, (char[]){ ':', form }, 2);
	if (form == DOC_FORM_INTEGER)
		put_integers(p, k, rows);
	else if (form == DOC_FORM_TEXT)
		put_words(p, k, rows);
	else if (form == DOC_FORM_TEXTS)
		put_text_lists(p, k, rows);
	else if (form == DOC_FORM_RANGES)
		put_ranges(p, k, rows);
	else
		put_sub(p, k, rows);
}

static void put_columns(struct packer *p, const struct dfl_doc_key *keys, struct rows rows)
{
	for (const struct dfl_doc_key *k = keys; k->name && !p->r; k++)
		put_column(p, k, rows);
}

static void join(struct packer *p, struct dfl_buf *ret_packed)
{
	put(p, ret_packed, (uint8_t[]){ DFL_DOC_PACKED }, 1);
	put_uint(p, ret_packed, p->layout.len);
	put(p, ret_packed, p->layout.data, p->layout.len);
	put_uint(p, ret_packed, p->columns.len);
	put(p, ret_packed, p->columns.data, p->columns.len);
	put(p, ret_packed, p->texts.data, p->texts.len);
}

int dfl_doc_pack(const struct dfl_doc *doc, enum dfl_doc_part part, struct dfl_buf *ret_packed)
{
	struct rows rows = { .at = (const char *[]){ (const char *)doc }, .n = 1 };
	struct packer p = { 0 };

	for (const struct dfl_doc_key *k = dfl_doc_keys; k->name && !p.r; k++)
		if (dfl_doc_is_body(k) == (part == DFL_DOC_BODY))
			put_column(&p, k, rows);
	join(&p, ret_packed);
	dfl_buf_fini(&p.layout);
	dfl_buf_fini(&p.columns);
	dfl_buf_fini(&p.texts);
	free(p.text);
	free(p.slot);
	free(p.ints);
	free(p.before);
	return p.r;
}
