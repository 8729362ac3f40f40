// SPDX-License-Identifier: Apache-2.0
/* dflow.h: recording and replaying, both over the pipeline. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api_trace.h"
#include "capture/host/caps.h"
#include "capture/live/live.h"
#include "capture/open_file.h"
#include "capture/recording.h"
#include "pipeline.h"

#define DEFAULT_MAX_EVENTS 4096
#define COMMIT_EVERY_NS 500000000ull /* by the clock of the world; 1 s is promised */
#define STOP_NS 10000000000ull
#define DEFAULT_MEMORY (512ull << 20)
#define OUTBOX_SHARE 16		       /* of the memory limit: traces that wait for the store */
#define EXPIRE_EVERY_NS 60000000000ull /* retention is looked after this often while recording */

/* A pipeline with all it borrows. */
struct dflow_recorder {
	struct dfl_rules *rules;
	struct dfl_outbox *store;
	struct dfl_recording *recording;
	struct dfl_event_source *source;
	struct dfl_pipeline *pipeline;
	struct dflow_callbacks callbacks;
	struct dfl_api_log log;
	char *host_root; /* the source borrows it */
	bool is_file;	 /* the source is a file, not the kernel */
	bool ended;	 /* of a file: all of it was read */
	bool stopped;
	int told_to_stop;	/* by a callback in this call: its number; 0: not */
	enum dflow_about about; /* what it is busy with, for errors */
	uint64_t expired_ns;	/* when retention was looked after, monotonic */
	uint64_t committed_ns;	/* when the pipeline was told to commit, monotonic */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- callbacks ---- */

static bool is_wanted(const struct dflow_callbacks *cb, enum dfl_doc_change what)
{
	switch (what) {
	case DFL_DOC_OPENED:
		return cb->trace_opened;
	case DFL_DOC_HOP_NEW:
		return cb->hop_new;
	case DFL_DOC_HOP_CHANGED:
		return cb->hop_changed;
	case DFL_DOC_SETTLED:
		return cb->trace_settled;
	case DFL_DOC_DROPPED:
		return cb->trace_dropped;
	}
	return false;
}

static int call(const struct dflow_callbacks *cb, enum dfl_doc_change what,
		const struct dflow_trace *trace)
{
	switch (what) {
	case DFL_DOC_OPENED:
		return cb->trace_opened(cb->ud, trace);
	case DFL_DOC_HOP_NEW:
		return cb->hop_new(cb->ud, trace, trace->hop_index);
	case DFL_DOC_HOP_CHANGED:
		return cb->hop_changed(cb->ud, trace, trace->hop_index);
	case DFL_DOC_SETTLED:
		return cb->trace_settled(cb->ud, trace);
	case DFL_DOC_DROPPED:
		return cb->trace_dropped(cb->ud, trace);
	}
	return 0;
}

static int load_change(void *change, const struct dfl_doc **ret_doc)
{
	*ret_doc = dfl_change_doc(change);
	return *ret_doc ? 0 : -ENOMEM;
}

/*
 * After a callback said stop, the others of this call are left out. The events go on to the end of
 * the batch: whoever dispatches again must not have lost one.
 */
static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	struct dflow_recorder *rec = ud;
	struct dflow_trace trace = { .complete = -1, .load = load_change, .of = change };
	int r;

	if (rec->told_to_stop || !is_wanted(&rec->callbacks, what))
		return;
	trace.head = dfl_change_head(change);
	if (!trace.head)
		return;
	trace.n_hops = dfl_change_hop_count(change);
	trace.hop_index = dfl_change_hop_index(change);
	r = call(&rec->callbacks, what, &trace);
	rec->told_to_stop = r > 0 ? -ECANCELED : r;
}

/* ---- setting up ---- */

static int open_pipeline(struct dflow_recorder *rec, uint64_t memory_limit_bytes,
			 struct dfl_err *err)
{
	const struct dflow_callbacks *cb = &rec->callbacks;
	bool wanted = cb->trace_opened || cb->hop_new || cb->hop_changed || cb->trace_settled ||
		      cb->trace_dropped;
	int r = dfl_pipeline_new(
		&(struct dfl_pipeline_opts){ .rules = rec->rules,
					     .store = rec->store,
					     .record = rec->recording,
					     .on_change = wanted ? on_change : NULL,
					     .ud = rec,
					     .log = dfl_api_log(&rec->log),
					     .memory_limit_bytes = memory_limit_bytes },
		&rec->pipeline);

	if (r)
		return dfl_err_set(err, -r, "cannot set up the pipeline: %s", strerror(-r));
	return dfl_pipeline_load(rec->pipeline, err);
}

static int copy_callbacks(struct dflow_recorder *rec, const struct dflow_callbacks *callbacks,
			  struct dfl_err *err)
{
	return dfl_api_in(DFL_API_SHAPE(dflow_callbacks, trace_dropped), callbacks, &rec->callbacks,
			  err);
}

static int load_rules(struct dflow_recorder *rec, const char *config, struct dfl_err *err)
{
	rec->about = DFLOW_ABOUT_CONFIG;
	return dfl_rules_load(config, &rec->rules, err);
}

static int create_store(struct dflow_recorder *rec, const char *path, uint64_t max_age_s,
			uint64_t max_bytes, uint64_t memory_limit_bytes, struct dfl_err *err)
{
	uint64_t memory = memory_limit_bytes ? memory_limit_bytes : DEFAULT_MEMORY;

	rec->about = DFLOW_ABOUT_STORE;
	return dfl_outbox_open(
		&(struct dfl_outbox_opts){
			.path = path,
			.store = { .max_age_s = max_age_s,
				   .max_bytes = max_bytes,
				   .prints = dfl_rules_settings(rec->rules)->keep_fingerprints },
			/* Who replays a file can do so again; who records cannot. */
			.max_bytes = rec->is_file ? 0 : memory / OUTBOX_SHARE,
			.log = dfl_api_log(&rec->log) },
		&rec->store, err);
}

static int open_live(struct dflow_recorder *rec, const struct dflow_recorder_opts *o,
		     struct dfl_err *err)
{
	uint64_t stop_ns = o->stop_deadline_ns ? o->stop_deadline_ns : STOP_NS;

	rec->about = DFLOW_ABOUT_HOST;
	if (o->host_root) {
		rec->host_root = strdup(o->host_root);
		if (!rec->host_root)
			return -ENOMEM;
	}
	return dfl_live_open(&(struct dfl_live_opts){ .cgroups = o->cgroups,
						      .n_cgroups = o->n_cgroups,
						      .pids = o->pids,
						      .n_pids = o->n_pids,
						      .all = o->all,
						      .copy_cap_bytes = o->copy_cap_bytes,
						      .window_max_bytes = o->memory_limit_bytes / 8,
						      .stop_ns = stop_ns / 5 * 4, /* the rest is for
 closing the traces */
						      .host_root = rec->host_root,
						      .log = dfl_api_log(&rec->log) },
			     &rec->source, err);
}

/* Is the store, or its folder, another user's? Then writing it takes CAP_DAC_OVERRIDE. */
static bool is_foreign(const char *store)
{
	char folder[4096];
	char *slash;
	struct stat st;

	if (!store)
		return false;
	if (stat(store, &st) || st.st_uid != geteuid())
		return true;
	snprintf(folder, sizeof(folder), "%s", store);
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = 0;
	return stat(slash ? folder : ".", &st) || st.st_uid != geteuid();
}

static int set_up(struct dflow_recorder *rec, const struct dflow_recorder_opts *o,
		  struct dfl_err *err)
{
	int r;

	if (!o->n_cgroups && !o->n_pids && !o->all)
		return dfl_err_set(err, EINVAL,
				   "nothing to record: give a cgroup, a process, or all");
	rec->log = (struct dfl_api_log){ o->log, o->log_ud };
	r = load_rules(rec, o->config, err);
	if (!r) /* first what needs privileges, so that nothing is created without them */
		r = open_live(rec, o, err);
	if (!r && o->store)
		r = create_store(rec, o->store, o->store_max_age_s, o->store_max_bytes,
				 o->memory_limit_bytes, err);
	if (!r && o->keep_payload) {
		rec->about = DFLOW_ABOUT_FILE;
		r = dfl_recording_create(o->keep_payload, &rec->recording, err);
	}
	if (!r)
		r = open_pipeline(rec, o->memory_limit_bytes, err);
	if (!r && o->drop_privileges) {
		rec->about = DFLOW_ABOUT_HOST;
		r = dfl_caps_drop(is_foreign(o->store), err);
	}
	return r;
}

/* Hands the recorder out, or frees it and says why. */
static int finish_set_up(struct dflow_recorder *rec, int r, struct dflow_recorder **ret_recorder,
			 const struct dfl_err *err, struct dflow_error *ret_error)
{
	if (!r) {
		*ret_recorder = rec;
		return 0;
	}
	dfl_api_error(ret_error, rec ? rec->about : DFLOW_ABOUT_CALL, err, r);
	dflow_recorder_free(rec);
	return r;
}

int dflow_recorder_new(const struct dflow_recorder_opts *opts, struct dflow_recorder **ret_recorder,
		       struct dflow_error *ret_error)
{
	struct dflow_recorder *rec = calloc(1, sizeof(*rec));
	struct dflow_recorder_opts o;
	struct dfl_err err = { "" };
	int r = rec ? dfl_api_in(DFL_API_SHAPE(dflow_recorder_opts, log_ud), opts, &o, &err) :
		      -ENOMEM;

	if (!r)
		r = copy_callbacks(rec, o.callbacks, &err);
	if (!r)
		r = set_up(rec, &o, &err);
	return finish_set_up(rec, r, ret_recorder, &err, ret_error);
}

static int set_up_file(struct dflow_recorder *rec, const char *path,
		       const struct dflow_replay_opts *o, struct dfl_err *err)
{
	int r;

	rec->log = (struct dfl_api_log){ o->log, o->log_ud };
	rec->is_file = true;
	r = load_rules(rec, o->config, err);
	if (!r) {
		rec->about = DFLOW_ABOUT_FILE;
		r = dfl_open_file(path, &rec->source, err);
	}
	if (!r && o->store)
		r = create_store(rec, o->store, 0, 0, 0, err);
	return r ? r : open_pipeline(rec, o->memory_limit_bytes, err);
}

int dflow_recorder_open_file(const char *path, const struct dflow_replay_opts *opts,
			     struct dflow_recorder **ret_recorder, struct dflow_error *ret_error)
{
	struct dflow_recorder *rec = calloc(1, sizeof(*rec));
	struct dflow_replay_opts o;
	struct dfl_err err = { "" };
	int r = rec ? dfl_api_in(DFL_API_SHAPE(dflow_replay_opts, log_ud), opts, &o, &err) :
		      -ENOMEM;

	if (!r)
		r = copy_callbacks(rec, o.callbacks, &err);
	if (!r)
		r = set_up_file(rec, path, &o, &err);
	return finish_set_up(rec, r, ret_recorder, &err, ret_error);
}

/* ---- running ---- */

int dflow_recorder_fd(const struct dflow_recorder *recorder)
{
	return recorder->source->ops->fd(recorder->source);
}

uint64_t dflow_recorder_timeout_ns(const struct dflow_recorder *recorder)
{
	return recorder->source->ops->timeout_ns(recorder->source);
}

int dflow_recorder_progress(const struct dflow_recorder *recorder, uint64_t *ret_done_bytes,
			    uint64_t *ret_total_bytes)
{
	const struct dfl_event_source_ops *ops = recorder->source->ops;
	FILE *file = ops->file ? ops->file(recorder->source) : NULL;
	struct stat st;
	off_t at;

	if (!file || fstat(fileno(file), &st) || !S_ISREG(st.st_mode))
		return -ENOTSUP;
	at = ftello(file);
	if (at < 0)
		return -errno;
	*ret_done_bytes = at;
	*ret_total_bytes = st.st_size;
	return 0;
}

/* However the events' clock goes: what is known is on disk within a second. */
static int commit_in_time(struct dflow_recorder *rec)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC_COARSE);

	if (now_ns - rec->committed_ns < COMMIT_EVERY_NS)
		return 0;
	rec->committed_ns = now_ns;
	return dfl_pipeline_commit(rec->pipeline);
}

static int look_after_retention(struct dflow_recorder *rec, struct dfl_err *err)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (rec->is_file || !rec->store ||
	    (rec->expired_ns && now_ns - rec->expired_ns < EXPIRE_EVERY_NS))
		return 0;
	rec->expired_ns = now_ns;
	r = dfl_outbox_expire(rec->store, clock_ns(CLOCK_REALTIME), err);
	if (!r)
		dfl_pipeline_forget_before(rec->pipeline, dfl_outbox_oldest(rec->store));
	return r;
}

/*
 * The sentence and what it is about: the store's, where nothing nearer was said; else what failed
 * is the file that is read or written.
 */
static int tell(struct dflow_recorder *rec, struct dflow_error *ret_error, struct dfl_err *err,
		int r)
{
	const char *of_store = dfl_pipeline_error(rec->pipeline);

	rec->about = rec->store ? DFLOW_ABOUT_STORE : DFLOW_ABOUT_FILE;
	if (rec->is_file && !*of_store && !err->msg[0])
		rec->about = DFLOW_ABOUT_FILE;
	if (!err->msg[0])
		memcpy(err->msg, of_store, strlen(of_store) + 1);
	return dfl_api_error(ret_error, rec->about, err, r);
}

static int told_to_stop(struct dflow_error *ret_error, int r)
{
	struct dfl_err err = { "a callback said stop" };

	return dfl_api_error(ret_error, DFLOW_ABOUT_CALL, &err, r);
}

int dflow_recorder_dispatch(struct dflow_recorder *recorder, unsigned max_events,
			    struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	int n, r;

	recorder->told_to_stop = 0;
	n = recorder->source->ops->dispatch(recorder->source, dfl_pipeline_event,
					    recorder->pipeline,
					    max_events ? max_events : DEFAULT_MAX_EVENTS);
	if (n == -ENODATA && recorder->is_file) {
		recorder->ended = true;
		n = 0;
	}
	r = n < 0 ? n : commit_in_time(recorder);
	r = r < 0 ? r : look_after_retention(recorder, &err);
	if (r < 0)
		return tell(recorder, ret_error, &err, r);
	return recorder->told_to_stop ? told_to_stop(ret_error, recorder->told_to_stop) : n;
}

/*
 * What is still on its way, then the last tick, after which time has passed for every trace. A file
 * of which the rest was not read gets none: its traces must not settle.
 */
static int drain(struct dflow_recorder *rec)
{
	if (rec->is_file && !rec->ended)
		return 0;
	return rec->source->ops->finish(rec->source, dfl_pipeline_event, rec->pipeline);
}

/* Everything is tried; the first error is told. */
static int flush(struct dflow_recorder *rec)
{
	int r = drain(rec), r2;

	r2 = dfl_pipeline_finish(rec->pipeline);
	r = r < 0 ? r : r2;
	if (rec->recording) {
		r2 = dfl_recording_close(rec->recording);
		rec->recording = NULL;
		r = r < 0 ? r : r2;
	}
	return r < 0 ? r : 0;
}

static int stop(struct dflow_recorder *rec, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };
	int r = flush(rec);

	if (r)
		return tell(rec, ret_error, &err, r);
	return rec->told_to_stop ? told_to_stop(ret_error, rec->told_to_stop) : 0;
}

int dflow_recorder_stop(struct dflow_recorder *recorder, struct dflow_error *ret_error)
{
	if (recorder->stopped)
		return 0;
	recorder->stopped = true;
	recorder->told_to_stop = 0;
	return stop(recorder, ret_error);
}

int dflow_recorder_stats(const struct dflow_recorder *recorder, struct dflow_stats *ret_stats)
{
	const struct dfl_api_shape *shape = DFL_API_SHAPE(dflow_stats, old_texts_unusable);
	struct dfl_pipeline_stats p;
	int r = dfl_api_check(shape, ret_stats, NULL);

	if (r)
		return r;
	dfl_pipeline_stats(recorder->pipeline, &p);
	dfl_api_out(shape,
		    &(struct dflow_stats){ .events = p.events,
					   .bytes = p.bytes,
					   .lost_events = p.lost_events,
					   .lost_bytes = p.lost_bytes + p.gap_bytes,
					   .requests = p.requests,
					   .open_requests = p.open_requests,
					   .hops = p.hops,
					   .settled = p.settled,
					   .dropped = p.dropped,
					   .old_texts = p.old_texts,
					   .old_texts_left_out = p.old_left_out,
					   .old_texts_unusable = p.old_unusable },
		    ret_stats);
	return 0;
}

int dflow_recorder_limits(const struct dflow_recorder *recorder,
			  int (*fn)(void *ud, const char *name, uint64_t hits), void *ud)
{
	return dfl_pipeline_limits(recorder->pipeline, fn, ud);
}

void dflow_recorder_free(struct dflow_recorder *recorder)
{
	if (!recorder)
		return;
	dfl_pipeline_free(recorder->pipeline);
	if (recorder->source)
		recorder->source->ops->free(recorder->source);
	if (recorder->recording)
		dfl_recording_close(recorder->recording);
	dfl_outbox_close(recorder->store);
	dfl_rules_free(recorder->rules);
	free(recorder->host_root);
	free(recorder);
}

/* ---- replaying at once ---- */

int dflow_replay(const char *path, const struct dflow_replay_opts *opts,
		 struct dflow_stats *ret_stats, struct dflow_error *ret_error)
{
	struct dflow_recorder *rec;
	struct dfl_err err = { "" };
	int n, r = ret_stats ? dfl_api_check(DFL_API_SHAPE(dflow_stats, old_texts_unusable),
					     ret_stats, &err) :
			       0;

	if (r)
		return dfl_api_error(ret_error, DFLOW_ABOUT_CALL, &err, r);
	r = dflow_recorder_open_file(path, opts, &rec, ret_error);
	if (r)
		return r;
	do
		n = dflow_recorder_dispatch(rec, 0, ret_error);
	while (n > 0);
	r = stop(rec, n < 0 ? NULL : ret_error); /* without callbacks, if one said stop */
	if (n < 0)				 /* the first error counts */
		r = n;
	if (!r && ret_stats)
		dflow_recorder_stats(rec, ret_stats);
	dflow_recorder_free(rec);
	return r;
}
