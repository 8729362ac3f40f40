// SPDX-License-Identifier: Apache-2.0
/* A binary heap of records by (time, CPU, sequence class, sequence number): pieces of one call
 * carry one time. */
#include "capture/live/reorder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Does a go before b? */
static bool before(const struct dfl_k_head *a, const struct dfl_k_head *b)
{
	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu;
	if (a->seq_class != b->seq_class)
		return a->seq_class < b->seq_class;
	return a->seq < b->seq;
}

/* Room for one more. */
static int grow(struct dfl_reorder *w)
{
	size_t cap = w->cap ? w->cap * 2 : 256;
	struct dfl_k_head **heap;

	if (w->n < w->cap)
		return 0;
	if (cap > DFL_REORDER_MAX_RECORDS)
		return -ENOMEM;
	heap = realloc(w->heap, cap * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	w->heap = heap;
	w->cap = cap;
	return 0;
}

int dfl_reorder_put(struct dfl_reorder *w, const struct dfl_k_head *rec)
{
	struct dfl_k_head *copy;
	size_t i;

	if (grow(w))
		return -ENOMEM;
	copy = malloc(rec->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, rec, rec->size);
	for (i = w->n++; i && before(copy, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = copy;
	w->bytes += copy->size;
	return 0;
}

const struct dfl_k_head *dfl_reorder_peek(const struct dfl_reorder *w)
{
	return w->n ? w->heap[0] : NULL;
}

struct dfl_k_head *dfl_reorder_pop(struct dfl_reorder *w)
{
	struct dfl_k_head *top = w->n ? w->heap[0] : NULL, *last;
	size_t i = 0, child;

	if (!top)
		return NULL;
	w->bytes -= top->size;
	last = w->heap[--w->n];
	while ((child = 2 * i + 1) < w->n) {
		if (child + 1 < w->n && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

void dfl_reorder_release(struct dfl_k_head *rec)
{
	if (!rec)
		return;
	explicit_bzero(rec, rec->size);
	free(rec);
}

void dfl_reorder_fini(struct dfl_reorder *w)
{
	while (w->n)
		dfl_reorder_release(w->heap[--w->n]);
	free(w->heap);
	*w = (struct dfl_reorder){ 0 };
}
