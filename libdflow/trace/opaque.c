// SPDX-License-Identifier: Apache-2.0
/* What of a view is no text: opaque bytes, and copies of binary texts. */
#include "trace/opaque.h"

#include <stdlib.h>
#include <string.h>

#include "match/binary.h"
#include "trace/stage.h"

/* Bytes in which pieces of binary texts are looked for: a view's own, or those of one coded run. */
struct dfl_binary_view {
	struct dfl_view *view;
	struct dfl_binary_scan *scan;
	struct dfl_match_view *words; /* what was found, spelt; NULL: nothing yet */
	bool gap;		      /* other bytes stood behind the last word */
	uint32_t encodings;	      /* what was undone to get the bytes */
	uint64_t ts_ns;		      /* of the bytes that are fed */
	struct dfl_opacity *opacity;  /* of what is not found; NULL: it is not judged */
};

/* A run of base64 or hex that goes on. */
struct coded_run {
	struct dfl_opacity opacity;
	struct dfl_binary_view *binary; /* NULL: no binary text is looked for */
	bool suspicious;		/* some of it may hold data in a form that nobody reads */
	uint64_t decoded, stream;	/* bytes so far: decoded, and as they stand in the view */
	uint64_t counted;		/* stream bytes that count as opaque */
};

/* ---- copies of binary texts ---- */

static void on_word(void *ud, const char *word, uint64_t pos, uint64_t pos_to)
{
	struct dfl_binary_view *b = ud;

	if (!b->words && dfl_match_view_new(b->view->op->trace->match, b->view, &b->words))
		return; /* counted as a failed allocation */
	dfl_match_view_undone(b->words, b->encodings);
	if (b->gap)
		dfl_match_view_gap(b->words);
	b->gap = false;
	dfl_match_view_feed(b->words, word, DFL_PIECE_WORD, pos, pos_to - pos, b->ts_ns);
}

static void on_rest(void *ud, const uint8_t *data, size_t len)
{
	struct dfl_binary_view *b = ud;

	b->gap = b->words;
	if (b->opacity)
		dfl_opacity_feed(b->opacity, data, len);
}

static const struct dfl_binary_fns binary_fns = { .word = on_word, .rest = on_rest };

/* NULL without memory. */
static struct dfl_binary_view *binary_new(struct dfl_view *v, struct dfl_opacity *opacity)
{
	struct dfl_binary_view *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->view = v;
	b->opacity = opacity;
	b->scan = dfl_binary_scan_new(&v->op->trace->pieces);
	if (b->scan)
		return b;
	free(b);
	return NULL;
}

static void binary_feed(struct dfl_binary_view *b, const void *data, size_t len, uint64_t pos,
			uint64_t pos_len, uint64_t ts_ns)
{
	b->ts_ns = ts_ns;
	dfl_binary_scan_feed(b->scan, data, len, pos, pos_len, &binary_fns, b);
}

static void binary_end(struct dfl_binary_view *b)
{
	dfl_binary_scan_end(b->scan, &binary_fns, b);
	b->gap = b->words;
}

static void binary_free(struct dfl_binary_view *b)
{
	if (!b)
		return;
	binary_end(b);
	dfl_match_view_close(b->words);
	dfl_binary_scan_free(b->scan);
	free(b);
}

/* Opaque bytes so far. What is held back counts as if it were of no text. */
static uint64_t opaque_bytes(const struct dfl_opacity *o, const struct dfl_binary_view *b)
{
	struct dfl_opacity all = *o;
	const uint8_t *held;
	size_t n = b ? dfl_binary_scan_held(b->scan, &held) : 0;

	if (n)
		dfl_opacity_feed(&all, held, n);
	return dfl_opacity_bytes(&all);
}

/* ---- the account ---- */

/*
 * Is the view judged? Derived text stands in another view too, and what is read from a file went
 * nowhere.
 */
static bool is_judged(const struct dfl_view *v)
{
	return !v->derives && !dfl_tconn_is_file_read(v->op->tc, v->dir);
}

/* The bytes that are no text changed. The open window of an opacity counts, so they can be fewer.
 */
static void account(struct dfl_view *v)
{
	uint64_t now = opaque_bytes(&v->opacity, v->binary) + v->coded_opaque;

	v->op->tc->bytes.unread[UNREAD_OPAQUE] += now - v->opaque;
	v->opaque = now;
}

void dfl_opaque_data(struct dfl_view *v, const void *data, size_t len, uint64_t pos,
		     uint64_t pos_len, uint64_t ts_ns)
{
	bool judged = is_judged(v);

	if (v->op->trace->pieces.texts && !v->binary)
		v->binary = binary_new(v, judged ? &v->opacity : NULL);
	if (v->binary)
		binary_feed(v->binary, data, len, pos, pos_len, ts_ns);
	else if (judged)
		dfl_opacity_feed(&v->opacity, data, len);
	if (judged)
		account(v);
}

void dfl_opaque_gap(struct dfl_view *v)
{
	if (v->binary)
		binary_end(v->binary);
}

void dfl_opaque_close(struct dfl_view *v)
{
	if (!v->binary)
		return;
	binary_free(v->binary);
	v->binary = NULL;
	if (is_judged(v))
		account(v);
}

/* ---- runs of base64 and hex ---- */

/* Does what a run decodes to count? What was not sent by a process of a request carries nothing on.
 */
static bool is_sent(const struct dfl_view *v)
{
	return v->dir == v->op->dir || v->op->request;
}

/* Opaque bytes of the run, as bytes of the view. */
static void account_run(struct dfl_view *v, struct coded_run *r)
{
	uint64_t n = r->suspicious ? opaque_bytes(&r->opacity, r->binary) : 0, now = 0;

	if (n > OPAQUE_CODED_SHORT)
		now = (uint64_t)((double)n / (double)r->decoded * (double)r->stream);
	v->coded_opaque += now - r->counted;
	r->counted = now;
	account(v);
}

static void run_end(struct dfl_view *v, struct coded_run *r)
{
	binary_free(r->binary);
	r->binary = NULL;
	if (is_judged(v))
		account_run(v, r);
	free(r);
}

static struct coded_run *run_begin(struct dfl_view *v, const struct dfl_coded *coded)
{
	struct coded_run *r = calloc(1, sizeof(*r));

	if (!r || !v->op->trace->pieces.texts)
		return r;
	r->binary = binary_new(v, &r->opacity);
	if (r->binary)
		r->binary->encodings = coded->encodings;
	return r;
}

void dfl_opaque_coded(void *ud, void *view_ud, void **slot, const struct dfl_coded *coded)
{
	struct dfl_view *v = view_ud;
	struct coded_run *r = *slot;
	bool suspicious;

	if (!coded) {
		run_end(v, r);
		return;
	}
	r = *slot = r ?: run_begin(v, coded);
	if (!r)
		return;
	suspicious = coded->is_mixed && !coded->is_text && !coded->is_signature && is_sent(v);
	r->suspicious |= suspicious;
	r->decoded += coded->len_bytes;
	r->stream += coded->pos_to - coded->pos;
	if (r->binary)
		binary_feed(r->binary, coded->data, coded->len_bytes, coded->pos,
			    coded->pos_to - coded->pos, coded->ts_ns);
	else if (suspicious)
		dfl_opacity_feed(&r->opacity, coded->data, coded->len_bytes);
	if (r->suspicious && is_judged(v))
		account_run(v, r);
}
