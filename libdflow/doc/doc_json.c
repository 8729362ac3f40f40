// SPDX-License-Identifier: Apache-2.0
/* The trace document as JSON (schema dflow.trace/1), both ways. */
#include "doc/doc_keys.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/encodings.h"
#include "base/printable.h"
#include "doc/doc.h"

#define MAX_LIST (1 << 18) /* elements of one list that a reader takes */
#define SECOND_NS 1000000000ll

static const char *const encoding_words[] = { "raw",	"uescape", "backslash", "percent",
					      "entity", "base64",  "hex" };
#define N_ENCODING (sizeof(encoding_words) / sizeof(encoding_words[0]))
_Static_assert(DFL_ENC_HEX == 1 << (N_ENCODING - 1), "a word for each encoding");

const char *dfl_doc_encoding_name(unsigned bit)
{
	return bit < N_ENCODING ? encoding_words[bit] : NULL;
}

/* ---- writing ---- */

/* What is not printable has no place in JSON either: people read it on terminals. */
static json_t *text(const char *s)
{
	json_t *j;
	char *clean;

	if (!s)
		return json_null();
	if (dfl_is_printable(s))
		return json_string(s);
	clean = strdup(s);
	if (!clean)
		return NULL;
	dfl_printable(clean);
	j = json_string(clean);
	free(clean);
	return j;
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *tri(int v)
{
	return v < 0 ? json_null() : json_boolean(v);
}

static json_t *timestamp(int64_t ns)
{
	int64_t sec = ns / SECOND_NS, rest = ns % SECOND_NS;
	char date[32];
	struct tm tm;

	if (ns == -1)
		return json_null();
	if (rest < 0) {
		rest += SECOND_NS;
		sec--;
	}
	if (!gmtime_r(&(time_t){ sec }, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%09lldZ", date, (long long)rest);
}

/* Appends; a NULL value or array (out of memory before) stays NULL. */
static json_t *push(json_t *array, json_t *value)
{
	if (array && !json_array_append_new(array, value))
		return array;
	if (!array)
		json_decref(value);
	json_decref(array);
	return NULL;
}

static json_t *strings(char *const *strs, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		a = push(a, text(strs[i]));
	return a;
}

static json_t *encodings(uint32_t bits)
{
	json_t *a = json_array();

	for (size_t i = 0; i < N_ENCODING; i++)
		if (bits & 1u << i)
			a = push(a, json_string(encoding_words[i]));
	return a;
}

static json_t *flags(const struct dfl_doc_key *keys, const char *base)
{
	json_t *a = json_array();

	for (; keys->name; keys++)
		if (*(const bool *)(base + keys->offset))
			a = push(a, json_string(keys->name));
	return a;
}

static json_t *ranges(const struct dfl_doc_range *r, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		a = push(a, push(push(json_array(), number(r[i].from)), number(r[i].to)));
	return a;
}

static json_t *ids(char *const *values)
{
	json_t *o = json_object();

	for (int i = 0; o && i < DFL_N_ID; i++) {
		if (json_object_set_new(o, dfl_id_name(i), text(values[i]))) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static json_t *object(const struct dfl_doc_key *keys, const char *base);

static json_t *list(const struct dfl_doc_key *k, const char *items, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < n; i++)
		a = push(a, object(k->sub, items + i * k->size));
	return a;
}

static json_t *tls(const struct dfl_doc_key *keys, const char *base)
{
	const struct dfl_doc_hop *hop = (const struct dfl_doc_hop *)base;

	if (hop->encrypted != 1 && !hop->tls_version)
		return json_null();
	return object(keys, base);
}

static json_t *container(const struct dfl_doc_key *keys, const char *base)
{
	const struct dfl_doc_endpoint *e = (const struct dfl_doc_endpoint *)base;

	return e->container.id ? object(keys, base) : json_null();
}

static json_t *value(const struct dfl_doc_key *k, const char *base)
{
	const void *m = base + k->offset;
	size_t n = 0;

	if (k->kind == DOC_STRS || k->kind == DOC_RANGES || k->kind == DOC_LIST)
		n = *(const size_t *)(base + k->count_offset);
	switch (k->kind) {
	case DOC_SCHEMA:
		return json_string(DFL_TRACE_SCHEMA);
	case DOC_TRACE_ID:
		return text(m);
	case DOC_STATE:
		return json_string(*(const bool *)m ? "settled" : "open");
	case DOC_DERIVED:
		return json_string(*(const bool *)m ? "derived" : "inbound");
	case DOC_STR:
		return text(*(char *const *)m);
	case DOC_STRS:
		return strings(*(char *const *const *)m, n);
	case DOC_U32:
		return number(*(const uint32_t *)m);
	case DOC_U32_NULL:
		return *(const uint32_t *)m ? number(*(const uint32_t *)m) : json_null();
	case DOC_U64:
		return number(*(const uint64_t *)m);
	case DOC_U64_NULL:
		return *(const uint64_t *)m == DFL_DOC_UNKNOWN ? json_null() :
								 number(*(const uint64_t *)m);
	case DOC_I64:
		return *(const int64_t *)m == -1 ? json_null() : json_integer(*(const int64_t *)m);
	case DOC_TIME:
		return timestamp(*(const int64_t *)m);
	case DOC_BOOL:
		return json_boolean(*(const bool *)m);
	case DOC_TRI:
		return tri(*(const int *)m);
	case DOC_REAL:
		return json_real(*(const double *)m);
	case DOC_STATION:
		return text(dfl_station_name(*(const enum dfl_station *)m));
	case DOC_MEDIUM:
		return text(dfl_medium_name(*(const enum dfl_medium *)m));
	case DOC_RESIDENCY:
		return text(dfl_residency_name(*(const enum dfl_residency *)m));
	case DOC_DIR:
		return json_string(*(const enum dfl_dir *)m == DFL_REQUEST ? "request" :
									     "response");
	case DOC_ENCODINGS:
		return encodings(*(const uint32_t *)m);
	case DOC_FLAGS:
		return flags(k->sub, m);
	case DOC_RANGES:
		return n ? ranges(*(const struct dfl_doc_range *const *)m, n) : json_null();
	case DOC_IDS:
		return ids(m);
	case DOC_OBJECT:
		return object(k->sub, m);
	case DOC_CONTAINER:
		return container(k->sub, m);
	case DOC_TLS:
		return tls(k->sub, m);
	case DOC_LIST:
		return list(k, *(const char *const *)m, n);
	}
	return NULL;
}

/* Sets one key of an object. NULL, and the object is freed: out of memory. */
static json_t *set(json_t *o, const char *key, json_t *v)
{
	if (!json_object_set_new_nocheck(o, key, v))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *object(const struct dfl_doc_key *keys, const char *base)
{
	json_t *o = json_object();

	for (const struct dfl_doc_key *k = keys; o && k->name; k++)
		o = set(o, k->name, value(k, base));
	return o;
}

/* Takes the object over; NULL (out of memory before) is allowed. */
static int print(json_t *o, char **ret_json)
{
	char *json = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

	json_decref(o);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

int dfl_doc_to_json(const struct dfl_doc *doc, char **ret_json)
{
	return print(object(dfl_doc_keys, (const char *)doc), ret_json);
}

static const struct dfl_doc_key *find_key(const char *name)
{
	const struct dfl_doc_key *k = dfl_doc_keys;

	while (strcmp(k->name, name))
		k++;
	return k;
}

/* What lists tell of a document, beside the number of its hops. */
static const char *const list_names[] = { "trace_id",	  "ids",   "started", "source",
					  "completeness", "state", "ended",   "weak_matches" };
#define N_LIST_NAMES (sizeof(list_names) / sizeof(list_names[0]))

int dfl_doc_to_list_json(const struct dfl_doc *doc, uint64_t n_hops, char **ret_json)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < N_LIST_NAMES; i++)
		o = set(o, list_names[i], value(find_key(list_names[i]), (const char *)doc));
	if (o)
		o = set(o, "hops", number(n_hops));
	return print(o, ret_json);
}

/* ---- parsing: 0, -ENOMEM, -EBADMSG; null and absent are the same ---- */

static int get_text(const json_t *j, char **ret)
{
	if (json_is_null(j))
		return 0;
	if (!json_is_string(j))
		return -EBADMSG;
	*ret = strdup(json_string_value(j));
	if (!*ret)
		return -ENOMEM;
	dfl_printable(*ret); /* an older dflow may have stored it as it came */
	return 0;
}

static int get_number(const json_t *j, int64_t if_null, int64_t min, int64_t max, int64_t *ret)
{
	*ret = if_null;
	if (json_is_null(j))
		return 0;
	if (!json_is_integer(j) || json_integer_value(j) < min || json_integer_value(j) > max)
		return -EBADMSG;
	*ret = json_integer_value(j);
	return 0;
}

static int get_u32(const json_t *j, uint32_t *ret)
{
	int64_t n;
	int r = get_number(j, 0, 0, UINT32_MAX, &n);

	*ret = r ? 0 : n;
	return r;
}

static int get_tri(const json_t *j, int *ret)
{
	*ret = json_is_null(j) ? -1 : json_is_true(j);
	return json_is_null(j) || json_is_boolean(j) ? 0 : -EBADMSG;
}

static int get_bool(const json_t *j, bool *ret)
{
	*ret = json_is_true(j);
	return json_is_null(j) || json_is_boolean(j) ? 0 : -EBADMSG;
}

static int get_real(const json_t *j, double *ret)
{
	*ret = json_number_value(j);
	return json_is_null(j) || (json_is_number(j) && isfinite(*ret)) ? 0 : -EBADMSG;
}

/* One of two words. */
static int get_choice(const json_t *j, const char *no, const char *yes, bool *ret)
{
	const char *word = json_string_value(j);

	if (!word || (strcmp(word, no) && strcmp(word, yes)))
		return -EBADMSG;
	*ret = !strcmp(word, yes);
	return 0;
}

static int get_word(const json_t *j, int (*parse)(const char *), int *ret)
{
	const char *word = json_string_value(j);
	int v = word ? parse(word) : -1;

	*ret = 0;
	if (json_is_null(j))
		return 0;
	if (v < 0)
		return -EBADMSG;
	*ret = v;
	return 0;
}

static bool digits(const char *s, const char *shape)
{
	for (; *shape; s++, shape++)
		if (*shape == '0' ? *s < '0' || *s > '9' : *s != *shape)
			return false;
	return !*s;
}

static int get_time(const json_t *j, int64_t *ret)
{
	const char *s = json_string_value(j);
	struct tm tm = { 0 };
	long rest;

	*ret = -1;
	if (json_is_null(j))
		return 0;
	if (!s || !digits(s, "0000-00-00T00:00:00.000000000Z"))
		return -EBADMSG;
	sscanf(s, "%d-%d-%dT%d:%d:%d.%9ld", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	       &tm.tm_min, &tm.tm_sec, &rest);
	if (tm.tm_year < 1970 || tm.tm_year > 2261) /* what 64 bits of nanoseconds hold */
		return -EBADMSG;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret = timegm(&tm) * SECOND_NS + rest;
	return 0;
}

static int get_trace_id(const json_t *j, char *ret)
{
	const char *s = json_string_value(j);

	if (!s || strlen(s) != DFL_TRACE_ID_LEN ||
	    strspn(s, "0123456789abcdef") != DFL_TRACE_ID_LEN)
		return -EBADMSG;
	memcpy(ret, s, DFL_TRACE_ID_LEN + 1);
	return 0;
}

/* A list with room for its elements; absent is empty. */
static int get_list(const json_t *j, size_t size, void **ret_items, size_t *ret_n)
{
	size_t n = json_array_size(j);

	if (json_is_null(j) || (json_is_array(j) && !n))
		return 0;
	if (!json_is_array(j) || n > MAX_LIST)
		return -EBADMSG;
	*ret_items = calloc(n, size);
	if (!*ret_items)
		return -ENOMEM;
	*ret_n = n;
	return 0;
}

static int get_strings(const json_t *j, char ***ret_strs, size_t *ret_n)
{
	int r = get_list(j, sizeof(char *), (void **)ret_strs, ret_n);

	for (size_t i = 0; !r && i < *ret_n; i++)
		r = json_is_string(json_array_get(j, i)) ?
			    get_text(json_array_get(j, i), &(*ret_strs)[i]) :
			    -EBADMSG;
	return r;
}

static int get_ranges(const json_t *j, struct dfl_doc_range **ret_ranges, size_t *ret_n)
{
	int r = get_list(j, sizeof(**ret_ranges), (void **)ret_ranges, ret_n);

	for (size_t i = 0; !r && i < *ret_n; i++) {
		const json_t *pair = json_array_get(j, i);
		int64_t from = 0, to = 0;

		if (json_array_size(pair) != 2 || json_is_null(json_array_get(pair, 0)) ||
		    json_is_null(json_array_get(pair, 1)))
			return -EBADMSG;
		r = get_number(json_array_get(pair, 0), 0, 0, INT64_MAX, &from);
		if (!r)
			r = get_number(json_array_get(pair, 1), 0, from, INT64_MAX, &to);
		(*ret_ranges)[i] = (struct dfl_doc_range){ from, to };
	}
	return r;
}

static bool has_word(const json_t *array, const char *word)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *w = json_string_value(json_array_get(array, i));

		if (w && !strcmp(w, word))
			return true;
	}
	return false;
}

static int get_flags(const json_t *j, const struct dfl_doc_key *keys, char *base)
{
	for (; keys->name; keys++)
		*(bool *)(base + keys->offset) = has_word(j, keys->name);
	return json_is_null(j) || json_is_array(j) ? 0 : -EBADMSG;
}

static int get_encodings(const json_t *j, uint32_t *ret)
{
	for (size_t i = 0; i < N_ENCODING; i++)
		if (has_word(j, encoding_words[i]))
			*ret |= 1u << i;
	return json_is_null(j) || json_is_array(j) ? 0 : -EBADMSG;
}

static const json_t *get(const json_t *object, const char *key)
{
	const json_t *j = json_object_get(object, key);

	return j ? j : json_null();
}

static int get_ids(const json_t *j, char **ret)
{
	int r = json_is_object(j) ? 0 : -EBADMSG;

	for (int i = 0; !r && i < DFL_N_ID; i++)
		r = get_text(get(j, dfl_id_name(i)), &ret[i]);
	return r;
}

static int get_object(const json_t *j, const struct dfl_doc_key *keys, char *base);

static int get_objects(const json_t *j, const struct dfl_doc_key *k, char **ret_items,
		       size_t *ret_n)
{
	int r = get_list(j, k->size, (void **)ret_items, ret_n);

	for (size_t i = 0; !r && i < *ret_n; i++)
		r = get_object(json_array_get(j, i), k->sub, *ret_items + i * k->size);
	return r;
}

static int get_enum(const json_t *j, enum dfl_doc_kind kind, void *m)
{
	bool response = false;
	int v = 0, r;

	if (kind == DOC_DIR) {
		r = get_choice(j, "request", "response", &response);
		*(enum dfl_dir *)m = response ? DFL_RESPONSE : DFL_REQUEST;
		return r;
	}
	if (kind == DOC_MEDIUM && json_is_null(j))
		return -EBADMSG;
	r = get_word(j,
		     kind == DOC_STATION ? dfl_station_parse :
		     kind == DOC_MEDIUM	 ? dfl_medium_parse :
					   dfl_residency_parse,
		     &v);
	if (kind == DOC_STATION)
		*(enum dfl_station *)m = v;
	else if (kind == DOC_MEDIUM)
		*(enum dfl_medium *)m = v;
	else
		*(enum dfl_residency *)m = v;
	return r;
}

static int get_value(const json_t *j, const struct dfl_doc_key *k, char *base)
{
	void *m = base + k->offset;
	size_t *n = (size_t *)(base + k->count_offset);

	switch (k->kind) {
	case DOC_SCHEMA:
		return json_is_string(j) && !strcmp(json_string_value(j), DFL_TRACE_SCHEMA) ?
			       0 :
			       -EBADMSG;
	case DOC_TRACE_ID:
		return get_trace_id(j, m);
	case DOC_STATE:
		return get_choice(j, "open", "settled", m);
	case DOC_DERIVED:
		return get_choice(j, "inbound", "derived", m);
	case DOC_STR:
		return get_text(j, m);
	case DOC_STRS:
		return get_strings(j, m, n);
	case DOC_U32:
	case DOC_U32_NULL:
		return get_u32(j, m);
	case DOC_U64:
		return get_number(j, 0, 0, INT64_MAX, m);
	case DOC_U64_NULL:
		return get_number(j, (int64_t)DFL_DOC_UNKNOWN, 0, INT64_MAX, m);
	case DOC_I64:
		return get_number(j, -1, INT64_MIN, INT64_MAX, m);
	case DOC_TIME:
		return get_time(j, m);
	case DOC_BOOL:
		return get_bool(j, m);
	case DOC_TRI:
		return get_tri(j, m);
	case DOC_REAL:
		return get_real(j, m);
	case DOC_STATION:
	case DOC_MEDIUM:
	case DOC_RESIDENCY:
	case DOC_DIR:
		return get_enum(j, k->kind, m);
	case DOC_ENCODINGS:
		return get_encodings(j, m);
	case DOC_FLAGS:
		return get_flags(j, k->sub, m);
	case DOC_RANGES:
		return get_ranges(j, m, n);
	case DOC_IDS:
		return get_ids(j, m);
	case DOC_OBJECT:
		return get_object(j, k->sub, m);
	case DOC_CONTAINER:
	case DOC_TLS:
		return json_is_null(j) ? 0 : get_object(j, k->sub, m);
	case DOC_LIST:
		return get_objects(j, k, m, n);
	}
	return -EBADMSG;
}

static int get_object(const json_t *j, const struct dfl_doc_key *keys, char *base)
{
	int r = json_is_object(j) ? 0 : -EBADMSG;

	for (; !r && keys->name; keys++)
		r = get_value(get(j, keys->name), keys, base);
	return r;
}

/* Without the members that schema 4 had not. */
static int get_old_list_members(const json_t *j, char *doc)
{
	int r = json_is_object(j) ? 0 : -EBADMSG;

	for (size_t i = 0; !r && strcmp(list_names[i], "state"); i++)
		r = get_value(get(j, list_names[i]), find_key(list_names[i]), doc);
	return r;
}

static int get_document(const json_t *j, char *doc)
{
	return get_object(j, dfl_doc_keys, doc);
}

static int parse(const char *json, size_t len, int (*members)(const json_t *, char *),
		 struct dfl_doc **ret_doc)
{
	json_t *j = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	struct dfl_doc *doc;
	int r;

	if (!j)
		return -EBADMSG;
	doc = calloc(1, sizeof(*doc));
	r = doc ? members(j, (char *)doc) : -ENOMEM;
	json_decref(j);
	if (r) {
		dfl_doc_free(doc);
		return r;
	}
	*ret_doc = doc;
	return 0;
}

int dfl_doc_from_json(const char *json, size_t len, struct dfl_doc **ret_doc)
{
	return parse(json, len, get_document, ret_doc);
}

int dfl_doc_from_old_list_json(const char *json, size_t len, struct dfl_doc **ret_doc)
{
	return parse(json, len, get_old_list_members, ret_doc);
}
