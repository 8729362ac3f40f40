// SPDX-License-Identifier: Apache-2.0
/*
 * Do bytes look like Postgres messages? A type and a length alone are not enough: a MySQL greeting,
 * arrays of small integers and UTF-16 have them too. So the body of each message that is shown must
 * be one that this type can have (documentation, "Message Formats"), and earns points for what
 * cannot be chance. Two points are a YES. One point is a message such as Sync, of which all bytes
 * but one are zero: another message must follow.
 */
#include "decode/postgres/pg_guess.h"

#include <string.h>

#include "decode/postgres/sql_parse.h"

#define SURE 2
#define WRONG (-1)

#define NAME_LEN_MAX 63	      /* Postgres: NAMEDATALEN - 1 */
#define COLUMNS_MAX 1664      /* Postgres: MaxTupleAttributeNumber */
#define STARTUP_LEN_MAX 10000 /* Postgres: MAX_STARTUP_PACKET_LENGTH */
#define TAG_LEN_MAX 64	      /* Postgres: COMPLETION_TAG_BUFSIZE */
/* A longer binary message is not recognised: in UTF-16 the second byte of a length is text. */
#define BINARY_LEN_MAX (1u << 20)
#define HEAD_LEN 5 /* of a message: type and length */
#define WORD_MIN 3 /* characters of a whole word with its NUL */

/* Codes of messages without a type (Postgres: libpq/pqcomm.h). */
#define VERSION_3_0 (3u << 16)
#define VERSION_3_2 (3u << 16 | 2)
#define CANCEL_REQUEST 80877102u
#define SSL_REQUEST 80877103u
#define GSSENC_REQUEST 80877104u

/* The body of a message: shown of its n bytes can be seen. */
struct body {
	const uint8_t *data;
	uint32_t n, shown;
	uint32_t at; /* cursor */
	bool over;   /* the cursor has left what is shown */
};

static uint32_t be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static bool is_ascii(uint8_t c)
{
	return (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || c == '\r';
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

/* The next number of n bytes; 0 when it is not shown. */
static uint32_t take(struct body *b, uint32_t n)
{
	uint32_t v = 0;

	if (b->over || b->shown - b->at < n) {
		b->over = true;
		return 0;
	}
	v = be(b->data + b->at, (int)n);
	b->at += n;
	return v;
}

/*
 * The next string and its NUL. Returns its length as far as it is shown; WRONG when it is no text,
 * or ends nowhere.
 */
static int take_text(struct body *b)
{
	uint32_t from = b->at;

	if (b->over)
		return 0;
	while (b->at < b->shown && b->data[b->at]) {
		if (!is_ascii(b->data[b->at]) && b->data[b->at] < 0x80)
			return WRONG;
		b->at++;
	}
	if (b->at == b->n)
		return WRONG;
	if (b->at == b->shown) {
		b->over = true;
		return (int)(b->at - from);
	}
	return (int)(b->at++ - from);
}

/* A name: ASCII, and no longer than names are. */
static int take_name(struct body *b)
{
	uint32_t from = b->at;
	int len = take_text(b);

	for (int i = 0; i < len; i++)
		if (!is_ascii(b->data[from + (uint32_t)i]))
			return WRONG;
	return len > NAME_LEN_MAX ? WRONG : len;
}

/* The body must end here. */
static bool ends(const struct body *b)
{
	return b->over || b->at == b->n;
}

static int empty(struct body *b)
{
	return b->n ? WRONG : 1;
}

/* Where the first word of a statement begins; returns its length. */
static uint32_t first_word(const uint8_t *s, uint32_t len, uint32_t *ret_from)
{
	uint32_t from = 0, n = 0;

	while (from < len && strchr(" \t\r\n(;", s[from]))
		from++;
	while (from + n < len && (s[from + n] | 0x20) >= 'a' && (s[from + n] | 0x20) <= 'z')
		n++;
	*ret_from = from;
	return n;
}

/*
 * SQL up to its NUL. It begins with a verb or a comment. What fits into the bytes that are shown
 * must be whole: in MySQL's PREPARE the length that is read here is the command's number, less
 * than 32.
 */
static int sql(struct body *b)
{
	const uint8_t *s = b->data + b->at;
	int len = take_text(b);
	uint32_t from, n;

	if (len < 0)
		return WRONG;
	n = first_word(s, (uint32_t)len, &from);
	if (b->over && (from + n == (uint32_t)len || b->n + HEAD_LEN <= DFL_GUESS_MAX))
		return 0;
	if (from == (uint32_t)len)
		return 1; /* an empty query */
	if (len - (int)from >= 2 && (!memcmp(s + from, "--", 2) || !memcmp(s + from, "/*", 2)))
		return SURE;
	return dfl_sql_is_verb((const char *)s + from, n) ? SURE : WRONG;
}

static int query(struct body *b)
{
	int points = sql(b);

	return ends(b) ? points : WRONG;
}

/* Statement's name, SQL, types of parameters. */
static int parse(struct body *b)
{
	int points;

	if (take_name(b) < 0)
		return WRONG;
	points = sql(b);
	if (points < 0 || b->over)
		return points;
	b->at += 4 * take(b, 2);
	return ends(b) ? points : WRONG;
}

/* Portal, statement, formats of parameters, parameters, formats of results. */
static int bind(struct body *b)
{
	int portal = take_name(b), statement = take_name(b);
	uint32_t formats;

	if (portal < 0 || statement < 0)
		return WRONG;
	if (b->over)
		return 0;
	formats = take(b, 2);
	while (!b->over && formats--)
		if (take(b, 2) > 1)
			return WRONG;
	if (!b->over && 4 * take(b, 2) > b->n)
		return WRONG;
	return portal + statement >= WORD_MIN ? SURE : 1;
}

/* Portal, most rows. */
static int execute(struct body *b)
{
	int portal = take_name(b);

	take(b, 4);
	return portal < 0 || !ends(b) ? WRONG : b->over ? 0 : portal >= WORD_MIN ? SURE : 1;
}

/* 'S' or 'P', and the name of a statement or portal. */
static int describe(struct body *b)
{
	uint32_t what = take(b, 1);
	int name = take_name(b);

	if ((!b->over && what != 'S' && what != 'P') || name < 0 || !ends(b))
		return WRONG;
	return b->over ? 0 : name >= WORD_MIN ? SURE : 1;
}

static bool begins(const struct body *b, const char *word)
{
	return b->shown >= strlen(word) && !memcmp(b->data, word, strlen(word));
}

/* A password and its NUL, or SASL (RFC 5802, 7: "c=" begins the last message). */
static int password(struct body *b)
{
	if (begins(b, "SCRAM-SHA-") || begins(b, "c=biws,") || begins(b, "c=eSws,"))
		return SURE;
	return take_name(b) >= 0 && !b->over && ends(b) ? SURE : 0;
}

/* An error message: CopyFail. */
static int text(struct body *b)
{
	int len = take_text(b);

	return len < 0 || !ends(b) ? WRONG : b->over ? 0 : len >= WORD_MIN ? SURE : 0;
}

/* Anything: CopyData, FunctionCall. */
static int data(struct body *b)
{
	return b->n < BINARY_LEN_MAX ? 1 : WRONG;
}

static int authentication(struct body *b)
{
	uint32_t code = take(b, 4);

	if (b->n < 4 || (!b->over && (code > 12 || code == 1 || code == 4)))
		return WRONG;
	if (b->over || code == 8 || code >= 11)
		return 0;
	if (code == 10) /* SASL: mechanisms */
		return take_name(b) >= WORD_MIN ? SURE : 0;
	return b->n == (code == 5 ? 8 : 4) ? 1 : WRONG; /* MD5 has a salt */
}

/* A process and its secret; Linux gives no pid above 2^22. */
static int key_data(struct body *b)
{
	return b->n != 8 || take(b, 4) >> 22 ? WRONG : 1;
}

/* Name and value. */
static int parameter(struct body *b)
{
	int name = take_name(b), value = take_text(b);

	if (name < 0 || value < 0 || !ends(b) || (!name && !b->over))
		return WRONG;
	return b->over ? 0 : name >= WORD_MIN ? SURE : 0;
}

/* Fields of a letter and a string each. */
static int notice(struct body *b)
{
	uint32_t field = take(b, 1);
	int len = take_text(b);

	if (!b->n || (!b->over && !field) || (field && !strchr("SVCMDHPpqWstcdnFLR", (int)field)))
		return WRONG;
	return len < 0 ? WRONG : b->over ? 0 : len >= WORD_MIN ? SURE : 0;
}

/* "INSERT 0 1": the names of commands are in capitals. */
static int command_tag(struct body *b)
{
	int len = take_name(b);

	if (len < 0 || b->n > TAG_LEN_MAX || !ends(b))
		return WRONG;
	for (int i = 0; i < len && i < WORD_MIN; i++)
		if (!is_upper(b->data[i]))
			return WRONG;
	return len >= WORD_MIN && !b->over ? SURE : 0;
}

static int ready(struct body *b)
{
	uint32_t status = take(b, 1);

	if (b->n != 1 || (!b->over && status != 'I' && status != 'T' && status != 'E'))
		return WRONG;
	return b->over ? 0 : SURE;
}

/* The name of the first column; then table, number, type, size, modifier, format. */
static int row_description(struct body *b)
{
	uint32_t n = take(b, 2);
	int name;

	if (b->n >= BINARY_LEN_MAX || n > COLUMNS_MAX)
		return WRONG;
	if (!n)
		return b->over ? 0 : b->n == 2 ? 1 : WRONG;
	name = take_name(b);
	if (name < 0)
		return WRONG;
	take(b, 16);
	if (take(b, 2) > 1)
		return WRONG;
	return b->over ? 0 : name ? SURE : 1;
}

/* Columns: a length each, -1 for NULL, and that many bytes. */
static int data_row(struct body *b)
{
	uint32_t n = take(b, 2), len;

	if (b->n >= BINARY_LEN_MAX || n > COLUMNS_MAX || b->n < 2 + 4 * n)
		return WRONG;
	if (!n)
		return b->over ? 0 : b->n == 2 ? 1 : WRONG;
	for (uint32_t i = 0; i < n; i++) {
		len = take(b, 4);
		if (b->over)
			return i ? SURE : 0;
		if (len == UINT32_MAX)
			continue;
		if (len > b->n - b->at)
			return WRONG;
		b->at += len;
		if (b->at > b->shown)
			return SURE;
	}
	return b->at == b->n ? SURE : WRONG;
}

static int parameter_description(struct body *b)
{
	uint32_t n = take(b, 2);

	return b->over ? 0 : b->n == 2 + 4 * n ? 1 : WRONG;
}

static int notification(struct body *b)
{
	int channel;

	take(b, 4);
	channel = take_name(b);
	return channel < 0 || (!channel && !b->over) ? WRONG :
	       b->over				     ? 0 :
	       channel >= WORD_MIN		     ? SURE :
						       0;
}

/* Overall format, and that of each column. */
static int copy_response(struct body *b)
{
	uint32_t format = take(b, 1), n = take(b, 2);

	return format > 1 || (!b->over && b->n != 3 + 2 * n) ? WRONG : b->over ? 0 : 1;
}

struct message {
	char type;
	int (*points)(struct body *b);
};

static const struct message frontend[] = {
	{ 'Q', query },	   { 'P', parse }, { 'B', bind },  { 'E', execute },  { 'D', describe },
	{ 'C', describe }, { 'S', empty }, { 'H', empty }, { 'X', empty },    { 'c', empty },
	{ 'f', text },	   { 'd', data },  { 'F', data },  { 'p', password }, { 0 },
};

static const struct message backend[] = {
	{ 'R', authentication },
	{ 'K', key_data },
	{ 'S', parameter },
	{ 'T', row_description },
	{ 'D', data_row },
	{ 'C', command_tag },
	{ 'E', notice },
	{ 'N', notice },
	{ 'Z', ready },
	{ 'I', empty },
	{ '1', empty },
	{ '2', empty },
	{ '3', empty },
	{ 'n', empty },
	{ 's', empty },
	{ 'c', empty },
	{ 't', parameter_description },
	{ 'A', notification },
	{ 'G', copy_response },
	{ 'H', copy_response },
	{ 'W', copy_response },
	{ 'd', data },
	{ 0 },
};

static const struct message *find(const struct message *list, uint8_t type)
{
	for (; list->type; list++)
		if ((uint8_t)list->type == type)
			return list;
	return NULL;
}

enum dfl_guess dfl_pg_guess(enum dfl_dir dir, const uint8_t *data, size_t len)
{
	const struct message *list = dir == DFL_REQUEST ? frontend : backend;
	int sure = 0;

	for (size_t at = 0; at < len;) {
		const struct message *m = find(list, data[at]);
		size_t rest = len - at;
		struct body b;
		int points;

		if (!m || (rest > 1 && data[at + 1])) /* 16 MiB: hardly the first that is seen */
			return DFL_GUESS_NO;
		if (rest < HEAD_LEN)
			break;
		b = (struct body){ .data = data + at + HEAD_LEN, .n = be(data + at + 1, 4) };
		if (b.n < 4)
			return DFL_GUESS_NO;
		b.n -= 4;
		b.shown = b.n < rest - HEAD_LEN ? b.n : (uint32_t)(rest - HEAD_LEN);
		points = m->points(&b);
		if (points < 0)
			return DFL_GUESS_NO;
		sure += points;
		at += HEAD_LEN + (size_t)b.n;
	}
	return sure >= SURE ? DFL_GUESS_YES : DFL_GUESS_MORE;
}

/* The first parameter: a name such as "user", its NUL, and the first character of its value. */
static enum dfl_guess guess_parameter(const uint8_t *data, uint32_t shown, uint32_t n)
{
	struct body b = { .data = data, .n = n, .shown = n < shown ? n : shown };
	int name = take_name(&b);
	uint32_t value = take(&b, 1);

	if (name < 0 || (!b.over && (name < WORD_MIN || !is_ascii((uint8_t)value))))
		return DFL_GUESS_NO;
	return b.over ? DFL_GUESS_MORE : DFL_GUESS_YES;
}

enum dfl_guess dfl_pg_guess_startup(const uint8_t *data, size_t len)
{
	uint32_t n, code;

	if (data[0] || (len > 1 && data[1]))
		return DFL_GUESS_NO;
	if (len < 8)
		return DFL_GUESS_MORE;
	n = be(data, 4);
	code = be(data + 4, 4);
	if (code == SSL_REQUEST || code == GSSENC_REQUEST)
		return n == 8 ? DFL_GUESS_YES : DFL_GUESS_NO;
	if (code == CANCEL_REQUEST)
		return n == 16 ? DFL_GUESS_YES : DFL_GUESS_NO;
	if ((code != VERSION_3_0 && code != VERSION_3_2) || n <= 8 || n > STARTUP_LEN_MAX)
		return DFL_GUESS_NO;
	return guess_parameter(data + 8, (uint32_t)len - 8, n - 8);
}
