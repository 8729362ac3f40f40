// SPDX-License-Identifier: Apache-2.0
/*
 * The scanner of SQL (Postgres documentation, "Lexical Structure").
 *
 * It goes byte by byte and keeps one word. Text is emitted in runs: [from, i) of the slice is what
 * was read since the last literal began or ended, so most slices are handed on in one piece. A
 * quote at the end of a slice may be half of a doubled one; it is held until the next slice tells.
 */
#include "decode/postgres/sql_lex.h"

#include "decode/postgres/sql_parse.h"
#include "decode/postgres/sql_rows.h"

/* What the scanner is in. */
enum lex {
	PLAIN,
	WORD,
	QUOTED_WORD,
	LITERAL,
	LITERAL_ESC,
	DOLLAR,
	DOLLAR_BODY,
	NUMBERS,
	PARAM,
	LINE_COMMENT,
	COMMENT
};

void dfl_sql_init(struct dfl_sql *q, const struct dfl_sql_ops *ops, void *ud)
{
	memset(q, 0, sizeof(*q));
	q->ops = ops;
	q->ud = ud;
}

void dfl_sql_fini(struct dfl_sql *q)
{
	dfl_names_fini(&q->columns);
	dfl_names_fini(&q->items);
	dfl_names_fini(&q->params);
	dfl_names_fini(&q->rows.set);
}

/* Bytes of names and numbers; all of UTF-8 beyond ASCII counts as letters, as in Postgres. */
static bool is_word(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c >= 0x80;
}

static bool in_literal(const struct dfl_sql *q)
{
	return q->lex == LITERAL || q->lex == LITERAL_ESC || q->lex == DOLLAR_BODY ||
	       q->lex == NUMBERS;
}

/* Bytes [from, to) of the slice go to the literal when the scanner is in one, else to the text. */
static void emit(struct dfl_sql *q, const struct dfl_slice *s, size_t from, size_t to)
{
	struct dfl_slice run;

	if (to <= from)
		return;
	run = dfl_slice_sub(s, from, to - from);
	if (!in_literal(q))
		q->ops->text(q->ud, &run);
	else if (!q->secret)
		q->ops->lit_data(q->ud, &run);
}

static void begin_literal(struct dfl_sql *q, enum lex lex)
{
	char place[DFL_NAME_MAX];

	q->secret = q->want_password;
	q->lex = (uint8_t)lex;
	if (!q->secret)
		q->ops->lit_begin(q->ud, dfl_sql_literal_place(q, place) ? place : NULL,
				  dfl_sql_literal_role(q));
	dfl_sql_rows_value(q);
}

static void end_literal(struct dfl_sql *q)
{
	q->lex = PLAIN;
	q->want_password = q->escapes = false;
	q->prev = '\'';
	if (!q->secret)
		q->ops->lit_end(q->ud);
}

static void put_word(struct dfl_sql *q, uint8_t c, bool fold)
{
	if (q->word_len >= DFL_SQL_WORD_MAX - 1) {
		q->word[0] = '*'; /* too long for a name: never taken for one */
		return;
	}
	q->word[q->word_len++] = (char)(fold && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	q->word[q->word_len] = 0;
}

/* "$12" is over. */
static void end_param(struct dfl_sql *q)
{
	unsigned n = 0;

	for (size_t i = 0; i < q->word_len && n < 10000; i++)
		n = n * 10 + (unsigned)(q->word[i] - '0');
	dfl_sql_param(q, n);
	q->lex = PLAIN;
	q->prev = '$';
}

/*
 * One byte outside of words and literals: what does it begin? *from: bytes of the slice before it
 * were emitted; it moves past the opening quote of a literal.
 */
static void plain_byte(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	uint8_t c = s->data[i];

	if (is_word(c)) {
		q->word_len = 0;
		put_word(q, c, true);
		q->lex = WORD;
	} else if (c == '"') {
		q->word_len = 0;
		q->word[0] = 0;
		q->lex = QUOTED_WORD;
	} else if (c == '\'') {
		emit(q, s, *from, i + 1);
		*from = i + 1;
		begin_literal(q, LITERAL);
	} else if (c == '[' && !q->prev && !strcmp(q->word, "array")) { /* prev 0: right after a
									   word */
		emit(q, s, *from, i);
		*from = i;
		begin_literal(q, NUMBERS);
	} else if (c == '$') {
		q->tag_len = 0;
		q->lex = DOLLAR;
	} else if (c == '-' && q->prev == '-') {
		q->lex = LINE_COMMENT;
	} else if (c == '*' && q->prev == '/') {
		q->lex = COMMENT;
	} else if (c > ' ') {
		dfl_sql_mark(q, c);
	}
	if (q->lex == LINE_COMMENT || q->lex == COMMENT)
		q->prev = 0;
	else if (q->lex == PLAIN && (c > ' ' || q->prev == '-' || q->prev == '/'))
		q->prev = c;
}

/* A byte inside a word. Returns false when the word ended before it. */
static bool word_byte(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	uint8_t c = s->data[i];

	if (q->lex == QUOTED_WORD) {
		if (c != '"') {
			put_word(q, c, false);
			return true;
		}
		q->lex = PLAIN;
		dfl_sql_word(q, true);
		q->prev = 0;
		return true;
	}
	if (is_word(c)) {
		put_word(q, c, true);
		return true;
	}
	q->lex = PLAIN;
	/* E'…' has backslashes, B'…', N'…' and X'…' have not; the letter is no word then */
	q->escapes = c == '\'' && q->word_len == 1 && q->word[0] == 'e';
	if (!(c == '\'' && q->word_len == 1 && strchr("ebnx", q->word[0])))
		dfl_sql_word(q, false);
	q->prev = 0;
	return false;
}

/* After '$': "$1", "$$" or "$tag$". */
static bool dollar_byte(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	uint8_t c = s->data[i];

	if (!q->tag_len && c >= '0' && c <= '9') {
		q->word_len = 0;
		put_word(q, c, false);
		q->lex = PARAM;
		return true;
	}
	if (c == '$') {
		emit(q, s, *from, i + 1);
		*from = i + 1;
		q->tag_seen = 0;
		begin_literal(q, DOLLAR_BODY);
		return true;
	}
	if (!is_word(c) || q->tag_len >= sizeof(q->tag)) {
		q->lex = PLAIN;
		return false;
	}
	q->tag[q->tag_len++] = (char)c;
	return true;
}

/* The closing "$tag$" is emitted with the literal: it holds no text of the user. */
static void dollar_body_byte(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	uint8_t c = s->data[i];
	uint16_t n = q->tag_seen;

	if (n && n <= q->tag_len && c == (uint8_t)q->tag[n - 1]) {
		q->tag_seen++;
		return;
	}
	if (c != '$') {
		q->tag_seen = 0;
		return;
	}
	if (n != q->tag_len + 1) {
		q->tag_seen = 1;
		return;
	}
	emit(q, s, *from, i + 1);
	*from = i + 1;
	end_literal(q);
}

/* Inside ARRAY[…]: up to its bracket, or to what is no number. Returns the index to go on at. */
static size_t numbers_byte(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	uint8_t c = s->data[i];

	if (c && strchr("[0123456789+-.eE, \n", c))
		return i + 1;
	i += c == ']';
	emit(q, s, *from, i);
	*from = i;
	end_literal(q);
	return i;
}

/*
 * Inside '…'. Returns the index to go on at. A quote at the end of the slice is held back: only the
 * next byte tells whether it is doubled.
 */
static size_t literal_run(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	while (i < s->len) {
		uint8_t c = s->data[i];

		if (q->lex == LITERAL_ESC) {
			q->lex = LITERAL;
		} else if (c == '\\' && q->escapes) {
			q->lex = LITERAL_ESC;
		} else if (c == '\'') {
			if (i + 1 == s->len) {
				emit(q, s, *from, i);
				*from = i + 1;
				q->held_quote = true;
				q->held_pos = dfl_slice_pos(s, i);
				return i + 1;
			}
			if (s->data[i + 1] != '\'') {
				emit(q, s, *from, i);
				*from = i;
				end_literal(q);
				return i + 1;
			}
			i++;
		}
		i++;
	}
	return i;
}

/* A quote that was held back, now that the next byte is here. Returns the bytes of it consumed. */
static size_t release_quote(struct dfl_sql *q, const struct dfl_slice *s)
{
	struct dfl_slice quote = { (const uint8_t *)"'", 1, q->held_pos, 1 };

	q->held_quote = false;
	if (s->data[0] != '\'') {
		end_literal(q);
		q->ops->text(q->ud, &quote);
		return 0;
	}
	if (!q->secret)
		q->ops->lit_data(q->ud, &quote);
	emit(q, s, 0, 1);
	return 1;
}

static void comment_byte(struct dfl_sql *q, uint8_t c)
{
	if (q->lex == LINE_COMMENT && c == '\n')
		q->lex = PLAIN;
	else if (q->lex == COMMENT && c == '/' && q->prev == '*')
		q->lex = PLAIN;
	q->prev = q->lex == PLAIN ? 0 : c;
}

/* One byte, but in literals a run. Returns the index to go on at; the same one: look again. */
static size_t step(struct dfl_sql *q, const struct dfl_slice *s, size_t i, size_t *from)
{
	switch (q->lex) {
	case LITERAL:
	case LITERAL_ESC:
		return literal_run(q, s, i, from);
	case WORD:
	case QUOTED_WORD:
		return word_byte(q, s, i, from) ? i + 1 : i;
	case DOLLAR:
		return dollar_byte(q, s, i, from) ? i + 1 : i;
	case DOLLAR_BODY:
		dollar_body_byte(q, s, i, from);
		return i + 1;
	case NUMBERS:
		return numbers_byte(q, s, i, from);
	case PARAM:
		if (s->data[i] >= '0' && s->data[i] <= '9') {
			put_word(q, s->data[i], false);
			return i + 1;
		}
		end_param(q);
		return i;
	case LINE_COMMENT:
	case COMMENT:
		comment_byte(q, s->data[i]);
		return i + 1;
	default:
		plain_byte(q, s, i, from);
		return i + 1;
	}
}

void dfl_sql_feed(struct dfl_sql *q, const struct dfl_slice *s)
{
	size_t i = 0, from = 0;

	if (!s->len)
		return;
	if (q->held_quote)
		from = i = release_quote(q, s);
	while (i < s->len)
		i = step(q, s, i, &from);
	emit(q, s, from, s->len);
}

void dfl_sql_end(struct dfl_sql *q)
{
	struct dfl_slice quote = { (const uint8_t *)"'", 1, q->held_pos, 1 };

	if (q->lex == WORD)
		dfl_sql_word(q, false);
	if (q->lex == PARAM)
		end_param(q);
	if (in_literal(q))
		end_literal(q);
	if (q->held_quote)
		q->ops->text(q->ud, &quote);
	q->held_quote = false;
	q->lex = PLAIN;
	dfl_sql_statement_end(q);
}
