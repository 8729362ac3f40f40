// SPDX-License-Identifier: Apache-2.0
/* dflow.h, first part: reading a store and what a trace tells. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/query.h"

#define WAIT_POLL_NS 50000000 /* between two looks at whether the store changed */

struct dflow_store {
	struct dfl_store *store;
};

struct dflow_traces {
	struct dfl_docs docs;
	struct dflow_trace trace[]; /* one for each document */
};

const char *dflow_version(void)
{
	return DFLOW_VERSION;
}

int dfl_api_error(struct dflow_error *ret_error, enum dflow_about about, const struct dfl_err *err,
		  int r)
{
	if (r >= 0 || !ret_error)
		return r;
	ret_error->about = about;
	snprintf(ret_error->message, sizeof(ret_error->message), "%s",
		 err->msg[0] ? err->msg : strerror(-r));
	return r;
}

/* -ENOENT of a query and the like are no fault of the store. */
static int query_error(struct dflow_error *ret_error, const struct dfl_err *err, int r)
{
	bool call = r == -ENOENT || r == -ENOTUNIQ || r == -EINVAL;

	return dfl_api_error(ret_error, call ? DFLOW_ABOUT_CALL : DFLOW_ABOUT_STORE, err, r);
}

/* Both begin with their size; sizes are those of some version of the struct. */
void dfl_api_fill(void *ret, const void *full, size_t full_size)
{
	size_t sz = *(size_t *)ret;

	if (sz <= sizeof(size_t))
		return;
	memset((char *)ret + sizeof(size_t), 0, sz - sizeof(size_t));
	memcpy((char *)ret + sizeof(size_t), (const char *)full + sizeof(size_t),
	       (sz < full_size ? sz : full_size) - sizeof(size_t));
}

void dfl_api_options(const void *opts, void *ret_full, size_t full_size)
{
	size_t sz = opts ? *(const size_t *)opts : 0;

	memset(ret_full, 0, full_size);
	if (opts)
		memcpy(ret_full, opts, sz < full_size ? sz : full_size);
}

int dflow_store_open(const char *path, struct dflow_store **ret_store,
		     struct dflow_error *ret_error)
{
	struct dflow_store *s = calloc(1, sizeof(*s));
	struct dfl_err err = { "" };
	int r = s ? dfl_store_open(path, &s->store, &err) : -ENOMEM;

	if (r)
		free(s);
	else
		*ret_store = s;
	return dfl_api_error(ret_error, DFLOW_ABOUT_STORE, &err, r);
}

void dflow_store_close(struct dflow_store *store)
{
	if (!store)
		return;
	dfl_store_close(store->store);
	free(store);
}

/* Takes the documents over. */
static int wrap(struct dfl_docs *docs, struct dflow_traces **ret_traces)
{
	struct dflow_traces *t = malloc(sizeof(*t) + docs->n * sizeof(t->trace[0]));

	if (!t) {
		dfl_docs_fini(docs);
		return -ENOMEM;
	}
	t->docs = *docs;
	for (size_t i = 0; i < docs->n; i++)
		t->trace[i] = (struct dflow_trace){ docs->doc[i], NULL };
	*ret_traces = t;
	return 0;
}

int dflow_store_find(struct dflow_store *store, const char *id, struct dflow_traces **ret_traces,
		     struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	struct dfl_docs docs;
	int r = dfl_query_find(store->store, id, &docs, &err);

	if (!r)
		r = wrap(&docs, ret_traces);
	return query_error(ret_error, &err, r);
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static bool all_settled(const struct dfl_docs *docs)
{
	for (size_t i = 0; i < docs->n; i++)
		if (!docs->doc[i]->settled)
			return false;
	return true;
}

/*
 * Sleeps until another process wrote to the store, or its recorder ended. False: the time is over,
 * or the store cannot be read.
 */
static bool wait_for_change(struct dfl_store *s, int64_t version, bool recorded,
			    uint64_t deadline_ns)
{
	int64_t now = version;

	while (now == version && (!recorded || dfl_store_is_recorded(s))) {
		if (monotonic_ns() >= deadline_ns)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_POLL_NS }, NULL);
		if (dfl_query_version(s, &now, NULL))
			return false;
	}
	return true;
}

int dflow_store_wait(struct dflow_store *store, const char *id, uint64_t timeout_ns,
		     struct dflow_traces **ret_traces, struct dflow_error *ret_error)
{
	uint64_t start_ns = monotonic_ns(), deadline_ns;
	struct dfl_err err = { "" };

	if (__builtin_add_overflow(start_ns, timeout_ns, &deadline_ns))
		deadline_ns = UINT64_MAX;
	for (;;) {
		bool more, recorded = dfl_store_is_recorded(store->store);
		struct dfl_docs docs = { 0 };
		int64_t version = 0;
		int r = dfl_query_version(store->store, &version, &err); /* before the look, so that
									    nothing slips by */

		if (!r)
			r = dfl_query_find(store->store, id, &docs, &err);
		more = r == -ENOENT || (!r && !all_settled(&docs));
		if (!more || !wait_for_change(store->store, version, recorded, deadline_ns)) {
			if (!r)
				r = wrap(&docs, ret_traces);
			return query_error(ret_error, &err, r);
		}
		dfl_docs_fini(&docs);
	}
}

int dflow_store_candidates(struct dflow_store *store, const char *prefix, uint32_t limit,
			   int (*fn)(void *ud, const char *key, const char *kind,
				     const char *trace_id),
			   void *ud, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };

	return query_error(ret_error, &err,
			   dfl_query_candidates(store->store, prefix, limit, fn, ud, &err));
}

int dflow_store_list(struct dflow_store *store, const struct dflow_list_opts *opts,
		     struct dflow_traces **ret_traces, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	struct dflow_list_opts o;
	struct dfl_docs docs;
	int r;

	dfl_api_options(opts, &o, sizeof(o));
	r = dfl_query_list(store->store,
			   &(struct dfl_filter){ .since_ns = o.since_ns,
						 .until_ns = o.until_ns,
						 .limit = o.limit,
						 .id = o.id },
			   &docs, &err);
	if (!r)
		r = wrap(&docs, ret_traces);
	return query_error(ret_error, &err, r);
}

size_t dflow_traces_count(const struct dflow_traces *traces)
{
	return traces->docs.n;
}

const struct dflow_trace *dflow_traces_at(const struct dflow_traces *traces, size_t i)
{
	return &traces->trace[i];
}

void dflow_traces_free(struct dflow_traces *traces)
{
	if (!traces)
		return;
	dfl_docs_fini(&traces->docs);
	free(traces);
}

const char *dflow_trace_id(const struct dflow_trace *trace)
{
	return trace->doc->trace_id;
}

const char *dflow_trace_other_id(const struct dflow_trace *trace, const char *kind)
{
	int i = dfl_id_parse(kind);

	return i < 0 ? NULL : trace->doc->ids[i];
}

const char *dflow_trace_operation(const struct dflow_trace *trace)
{
	return trace->doc->operation;
}

int64_t dflow_trace_started_ns(const struct dflow_trace *trace)
{
	return trace->doc->started_ns;
}

bool dflow_trace_settled(const struct dflow_trace *trace)
{
	return trace->doc->settled;
}

/* NULL: memory is short, in a callback only. */
static const struct dfl_doc *whole(const struct dflow_trace *trace)
{
	return trace->change ? dfl_change_doc(trace->change) : trace->doc;
}

bool dflow_trace_complete(const struct dflow_trace *trace)
{
	const struct dfl_doc *doc = trace->doc->settled ? whole(trace) : NULL;

	return doc && doc->completeness.complete;
}

size_t dflow_trace_hop_count(const struct dflow_trace *trace)
{
	return trace->change ? dfl_change_hop_count(trace->change) : trace->doc->n_hops;
}

/* i < hop count */
static const struct dfl_doc_hop *hop_at(const struct dflow_trace *trace, size_t i)
{
	const struct dfl_doc *doc;

	if (trace->change && i == dfl_change_hop_index(trace->change))
		return &trace->doc->hops[0];
	doc = whole(trace);
	return doc ? &doc->hops[i] : NULL;
}

int dflow_trace_hop(const struct dflow_trace *trace, size_t i, struct dflow_hop *ret_hop)
{
	const struct dfl_doc_hop *h;

	if (i >= dflow_trace_hop_count(trace))
		return -EINVAL;
	h = hop_at(trace, i);
	if (!h)
		return -ENOMEM;
	dfl_api_fill(ret_hop,
		     &(struct dflow_hop){
			     .seq = h->seq,
			     .connection = h->connection,
			     .from_station = dfl_station_name(h->from.station),
			     .from_name = h->from.name,
			     .from_address = h->from.address,
			     .from_pod = h->from.container.pod,
			     .from_pid = h->from.pid,
			     .to_station = dfl_station_name(h->to.station),
			     .to_name = h->to.name,
			     .to_address = h->to.address,
			     .to_pod = h->to.container.pod,
			     .to_pid = h->to.pid,
			     .medium = dfl_medium_name(h->medium),
			     .protocol = h->protocol,
			     .operation = h->operation,
			     .place = h->place,
			     .direction = h->direction == DFL_REQUEST ? "request" : "response",
			     .residency = dfl_residency_name(h->residency),
			     .ttl_s = h->ttl_s,
			     .encrypted = h->encrypted,
			     .in_vpc = h->in_vpc,
			     .region = h->region,
			     .field = h->field,
			     .field_bytes = h->bytes,
			     .wire_bytes = h->wire_bytes,
			     .coverage = h->coverage,
			     .first_ns = h->first_ns,
			     .last_ns = h->last_ns,
		     },
		     sizeof(*ret_hop));
	return 0;
}

int dflow_trace_json(const struct dflow_trace *trace, char **ret_json)
{
	const struct dfl_doc *doc = whole(trace);

	return doc ? dfl_doc_to_json(doc, ret_json) : -ENOMEM;
}
