// SPDX-License-Identifier: Apache-2.0
/* Values of options: how each is read. */
#include "cli/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/terminal.h"

#define SECOND_NS 1000000000ll
#define MAX_DURATION_S 1e9l /* 31 years: 10¹⁸ ns, which an int64_t holds */
#define DIGITS "0123456789"

/*
 * Reads digits with at most one point in them: strtold alone would also take signs, blanks, "inf",
 * "nan" and hexadecimal numbers. Returns the first character behind the number; NULL: there is
 * none.
 */
static const char *read_number(const char *text, long double *ret)
{
	size_t len = strspn(text, DIGITS), fraction = 0;
	char number[64];

	if (text[len] == '.')
		fraction = 1 + strspn(text + len + 1, DIGITS);
	if (!len || fraction == 1 || len + fraction >= sizeof(number))
		return NULL;
	len += fraction;
	memcpy(number, text, len);
	number[len] = 0;
	*ret = strtold(number, NULL);
	return text + len;
}

/* ---- durations ---- */

static const struct {
	const char *name;
	long double seconds;
} units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "ms", 1e-3l } };
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* The unit whose name stands here, from `first` on; N_UNITS: none. */
static size_t unit_at(const char *text, size_t first)
{
	size_t len = strcspn(text, DIGITS);

	for (size_t i = first; i < N_UNITS; i++)
		if (strlen(units[i].name) == len && !strncmp(text, units[i].name, len))
			return i;
	return N_UNITS;
}

int parse_duration(const char *text, uint64_t *ret_ns)
{
	long double n, sum = 0;
	const char *at = read_number(text, &n);
	size_t unit = 0;

	if (at && !*at) {
		sum = n; /* a number alone: seconds */
	} else {
		for (; at; at = read_number(at, &n)) {
			unit = unit_at(at, unit);
			if (unit == N_UNITS)
				return -1;
			sum += n * units[unit].seconds;
			at += strlen(units[unit++].name);
			if (!*at)
				break;
		}
	}
	if (!at || sum > MAX_DURATION_S)
		return -1;
	*ret_ns = (uint64_t)roundl(sum * SECOND_NS);
	return 0;
}

/* ---- times of day ---- */

/* Reads the date and the time of day. Returns what follows; NULL: they are none. */
static const char *read_day(const char *text, struct tm *ret_tm)
{
	static const char *const shapes[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dt%H:%M:%S",
					      "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
					      "%Y-%m-%d %H:%M",	   "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *end;

		*ret_tm = (struct tm){ 0 };
		end = strptime(text, shapes[i], ret_tm);
		if (end && (!*end || strchr(".Zz+-", *end)))
			return end;
	}
	return NULL;
}

/* ".25", at most nanoseconds. Returns what follows; NULL: it is no fraction. */
static const char *read_fraction(const char *text, int64_t *ret_ns)
{
	size_t digits;
	int64_t unit = SECOND_NS;

	*ret_ns = 0;
	if (*text != '.')
		return text;
	digits = strspn(text + 1, DIGITS);
	if (!digits || digits > 9)
		return NULL;
	for (size_t i = 1; i <= digits; i++) {
		unit /= 10;
		*ret_ns += (text[i] - '0') * unit;
	}
	return text + 1 + digits;
}

/* "Z", "+09:00", or nothing: UTC. Returns 0 or -1. */
static int read_zone(const char *text, int64_t *ret_offset_s)
{
	int sign = *text == '-' ? -1 : 1;
	struct tm tm = { 0 };
	const char *end;

	*ret_offset_s = 0;
	if (!*text || ((*text == 'Z' || *text == 'z') && !text[1]))
		return 0;
	if (*text != '+' && *text != '-')
		return -1;
	end = strptime(text + 1, "%H:%M", &tm);
	if (!end || *end || strlen(text) != strlen("+00:00"))
		return -1;
	*ret_offset_s = sign * (tm.tm_hour * 3600ll + tm.tm_min * 60ll);
	return 0;
}

/* RFC 3339, 5.6, with the liberties that value.h names. */
static int parse_absolute_time(const char *text, int64_t *ret_ns)
{
	int64_t fraction_ns, offset_s, seconds;
	struct tm tm, normal;
	const char *end = read_day(text, &tm);

	end = end ? read_fraction(end, &fraction_ns) : NULL;
	if (!end || read_zone(end, &offset_s))
		return -1;
	normal = tm;
	seconds = timegm(&normal);
	/*
	 * timegm makes the 1st of March of a 29th of February that does not exist. Beyond 2262 the
	 * nanoseconds do not fit.
	 */
	if (normal.tm_mday != tm.tm_mday || tm.tm_year < 70 || tm.tm_year > 361)
		return -1;
	*ret_ns = (seconds - offset_s) * SECOND_NS + fraction_ns;
	return 0;
}

int parse_time(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	uint64_t ago_ns;

	if (!parse_absolute_time(text, ret_ns))
		return 0;
	if (parse_duration(text, &ago_ns))
		return -1;
	*ret_ns = now_ns - (int64_t)ago_ns;
	return 0;
}

/* ---- sizes ---- */

int parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char letters[] = "KMGT";
	const char *letter;
	long double n;

	text = read_number(text, &n);
	if (!text)
		return -1;
	letter = *text ? strchr(letters, *text & ~0x20) : NULL; /* also in lower case */
	if (letter) {
		n = ldexpl(n, 10 * (int)(letter - letters + 1));
		text++;
		if (!strcmp(text, "iB"))
			text += 2;
	} else if (!strcmp(text, "B")) {
		text++;
	}
	if (*text || n < 1 || n >= ldexpl(1, 63))
		return -1;
	*ret_bytes = (uint64_t)n;
	return 0;
}

/* ---- the types ---- */

const char *what_is_needed(const struct value_type *type, char *buffer, size_t size)
{
	const char *const *words = type->what ? NULL : type->words();

	if (!words)
		return type->what;
	*buffer = 0;
	for (size_t i = 0; words[i]; i++)
		snprintf(buffer + strlen(buffer), size - strlen(buffer), "%s%s",
			 !i	      ? "" :
			 words[i + 1] ? ", " :
					" or ",
			 words[i]);
	return buffer;
}

static int take_text(const struct value_type *type, const char *text, void *into)
{
	*(const char **)into = text;
	return 0;
}

static int take_duration(const struct value_type *type, const char *text, void *into)
{
	return parse_duration(text, into);
}

/* Whole seconds: the store counts ages in them. */
static int take_age(const struct value_type *type, const char *text, void *into)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || ns < SECOND_NS)
		return -1;
	*(uint64_t *)into = ns / SECOND_NS;
	return 0;
}

/* A time ago is counted back from the clock of this host. */
static int take_time(const struct value_type *type, const char *text, void *into)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return parse_time(text, now.tv_sec * SECOND_NS + now.tv_nsec, into);
}

static int take_size(const struct value_type *type, const char *text, void *into)
{
	return parse_size(text, into);
}

/* A whole number from `min` to `max`. */
static int parse_number(const char *text, long min, long max, long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < min || n > max)
		return -1;
	*ret = n;
	return 0;
}

static int take_count(const struct value_type *type, const char *text, void *into)
{
	long n;

	if (parse_number(text, 1, INT32_MAX, &n))
		return -1;
	*(uint32_t *)into = (uint32_t)n;
	return 0;
}

static int take_fd(const struct value_type *type, const char *text, void *into)
{
	long n;

	if (parse_number(text, 0, INT32_MAX, &n))
		return -1;
	*(int *)into = (int)n;
	return 0;
}

/* In the order of enum color_when. */
static const char *const color_names[] = { "auto", "always", "never", NULL };

static const char *const *color_words(void)
{
	return color_names;
}

static int take_color(const struct value_type *type, const char *text, void *into)
{
	for (int i = 0; color_names[i]; i++)
		if (!strcmp(text, color_names[i])) {
			*(enum color_when *)into = i;
			return 0;
		}
	return -1;
}

#define A_TIME "a time such as 2026-03-01T12:00:00Z, 2026-03-01, or 2h30m (that long ago)"

const struct value_type value_text = { "a value", take_text, COMPLETE_NOTHING, NULL };
const struct value_type value_file = { "a file", take_text, COMPLETE_FILES, NULL };
const struct value_type value_folder = { "a folder", take_text, COMPLETE_FOLDERS, NULL };
const struct value_type value_id = { "an id", take_text, COMPLETE_IDS, NULL };
const struct value_type value_duration = { "a duration such as 30s, 5m or 2h30m", take_duration,
					   COMPLETE_NOTHING, NULL };
const struct value_type value_age = { "a duration such as 12h or 30d, one second or more", take_age,
				      COMPLETE_NOTHING, NULL };
const struct value_type value_time = { A_TIME, take_time, COMPLETE_NOTHING, NULL };
const struct value_type value_size = { "a size in bytes such as 4194304, 4M or 10G", take_size,
				       COMPLETE_NOTHING, NULL };
const struct value_type value_count = { "a number, 1 or more", take_count, COMPLETE_NOTHING, NULL };
const struct value_type value_fd = { "the number of a file descriptor", take_fd, COMPLETE_NOTHING,
				     NULL };
const struct value_type value_color = { NULL, take_color, COMPLETE_WORDS, color_words };
