// SPDX-License-Identifier: Apache-2.0
/* Reads name=value&name=value (WHATWG URL, 5.1, "application/x-www-form-urlencoded parsing"). */
#include "decode/http/form.h"

#include <string.h>

#include "decode/dify/json_fields.h"
#include "decode/emit.h"

void dfl_form_init(struct dfl_form *f, const struct dfl_decoder_ctx *ctx, struct dfl_op *op,
		   enum dfl_dir dir)
{
	memset(f, 0, sizeof(*f));
	f->ctx = ctx;
	f->op = op;
	f->dir = dir;
}

static void append(struct dfl_form *f, const uint8_t *data, size_t len, uint64_t pos,
		   uint64_t pos_len, uint64_t ts_ns)
{
	if (f->source && len)
		f->ctx->sink->source_append(f->ctx->sink->ud, f->source, data, len, pos, pos_len,
					    ts_ns);
}

static void value_begin(struct dfl_form *f)
{
	bool named = f->name_len <= DFL_FORM_NAME_MAX && dfl_is_token(f->name, f->name_len);

	f->in_value = true;
	f->name[named ? f->name_len : 0] = 0;
	if (!dfl_json_fields_is_secret(f->name, strlen(f->name)))
		f->source = f->ctx->sink->source_begin(f->ctx->sink->ud, f->op,
						       named ? f->name : "*", f->dir);
}

/* "%4" and "%4x" are not an escape: they were text (the same section: percent-decode). */
static void hex_give_back(struct dfl_form *f, uint64_t end, uint64_t ts_ns)
{
	const uint8_t text[2] = { '%', (uint8_t)f->held };

	if (f->n_hex)
		append(f, text, f->n_hex, f->hex_pos, end - f->hex_pos, ts_ns);
	f->n_hex = 0;
}

static void field_end(struct dfl_form *f, uint64_t end, uint64_t ts_ns)
{
	hex_give_back(f, end, ts_ns);
	if (f->source)
		f->ctx->sink->source_end(f->ctx->sink->ud, f->source, ts_ns);
	f->source = NULL;
	f->in_value = false;
	f->name_len = 0;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9'		      ? c - '0' :
	       (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 :
							-1;
}

/* A byte after '%'. False: it belongs to no escape. */
static bool hex_byte(struct dfl_form *f, uint8_t c, uint64_t pos, uint64_t end, uint64_t ts_ns)
{
	int value = digit(c);
	uint8_t byte;

	if (value < 0) {
		hex_give_back(f, pos, ts_ns);
		return false;
	}
	if (f->n_hex++ == 1) {
		f->hex = (uint8_t)value;
		f->held = (char)c;
		return true;
	}
	byte = (uint8_t)(f->hex << 4 | value);
	f->n_hex = 0;
	append(f, &byte, 1, f->hex_pos, end - f->hex_pos, ts_ns);
	return true;
}

/* Bytes of a value that stand for themselves, from byte i on. */
static size_t plain_run(struct dfl_form *f, const struct dfl_slice *s, size_t i, uint64_t ts_ns)
{
	struct dfl_slice run;
	size_t n = 0;

	while (i + n < s->len && !memchr("&+%", s->data[i + n], 3))
		n++;
	run = dfl_slice_sub(s, i, n);
	append(f, run.data, run.len, run.pos, run.pos_len, ts_ns);
	return n;
}

static void value_byte(struct dfl_form *f, const struct dfl_slice *s, size_t i, uint64_t ts_ns)
{
	const struct dfl_slice one = dfl_slice_sub(s, i, 1);

	if (s->data[i] == '&') {
		field_end(f, one.pos, ts_ns);
	} else if (s->data[i] == '+') {
		append(f, (const uint8_t *)" ", 1, one.pos, one.pos_len, ts_ns);
	} else {
		f->n_hex = 1;
		f->hex_pos = one.pos;
	}
}

static void name_byte(struct dfl_form *f, uint8_t c, uint64_t pos, uint64_t ts_ns)
{
	if (c == '=')
		value_begin(f);
	else if (c == '&')
		field_end(f, pos, ts_ns);
	else if (f->name_len <= DFL_FORM_NAME_MAX)
		f->name[f->name_len++] = (char)c;
}

void dfl_form_feed(struct dfl_form *f, const struct dfl_slice *s, uint64_t ts_ns)
{
	size_t i = 0;

	while (i < s->len) {
		const struct dfl_slice one = dfl_slice_sub(s, i, 1);

		if (!f->in_value) {
			name_byte(f, s->data[i++], one.pos, ts_ns);
		} else if (f->n_hex) {
			if (hex_byte(f, s->data[i], one.pos, one.pos + one.pos_len, ts_ns))
				i++;
		} else if (memchr("&+%", s->data[i], 3)) {
			value_byte(f, s, i++, ts_ns);
		} else {
			i += plain_run(f, s, i, ts_ns);
		}
	}
}

void dfl_form_gap(struct dfl_form *f, uint64_t pos, uint64_t len)
{
	f->n_hex = 0;
	if (!f->in_value) {
		f->name_len = DFL_FORM_NAME_MAX + 1;
		value_begin(f);
	}
	dfl_gap_source(f->ctx, f->source, pos, len);
}

void dfl_form_fini(struct dfl_form *f, uint64_t ts_ns)
{
	if (f->ctx)
		field_end(f, f->hex_pos + f->n_hex, ts_ns);
	explicit_bzero(f->name, sizeof(f->name));
}
