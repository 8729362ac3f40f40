// SPDX-License-Identifier: Apache-2.0
/* The closed account of a connection: which bytes that came no decoder has shown. */
#include "trace/cover.h"

#include <stdlib.h>
#include <string.h>

#include "base/opacity.h"

enum {
	HOLES_MAX = 8,	 /* of one stream that may still be shown; older ones stay skipped */
	STREAMS_MAX = 8, /* of one connection; the oldest is forgotten, and stays as it is */
};

struct hole {
	uint64_t from, to;
};

/* One direction of one layer and TLS object. */
struct cover {
	struct cover *next;
	enum dfl_dir dir;
	enum dfl_layer layer;
	uint64_t ssl;
	uint64_t to;  /* before this, all bytes are shown or in a hole … */
	uint64_t end; /* … and from there to here they have come, and are not shown yet */
	struct hole holes[HOLES_MAX];
	unsigned n_holes;
};

static struct cover *find(struct covers *all, const struct dfl_chunk *of, enum dfl_dir dir)
{
	struct cover *c;

	for (c = all->newest; c; c = c->next)
		if (c->dir == dir && c->layer == of->layer && c->ssl == of->ssl)
			return c;
	return NULL;
}

/* The list is the newest first; of too many the last one goes. */
static void drop_oldest(struct covers *all)
{
	struct cover **at = &all->newest;
	unsigned n = 1;

	for (; *at && n < STREAMS_MAX; at = &(*at)->next)
		n++;
	free(*at);
	*at = NULL;
}

/* NULL without memory: the failed allocation makes the traces incomplete. */
static struct cover *add(struct covers *all, const struct dfl_chunk *chunk)
{
	struct cover *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	drop_oldest(all);
	c->dir = chunk->dir;
	c->layer = chunk->layer;
	c->ssl = chunk->ssl;
	c->to = c->end = chunk->pos;
	c->next = all->newest;
	all->newest = c;
	return c;
}

/* [from, to) was passed over. A short stretch is framing. */
static void add_hole(struct covers *all, struct cover *c, uint64_t from, uint64_t to)
{
	if (to - from < DFL_OPACITY_SHORT) {
		*all->skipped -= to - from;
		return;
	}
	if (c->n_holes == HOLES_MAX)
		memmove(c->holes, c->holes + 1, --c->n_holes * sizeof(c->holes[0]));
	c->holes[c->n_holes++] = (struct hole){ from, to };
}

/* The bytes of holes that are shown after all. What is left of a hole is one again, or two. */
static void fill_holes(struct covers *all, struct cover *c, uint64_t from, uint64_t to)
{
	struct hole old[HOLES_MAX];
	unsigned n = c->n_holes;

	memcpy(old, c->holes, sizeof(old));
	c->n_holes = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t a = from > old[i].from ? from : old[i].from;
		uint64_t b = to < old[i].to ? to : old[i].to;

		if (a >= b) {
			c->holes[c->n_holes++] = old[i];
			continue;
		}
		*all->skipped -= b - a;
		add_hole(all, c, old[i].from, a);
		add_hole(all, c, b, old[i].to);
	}
}

void dfl_cover_came(struct covers *all, const struct dfl_chunk *chunk)
{
	struct cover *c = find(all, chunk, chunk->dir) ?: add(all, chunk);

	if (!c)
		return;
	if (chunk->pos != c->end) { /* bytes are missing between, or it began anew */
		add_hole(all, c, c->to, c->end);
		if (chunk->pos < c->end)
			c->n_holes = 0;
		c->to = chunk->pos;
	}
	c->end = chunk->pos + chunk->len;
	*all->skipped += chunk->len;
}

void dfl_cover_shown(struct covers *all, const struct dfl_chunk *from, enum dfl_dir dir,
		     uint64_t pos, uint64_t pos_to)
{
	struct cover *c = find(all, from, dir);

	if (!c)
		return;
	pos_to = pos_to < c->end ? pos_to : c->end;
	if (c->n_holes && pos < c->to)
		fill_holes(all, c, pos, pos_to < c->to ? pos_to : c->to);
	if (pos_to <= c->to)
		return;
	if (pos > c->to)
		add_hole(all, c, c->to, pos);
	*all->skipped -= pos_to - (pos > c->to ? pos : c->to);
	c->to = pos_to;
}

void dfl_cover_unread(struct covers *all, enum dfl_dir dir, uint64_t len)
{
	struct cover *c;

	for (c = all->newest; c; c = c->next)
		if (c->dir == dir && c->to < c->end)
			break;
	if (!c)
		return;
	len = len < c->end - c->to ? len : c->end - c->to;
	*all->skipped -= len;
	c->to += len;
}

void dfl_cover_encrypted(struct covers *all)
{
	struct cover **at = &all->newest, *c;

	while ((c = *at)) {
		if (c->layer != DFL_WIRE) {
			at = &c->next;
			continue;
		}
		*all->skipped -= c->end - c->to;
		*at = c->next;
		free(c);
	}
}

void dfl_cover_free(struct covers *all)
{
	struct cover *c;

	while ((c = all->newest)) {
		all->newest = c->next;
		free(c);
	}
}
