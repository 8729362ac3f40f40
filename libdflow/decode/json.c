// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON tokenizer. It is lenient where strictness would cost evidence.
 *
 * Strings are handed out in runs without escapes, straight from the slice, so that their positions
 * are byte for byte; an escape is a run of its own, which stands for all bytes of its spelling (a
 * surrogate pair for both of its escapes). Nothing is kept but the path, a number, and half an
 * escape.
 */
#include "decode/json.h"

#include <string.h>

#include "decode/digits.h"

/*
 * What comes next: START a document; VALUE a value (or the end of the array); KEY a key (or the end
 * of the object); COLON; AFTER a comma or the end of the container; or it is inside a string, an
 * escape, its four hex digits, a number or word. BAD: this is no JSON; only reset leaves it.
 */
enum state { START, VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, AFTER, STR, ESC, HEX, WORD, BAD };

void dfl_json_init(struct dfl_json *j, const struct dfl_json_ops *ops, void *ud)
{
	memset(j, 0, sizeof(*j));
	j->ops = ops;
	j->ud = ud;
}

void dfl_json_reset(struct dfl_json *j)
{
	dfl_json_init(j, j->ops, j->ud);
}

bool dfl_json_in_doc(const struct dfl_json *j)
{
	return j->state != START && j->state != BAD;
}

static bool in_array(const struct dfl_json *j)
{
	return j->depth && (j->arrays >> (j->depth - 1) & 1);
}

/*
 * The path grows with each key and array. When it is full, `over` keeps the depth from which on it
 * did not fit: paths are "?" until that container is left.
 */
static void path_put(struct dfl_json *j, uint8_t c)
{
	if (j->over)
		return;
	if (j->path_len + 1u >= sizeof(j->path)) {
		j->over = j->depth;
		return;
	}
	j->path[j->path_len++] = (char)c;
}

/* Cuts the path back to that of the innermost container. */
static void path_cut(struct dfl_json *j)
{
	j->path_len = j->depth ? j->mark[j->depth] : 0;
	if (j->over >= j->depth)
		j->over = 0;
}

static void key_byte(struct dfl_json *j, uint8_t c)
{
	path_put(j, c == '.' || c == '[' || c < 0x20 ? '_' : c);
}

static const char *path_str(struct dfl_json *j)
{
	if (j->over)
		return "?";
	j->path[j->path_len] = 0;
	return j->path;
}

/* A value ended before the byte `after`; with it, the document if it is the outermost one. */
static void value_done(struct dfl_json *j, const uint8_t *after)
{
	if (j->depth) {
		path_cut(j);
		j->state = AFTER;
		return;
	}
	j->state = START;
	j->path_len = 0;
	if (j->ops->doc_end)
		j->ops->doc_end(j->ud, after);
}

static bool open_container(struct dfl_json *j, bool array, const uint8_t *at)
{
	if (j->depth >= DFL_JSON_DEPTH)
		return false;
	if (j->ops->tree_begin)
		j->ops->tree_begin(j->ud, path_str(j), at);
	if (array) {
		path_put(j, '[');
		path_put(j, ']');
		j->arrays |= 1ULL << j->depth;
	} else {
		j->arrays &= ~(1ULL << j->depth);
	}
	j->depth++;
	j->mark[j->depth] = j->path_len;
	j->state = array ? VALUE_OR_END : KEY_OR_END;
	return true;
}

static bool close_container(struct dfl_json *j, bool array, const uint8_t *after)
{
	if (!j->depth || in_array(j) != array)
		return false;
	path_cut(j);
	if (array && j->ops->array_end)
		j->ops->array_end(j->ud, path_str(j));
	if (j->ops->tree_end)
		j->ops->tree_end(j->ud, after);
	j->depth--;
	value_done(j, after);
	return true;
}

/* After the quote. A key goes on with the path of its object. */
static void string_begin(struct dfl_json *j, bool key, const uint8_t *after)
{
	j->state = STR;
	j->is_key = key;
	j->high = 0;
	if (key) {
		if (j->path_len)
			path_put(j, '.');
		return;
	}
	if (j->ops->str_begin)
		j->ops->str_begin(j->ud, path_str(j), after);
}

/* The first byte of a value, or the end of an empty array. False: it is neither. */
static bool value_byte(struct dfl_json *j, uint8_t c, const uint8_t *at)
{
	switch (c) {
	case '{':
	case '[':
		return open_container(j, c == '[', at);
	case '"':
		string_begin(j, false, at + 1);
		return true;
	case ']':
		return j->state == VALUE_OR_END && close_container(j, true, at + 1);
	default:
		if (c != '-' && (c < '0' || c > '9') && c != 't' && c != 'f' && c != 'n' &&
		    c != 'N' && c != 'I')
			return false; /* NaN and Infinity: Python writes them */
		j->state = WORD;
		return true;
	}
}

/* After a value inside a container. */
static bool after_byte(struct dfl_json *j, uint8_t c, const uint8_t *at)
{
	if (c == ',') {
		j->state = in_array(j) ? VALUE : KEY;
		return true;
	}
	return (c == '}' || c == ']') && close_container(j, c == ']', at + 1);
}

static bool word_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == '+' || c == '-';
}

static void put_word(struct dfl_json *j, uint8_t c, uint64_t end)
{
	if (j->word_len < DFL_JSON_WORD_MAX)
		j->word[j->word_len++] = (char)c;
	j->word_end = end;
}

static void word_done(struct dfl_json *j, const uint8_t *after)
{
	j->word[j->word_len] = 0;
	if (j->ops->word)
		j->ops->word(j->ud, path_str(j), j->word, j->word_pos, j->word_end);
	value_done(j, after);
}

/* Any byte outside of strings. It stands at the stream positions [pos, end). */
static bool plain_byte(struct dfl_json *j, const uint8_t *at, uint64_t pos, uint64_t end)
{
	uint8_t c = *at;
	bool ok;

	/* A number has no end of its own: the byte after it ends it, and is then read as well. */
	if (j->state == WORD) {
		if (word_byte(c)) {
			put_word(j, c, end);
			return true;
		}
		word_done(j, at);
	}
	if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
		return true;
	switch (j->state) {
	case KEY_OR_END:
		if (c == '}')
			return close_container(j, false, at + 1);
		/* fall through */
	case KEY:
		if (c != '"')
			return false;
		string_begin(j, true, at + 1);
		return true;
	case COLON:
		j->state = VALUE;
		return c == ':';
	case AFTER:
		return after_byte(j, c, at);
	default:
		ok = value_byte(j, c, at);
		if (j->state == WORD) {
			j->word_len = 0;
			j->word_pos = pos;
			put_word(j, c, end);
		}
		return ok;
	}
}

/* Bytes of the string that is being read, a key or a value. */
static void put_string(struct dfl_json *j, const struct dfl_slice *s)
{
	if (j->is_key) {
		for (size_t i = 0; i < s->len; i++)
			key_byte(j, s->data[i]);
		return;
	}
	if (j->ops->str_data && s->len)
		j->ops->str_data(j->ud, s);
}

/* A character as UTF-8 (RFC 3629, 3); it stands at [esc_pos, end). */
static void put_code_point(struct dfl_json *j, uint32_t cp, uint64_t end)
{
	uint8_t utf8[4];
	struct dfl_slice s = { .data = utf8, .pos = j->esc_pos, .pos_len = end - j->esc_pos };

	if (cp < 0x80) {
		utf8[s.len++] = (uint8_t)cp;
	} else if (cp < 0x800) {
		utf8[s.len++] = (uint8_t)(0xc0 | cp >> 6);
		utf8[s.len++] = (uint8_t)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		utf8[s.len++] = (uint8_t)(0xe0 | cp >> 12);
		utf8[s.len++] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		utf8[s.len++] = (uint8_t)(0x80 | (cp & 0x3f));
	} else {
		utf8[s.len++] = (uint8_t)(0xf0 | cp >> 18);
		utf8[s.len++] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
		utf8[s.len++] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		utf8[s.len++] = (uint8_t)(0x80 | (cp & 0x3f));
	}
	put_string(j, &s);
}

/* \uXXXX is complete. A lone surrogate yields nothing, as in the canonical form. */
static void hex_done(struct dfl_json *j, uint64_t end)
{
	uint32_t v = j->hex;

	j->state = STR;
	if (v >= 0xd800 && v < 0xdc00) {
		j->high = (uint16_t)v;
		return;
	}
	if (v >= 0xdc00 && v < 0xe000) {
		if (j->high)
			put_code_point(j, 0x10000 + ((j->high - 0xd800u) << 10) + (v - 0xdc00),
				       end);
		j->high = 0;
		return;
	}
	j->high = 0;
	put_code_point(j, v, end);
}

static bool hex_byte(struct dfl_json *j, uint8_t c, uint64_t end)
{
	int v = dfl_hex_digit(c);

	if (v < 0)
		return false;
	j->hex = (uint16_t)(j->hex << 4 | v);
	if (++j->n_hex == 4)
		hex_done(j, end);
	return true;
}

/* The byte after a backslash (RFC 8259, 7). False: it is no escape. */
static bool escape_byte(struct dfl_json *j, uint8_t c, uint64_t end)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = memchr(from, c, sizeof(from) - 1);

	if (c == 'u') {
		j->state = HEX;
		j->n_hex = 0;
		j->hex = 0;
		return true;
	}
	j->high = 0;
	j->state = STR;
	if (!p)
		return false;
	put_code_point(j, (uint8_t)to[p - from], end);
	return true;
}

static void string_end(struct dfl_json *j, const uint8_t *at)
{
	if (j->is_key) {
		j->state = COLON;
		return;
	}
	if (j->ops->str_end)
		j->ops->str_end(j->ud, at);
	value_done(j, at + 1);
}

/* A run of unescaped bytes, then the quote or backslash after it. Returns the bytes consumed. */
static size_t string_run(struct dfl_json *j, const struct dfl_slice *s, size_t i)
{
	size_t from = i;
	struct dfl_slice run;

	while (i < s->len && s->data[i] != '"' && s->data[i] != '\\')
		i++;
	if (i > from) {
		run = dfl_slice_sub(s, from, i - from);
		j->high = 0;
		put_string(j, &run);
	}
	if (i == s->len)
		return i - from;
	if (s->data[i] == '"') {
		string_end(j, s->data + i);
	} else {
		if (!j->high) /* else the low half of a pair: both escapes are one character */
			j->esc_pos = dfl_slice_pos(s, i);
		j->state = ESC;
	}
	return i - from + 1;
}

bool dfl_json_feed(struct dfl_json *j, const struct dfl_slice *s)
{
	size_t i = 0;
	bool ok = j->state != BAD;

	while (ok && i < s->len) {
		switch (j->state) {
		case STR:
			i += string_run(j, s, i);
			continue;
		case ESC:
			ok = escape_byte(j, s->data[i], dfl_slice_end(s, i));
			break;
		case HEX:
			ok = hex_byte(j, s->data[i], dfl_slice_end(s, i));
			break;
		default:
			ok = plain_byte(j, s->data + i, dfl_slice_pos(s, i), dfl_slice_end(s, i));
		}
		i++;
	}
	if (!ok)
		j->state = BAD;
	return ok;
}
