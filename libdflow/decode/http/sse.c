// SPDX-License-Identifier: Apache-2.0
/* Server-sent events (WHATWG HTML, 9.2.6, "Interpreting an event stream"): only "data" lines count.
 */
#include "decode/http/sse.h"

#include <string.h>

/* What of the line comes next. */
enum state { NAME, SPACE, DATA, SKIP };

void dfl_sse_init(struct dfl_sse *s, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		  enum dfl_dir dir, enum dfl_json_field_set set)
{
	memset(s, 0, sizeof(*s));
	s->line_empty = true;
	dfl_json_fields_init(&s->fields, ctx, op, dir, NULL, set);
}

/* One byte at the start of a line, before the data. */
static void name_byte(struct dfl_sse *s, uint8_t c)
{
	static const char name[] = "data:";

	if (c == '\r')
		return;
	s->line_empty = false;
	if (c != (uint8_t)name[s->matched]) {
		s->state = SKIP;
		return;
	}
	if (++s->matched == sizeof(name) - 1)
		s->state = SPACE;
}

/* A blank line ends the event; a broken or foreign text ("[DONE]") ends with its line. */
static void line_end(struct dfl_sse *s, uint64_t ts_ns)
{
	if (s->line_empty || !dfl_json_in_doc(&s->fields.json))
		dfl_json_fields_next(&s->fields, ts_ns);
	s->state = NAME;
	s->matched = 0;
	s->line_empty = true;
}

/* The data of a line up to its end. Returns the bytes consumed. */
static size_t data_run(struct dfl_sse *s, const struct dfl_slice *d, size_t i,
		       const struct dfl_chunk *from)
{
	const uint8_t *nl = memchr(d->data + i, '\n', d->len - i);
	size_t n = nl ? (size_t)(nl - d->data) - i : d->len - i;
	struct dfl_slice run = dfl_slice_sub(d, i, n);

	if (s->state == DATA)
		dfl_json_fields_feed(&s->fields, &run, from);
	return n;
}

void dfl_sse_feed(struct dfl_sse *s, const struct dfl_slice *d, const struct dfl_chunk *from)
{
	size_t i = 0;

	while (i < d->len) {
		uint8_t c = d->data[i];

		if (c == '\n') {
			line_end(s, from->ts_ns);
			i++;
		} else if (s->state == NAME) {
			name_byte(s, c);
			i++;
		} else if (s->state == SPACE && c == ' ') {
			s->state = DATA;
			i++;
		} else {
			if (s->state == SPACE)
				s->state = DATA;
			i += data_run(s, d, i, from);
		}
	}
}

void dfl_sse_gap(struct dfl_sse *s, uint64_t pos, uint64_t len, uint64_t ts_ns)
{
	dfl_json_fields_gap(&s->fields, pos, len, ts_ns);
	s->state = SKIP;
	s->line_empty = false;
}

void dfl_sse_fini(struct dfl_sse *s, uint64_t ts_ns)
{
	dfl_json_fields_fini(&s->fields, ts_ns);
}
