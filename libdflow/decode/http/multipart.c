// SPDX-License-Identifier: Apache-2.0
/* A streaming reader of multipart/form-data (RFC 7578, RFC 2046 section 5.1). */
#include "decode/http/multipart.h"

#include <string.h>
#include <strings.h>

#include "decode/dify/json_fields.h"
#include "decode/emit.h"

/* CONTENT up to a delimiter; AFTER it, up to the line break; HEADER lines; DONE: "--" came. */
enum state { CONTENT, AFTER, HEADER, DONE };

bool dfl_multipart_init(struct dfl_multipart *m, const struct dfl_decoder_ctx *ctx,
			struct dfl_op *op, enum dfl_dir dir, const char *content_type,
			const char *part)
{
	const char *b = strcasestr(content_type, "boundary=");
	size_t n;

	memset(m, 0, sizeof(*m));
	if (!b)
		return false;
	b += 9;
	if (*b == '"')
		b++;
	n = strcspn(b, "\"; \t");
	if (!n || n > DFL_BOUNDARY_MAX)
		return false;
	m->ctx = ctx;
	m->op = op;
	m->dir = dir;
	m->part = part;
	memcpy(m->delim, "\r\n--", 4);
	memcpy(m->delim + 4, b, n);
	m->delim_len = (uint8_t)(4 + n);
	m->matched = 2; /* the first delimiter has no line break before it */
	return true;
}

static void source_end(struct dfl_multipart *m, uint64_t ts_ns)
{
	if (m->source)
		m->ctx->sink->source_end(m->ctx->sink->ud, m->source, ts_ns);
	m->source = NULL;
}

static void content(struct dfl_multipart *m, const struct dfl_slice *s, uint64_t ts_ns)
{
	if (m->source && s->len)
		m->ctx->sink->source_append(m->ctx->sink->ud, m->source, s->data, s->len, s->pos,
					    s->pos_len, ts_ns);
}

/* What looked like the delimiter, up to position `end`, was content. */
static void give_back(struct dfl_multipart *m, uint64_t end, uint64_t ts_ns)
{
	struct dfl_slice s = { m->delim, m->matched, m->match_pos, end - m->match_pos };

	m->matched = 0;
	content(m, &s, ts_ns);
}

/* Content from byte i on, up to the delimiter. Returns the bytes consumed. */
static size_t content_run(struct dfl_multipart *m, const struct dfl_slice *s, size_t i,
			  uint64_t ts_ns)
{
	const uint8_t *cr;
	struct dfl_slice run;

	if (m->matched) {
		if (s->data[i] != m->delim[m->matched]) {
			give_back(m, dfl_slice_pos(s, i), ts_ns);
			return 0;
		}
		if (++m->matched == m->delim_len) {
			source_end(m, ts_ns);
			m->matched = 0;
			m->line_len = 0;
			m->state = AFTER;
		}
		return 1;
	}
	cr = memchr(s->data + i, '\r', s->len - i);
	run = dfl_slice_sub(s, i, (cr ? (size_t)(cr - s->data) : s->len) - i);
	content(m, &run, ts_ns);
	if (!cr)
		return run.len;
	m->match_pos = dfl_slice_pos(s, i + run.len);
	m->matched = 1;
	return run.len + 1;
}

/*
 * Content-Disposition: form-data; name="file"; filename="…" (RFC 7578, 4.2). Quotes are what this
 * RFC writes, but not all clients do.
 */
static void read_name(struct dfl_multipart *m)
{
	const char *name = strcasestr(m->line, " name=");
	size_t n;

	if (strncasecmp(m->line, "Content-Disposition:", 20) || !name)
		return;
	name += 6;
	name += *name == '"';
	n = strcspn(name, "\";\r");
	if (m->part) {
		m->is_wanted |= strlen(m->part) == n && !strncmp(name, m->part, n);
		return;
	}
	if (n >= sizeof(m->name) || !dfl_is_token(name, n))
		n = 0;
	memcpy(m->name, name, n);
	m->name[n] = 0;
}

/* A header of a part is complete; an empty line begins the content. */
static void header_line(struct dfl_multipart *m)
{
	m->line[m->line_len] = 0;
	if (m->line_len) {
		read_name(m);
		return;
	}
	m->state = CONTENT;
	if (m->part ? m->is_wanted : !dfl_json_fields_is_secret(m->name, strlen(m->name)))
		m->source = m->ctx->sink->source_begin(m->ctx->sink->ud, m->op,
						       m->part	  ? m->part :
						       m->name[0] ? m->name :
								    "*",
						       m->dir);
	m->is_wanted = false;
	m->name[0] = 0;
}

static void line_byte(struct dfl_multipart *m, uint8_t c)
{
	if (c != '\n') {
		if (c != '\r' && m->line_len < sizeof(m->line) - 1)
			m->line[m->line_len++] = (char)c;
		if (m->state == AFTER && m->line_len == 2 && !memcmp(m->line, "--", 2))
			m->state = DONE;
		return;
	}
	if (m->state == AFTER)
		m->state = HEADER;
	else
		header_line(m);
	m->line_len = 0;
}

void dfl_multipart_feed(struct dfl_multipart *m, const struct dfl_slice *s, uint64_t ts_ns)
{
	size_t i = 0;

	while (i < s->len && m->state != DONE) {
		if (m->state == CONTENT)
			i += content_run(m, s, i, ts_ns);
		else
			line_byte(m, s->data[i++]);
	}
}

/*
 * The delimiter or the headers of a part may be among what is missing: what follows is taken for
 * content of the same part.
 */
void dfl_multipart_gap(struct dfl_multipart *m, uint64_t pos, uint64_t len)
{
	dfl_gap_source(m->ctx, m->source, pos, len);
	m->matched = 0;
	m->line_len = 0;
	m->is_wanted = false;
	m->name[0] = 0;
	if (m->state != DONE)
		m->state = CONTENT;
}

void dfl_multipart_fini(struct dfl_multipart *m, uint64_t ts_ns)
{
	dfl_gap_source(m->ctx, m->source, 0, 0); /* no delimiter was seen after it */
	source_end(m, ts_ns);
	explicit_bzero(m->line, sizeof(m->line));
}
