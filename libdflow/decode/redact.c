// SPDX-License-Identifier: Apache-2.0
/* The forms of names and ids that may be shown. */
#include "decode/redact.h"

#define NAMEDATALEN 64 /* Postgres: pg_config_manual.h; with the NUL */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word_or_dash(char c)
{
	return is_word(c) || c == '-';
}

static bool is_bucket(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.';
}

static bool all_of(bool (*is)(char), const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is(s[i]))
			return false;
	return len > 0;
}

bool dfl_is_number(const char *s, size_t len)
{
	return all_of(is_digit, s, len);
}

bool dfl_is_hex(const char *s, size_t len)
{
	return all_of(is_hex, s, len);
}

bool dfl_is_word(const char *s, size_t len)
{
	return all_of(is_word, s, len);
}

bool dfl_is_uuid_by(char sep, const char *s, size_t len)
{
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_sep = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_sep ? s[i] != sep : !is_hex(s[i]))
			return false;
	}
	return true;
}

bool dfl_is_uuid(const char *s, size_t len)
{
	return dfl_is_uuid_by('-', s, len);
}

bool dfl_is_token(const char *s, size_t len)
{
	return len <= DFL_ID_VALUE_MAX && all_of(is_word_or_dash, s, len);
}

bool dfl_is_identifier(const char *s, size_t len)
{
	return len < NAMEDATALEN && all_of(is_word, s, len) && !is_digit(s[0]);
}

bool dfl_is_bucket(const char *s, size_t len)
{
	return len >= 3 && len <= 63 && all_of(is_bucket, s, len);
}

bool dfl_is_id(enum dfl_id_kind kind, const char *s, size_t len)
{
	switch (kind) {
	case DFL_ID_X_AMZN_TRACE_ID:
	case DFL_ID_X_REQUEST_ID:
	case DFL_ID_TRACEPARENT:
		return dfl_is_token(s, len);
	default:
		return dfl_is_uuid(s, len);
	}
}
