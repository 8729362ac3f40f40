// SPDX-License-Identifier: Apache-2.0
/* The RESP parser: byte by byte, but bulk strings in one go. */
#include "decode/redis/resp_parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * TYPE: the first byte of a value; LINE: up to CR, LINE_LF: its LF. A bulk string: its bytes, its
 * CR, its LF.
 */
enum state { TYPE, LINE, LINE_LF, BULK, BULK_CR, BULK_LF };

/* Of an aggregate, so that sums cannot overflow; a map counts double. */
#define ELEMENTS_MAX (1u << 30)

void dfl_resp_parser_init(struct dfl_resp_parser *p, const struct dfl_resp_parser_ops *ops,
			  void *ud, bool commands)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->ud = ud;
	p->commands = commands;
}

/*
 * A value is complete, and so may be the aggregates around it: each counts down. index counts the
 * elements of the outermost one, so it moves when a value at depth 1 is over.
 */
static void value_done(struct dfl_resp_parser *p, const uint8_t *after)
{
	p->state = TYPE;
	if (p->depth == 1)
		p->index++;
	while (p->depth && !--p->todo[p->depth - 1]) {
		p->depth--;
		if (p->depth == 1)
			p->index++;
	}
	if (!p->depth)
		p->ops->top_end(p->ud, after);
}

/* "*3", "%2": n values (or pairs of them) follow; "*-1" is null (RESP2). */
static int aggregate(struct dfl_resp_parser *p, long long n, const uint8_t *after)
{
	if (p->type == '%' || p->type == '|')
		n *= 2;
	if (n > ELEMENTS_MAX)
		return -EPROTO;
	if (n <= 0) {
		value_done(p, after);
		return 0;
	}
	if (p->depth == DFL_RESP_DEPTH_MAX)
		return -EPROTO;
	if (!p->depth)
		p->index = 0;
	p->todo[p->depth++] = (uint64_t)n;
	p->state = TYPE;
	return 0;
}

/* "$5": n bytes and CR LF follow; "$-1" is null (RESP2). */
static int bulk(struct dfl_resp_parser *p, long long n, const uint8_t *after)
{
	if (n > (long long)DFL_RESP_BULK_MAX)
		return -EPROTO;
	if (n < 0) {
		value_done(p, after);
		return 0;
	}
	p->left = (uint64_t)n;
	p->state = n ? BULK : BULK_CR;
	p->ops->bulk_begin(p->ud, p->depth, p->index, after);
	if (!n)
		p->ops->bulk_end(p->ud, after);
	return 0;
}

/* The number on the line. -1 is the null of RESP2; others below 0 are an error. */
static int number(const struct dfl_resp_parser *p, long long *ret_n)
{
	char *end;

	if (!p->line_len || p->line_long)
		return -EPROTO;
	*ret_n = strtoll(p->text, &end, 10);
	return *end || *ret_n < -1 ? -EPROTO : 0;
}

static int line_done(struct dfl_resp_parser *p, const uint8_t *after)
{
	long long n = 0;

	p->text[p->line_len] = 0;
	switch (p->type) {
	case '*':
	case '~':
	case '>':
	case '%':
	case '|':
		return number(p, &n) ? -EPROTO : aggregate(p, n, after);
	case '$':
	case '!':
	case '=':
		return number(p, &n) ? -EPROTO : bulk(p, n, after);
	default:
		p->ops->line(p->ud, p->type, p->depth, p->index, p->text, p->line_len);
		value_done(p, after);
		return 0;
	}
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Keeps what fits; a number that did not fit is an error later. */
static void line_put(struct dfl_resp_parser *p, uint8_t c)
{
	if (p->line_len < DFL_RESP_LINE_MAX)
		p->text[p->line_len++] = (char)c;
	else
		p->line_long = true;
}

/* The first byte of a value. From a client only an array or an inline command can come. */
static int type_byte(struct dfl_resp_parser *p, const uint8_t *at)
{
	uint8_t c = *at;
	bool command = p->commands && !p->depth;

	if (!c || (command ? c != '*' && !is_letter(c) : !strchr("+-:$*_#,(!=%~>|", c)))
		return -EPROTO;
	p->type = command && c != '*' ? DFL_RESP_INLINE : c;
	p->line_len = 0;
	p->line_long = false;
	p->state = LINE;
	if (!p->depth)
		p->ops->top_begin(p->ud, p->type, at);
	if (p->type == DFL_RESP_INLINE)
		line_put(p, c);
	return 0;
}

static int line_byte(struct dfl_resp_parser *p, const uint8_t *at)
{
	if (*at == '\r') {
		p->state = LINE_LF;
		return 0;
	}
	if (*at == '\n')
		return p->type == DFL_RESP_INLINE ? line_done(p, at + 1) : -EPROTO;
	line_put(p, *at);
	return 0;
}

static int byte(struct dfl_resp_parser *p, const uint8_t *at)
{
	switch (p->state) {
	case TYPE:
		return type_byte(p, at);
	case LINE:
		return line_byte(p, at);
	case LINE_LF:
		return *at == '\n' ? line_done(p, at + 1) : -EPROTO;
	case BULK_CR:
		p->state = BULK_LF;
		return *at == '\r' ? 0 : -EPROTO;
	default:
		if (*at != '\n')
			return -EPROTO;
		value_done(p, at + 1);
		return 0;
	}
}

/* The bytes from i on that are of the bulk string. Returns how many. */
static size_t bulk_run(struct dfl_resp_parser *p, const struct dfl_slice *s, size_t i)
{
	size_t n = s->len - i < p->left ? s->len - i : (size_t)p->left;
	struct dfl_slice run = dfl_slice_sub(s, i, n);

	p->ops->bulk_data(p->ud, &run);
	p->left -= n;
	if (!p->left) {
		p->state = BULK_CR;
		p->ops->bulk_end(p->ud, s->data + i + n);
	}
	return n;
}

int dfl_resp_parser_feed(struct dfl_resp_parser *p, const struct dfl_slice *s, size_t *ret_used)
{
	size_t i = 0;

	while (i < s->len) {
		if (p->state == BULK) {
			i += bulk_run(p, s, i);
			continue;
		}
		if (byte(p, s->data + i)) {
			*ret_used = i;
			return -EPROTO;
		}
		i++;
	}
	return 0;
}

bool dfl_resp_parser_skip(struct dfl_resp_parser *p, uint64_t len)
{
	if (p->state != BULK || len > p->left || !len)
		return false;
	p->left -= len;
	if (!p->left) {
		p->state = BULK_CR;
		p->ops->bulk_end(p->ud, NULL);
	}
	return true;
}
