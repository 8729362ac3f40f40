// SPDX-License-Identifier: Apache-2.0
/* dflow.h: opening a store, finding traces by an id, waiting for them. */
#include "api.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_trace.h"
#include "store/loss.h"
#include "store/query.h"

#define LOOK_EVERY_MS 50 /* between two looks at whether the store changed */

struct dflow_traces {
	struct dfl_docs docs;
	struct dflow_trace trace[]; /* one for each document */
};

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

/* ---- traces in memory ---- */

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
		t->trace[i] = dfl_api_trace(docs->doc[i]);
	*ret_traces = t;
	return 0;
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

/* ---- finding ---- */

int dflow_store_find(struct dflow_store *store, const char *id, struct dflow_traces **ret_traces,
		     struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	struct dfl_docs docs;
	int r = dfl_query_find(store->store, id, &docs, &err);

	if (!r)
		r = wrap(&docs, ret_traces);
	return dfl_api_query_error(ret_error, &err, r);
}

int dflow_store_candidates(struct dflow_store *store, const char *prefix, uint32_t limit,
			   int (*fn)(void *ud, const char *key, const char *kind,
				     const char *trace_id),
			   void *ud, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };

	return dfl_api_query_error(ret_error, &err,
				   dfl_query_candidates(store->store, prefix, limit, fn, ud, &err));
}

struct loss_reader {
	int (*fn)(void *ud, const struct dflow_loss *loss);
	void *ud;
};

static int give_loss(void *ud, const struct dfl_store_loss *loss)
{
	struct loss_reader *to = ud;

	return to->fn(to->ud, &(struct dflow_loss){ .sz = sizeof(struct dflow_loss),
						    .from_ns = loss->from_ns,
						    .to_ns = loss->to_ns,
						    .events = loss->events,
						    .bytes = loss->bytes,
						    .why = loss->why });
}

int dflow_store_losses(struct dflow_store *store, int64_t since_ns, int64_t until_ns,
		       int (*fn)(void *ud, const struct dflow_loss *loss), void *ud,
		       struct dflow_error *ret_error)
{
	struct loss_reader to = { fn, ud };
	struct dfl_err err = { "" };

	return dfl_api_query_error(
		ret_error, &err,
		dfl_store_each_loss(store->store, since_ns, until_ns, give_loss, &to, &err));
}

/* ---- waiting ---- */

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

/* 0 after a moment, or why the caller gives up. A signal that was handled ends the moment. */
static int pause_a_moment(const struct dflow_wait_opts *o)
{
	struct pollfd cancel = { o->cancel_fd, POLLIN };
	int n = poll(&cancel, o->cancel_fd > 0, LOOK_EVERY_MS);
	int r = o->cancel ? o->cancel(o->ud) : 0;

	if (r)
		return r < 0 ? r : -ECANCELED;
	return n > 0 ? -ECANCELED : 0;
}

/*
 * Sleeps until another process wrote to the store, or its recorder ended. 0; -ETIMEDOUT the time is
 * over; why the caller gives up; or the store's error.
 */
static int wait_for_change(struct dfl_store *s, int64_t version, bool recorded,
			   uint64_t deadline_ns, const struct dflow_wait_opts *o,
			   struct dfl_err *err)
{
	int64_t now = version;
	int r = 0;

	while (!r && now == version && (!recorded || dfl_store_is_recorded(s))) {
		if (monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		r = pause_a_moment(o);
		if (!r)
			r = dfl_query_version(s, &now, err);
	}
	return r;
}

static int wait_for(struct dfl_store *s, const char *id, const struct dflow_wait_opts *o,
		    struct dfl_docs *ret_docs, struct dfl_err *err)
{
	uint64_t deadline_ns = UINT64_MAX;

	if (o->timeout_ns && __builtin_add_overflow(monotonic_ns(), o->timeout_ns, &deadline_ns))
		deadline_ns = UINT64_MAX;
	for (;;) {
		bool recorded = dfl_store_is_recorded(s);
		struct dfl_docs docs = { 0 };
		int64_t version = 0;
		int r, waited;

		/* the version before the look, so that nothing slips by */
		r = dfl_query_version(s, &version, err);
		if (!r)
			r = dfl_query_find(s, id, &docs, err);
		if (r != -ENOENT && (r || all_settled(&docs))) {
			*ret_docs = docs;
			return r;
		}
		waited = wait_for_change(s, version, recorded, deadline_ns, o, err);
		if (waited == -ETIMEDOUT) { /* what is there, or that nothing is */
			*ret_docs = docs;
			return r;
		}
		dfl_docs_fini(&docs);
		if (waited)
			return waited == -ECANCELED ?
				       dfl_err_set(err, ECANCELED, "waiting was cancelled") :
				       waited;
	}
}

int dflow_store_wait(struct dflow_store *store, const char *id, const struct dflow_wait_opts *opts,
		     struct dflow_traces **ret_traces, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	struct dflow_wait_opts o;
	struct dfl_docs docs;
	int r = dfl_api_in(DFL_API_SHAPE(dflow_wait_opts, ud), opts, &o, &err);

	if (!r)
		r = wait_for(store->store, id, &o, &docs, &err);
	if (!r)
		r = wrap(&docs, ret_traces);
	return dfl_api_query_error(ret_error, &err, r);
}
