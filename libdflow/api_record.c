// SPDX-License-Identifier: Apache-2.0
/* dflow.h, second part: recording and replaying, both over the pipeline. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/host/caps.h"
#include "capture/live/live.h"
#include "capture/open_file.h"
#include "capture/recording.h"
#include "pipeline.h"

#define DEFAULT_MAX_EVENTS 4096
#define EXPIRE_EVERY_NS 60000000000ull /* retention is looked after this often while recording */

/* A pipeline with all it borrows. */
struct session {
	struct dfl_rules *rules;
	struct dfl_store *store;
	struct dfl_recording *recording;
	struct dfl_event_source *source;
	struct dfl_pipeline *pipeline;
	struct dflow_callbacks callbacks;
	char *host_root;	/* the source borrows it */
	enum dflow_about about; /* what it is busy with, for errors */
};

struct dflow_recorder {
	struct session session;
	bool stopped;
	uint64_t expired_ns; /* when retention was looked after, monotonic */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

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

static void on_change(void *ud, enum dfl_doc_change what, struct dfl_change *change)
{
	const struct dflow_callbacks *cb = &((struct session *)ud)->callbacks;
	const struct dflow_trace trace = { is_wanted(cb, what) ? dfl_change_head(change) : NULL,
					   change };

	if (!trace.doc)
		return;
	if (what == DFL_DOC_OPENED)
		cb->trace_opened(cb->ud, &trace);
	else if (what == DFL_DOC_HOP_NEW)
		cb->hop_new(cb->ud, &trace, dfl_change_hop_index(change));
	else if (what == DFL_DOC_HOP_CHANGED)
		cb->hop_changed(cb->ud, &trace, dfl_change_hop_index(change));
	else if (what == DFL_DOC_SETTLED)
		cb->trace_settled(cb->ud, &trace);
	else
		cb->trace_dropped(cb->ud, &trace);
}

static int open_pipeline(struct session *s, uint64_t memory_limit_bytes, struct dfl_err *err)
{
	const struct dflow_callbacks *cb = &s->callbacks;
	bool wanted = cb->trace_opened || cb->hop_new || cb->hop_changed || cb->trace_settled ||
		      cb->trace_dropped;
	int r = dfl_pipeline_new(
		&(struct dfl_pipeline_opts){ .rules = s->rules,
					     .store = s->store,
					     .record = s->recording,
					     .on_change = wanted ? on_change : NULL,
					     .ud = s,
					     .memory_limit_bytes = memory_limit_bytes },
		&s->pipeline);

	if (r)
		return dfl_err_set(err, -r, "cannot set up the pipeline: %s", strerror(-r));
	return dfl_pipeline_load(s->pipeline, err);
}

static void session_fini(struct session *s)
{
	dfl_pipeline_free(s->pipeline);
	if (s->source)
		s->source->ops->free(s->source);
	if (s->recording)
		dfl_recording_close(s->recording);
	dfl_store_close(s->store);
	dfl_rules_free(s->rules);
	free(s->host_root);
}

static void fill_stats(const struct session *s, struct dflow_stats *ret_stats)
{
	struct dfl_pipeline_stats p;
	struct dflow_stats full;

	_Static_assert(DFL_LIMITS_MAX == DFLOW_LIMITS_MAX, "both hold all limits");
	dfl_pipeline_stats(s->pipeline, &p);
	full = (struct dflow_stats){ .events = p.events,
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
				     .old_texts_unusable = p.old_unusable,
				     .n_limits = p.n_limits };
	for (unsigned i = 0; i < p.n_limits; i++)
		full.limits[i] = (struct dflow_limit){ p.limits[i].name, p.limits[i].hits };
	dfl_api_fill(ret_stats, &full, sizeof(full));
}

static int load_rules(struct session *s, const char *config, struct dfl_err *err)
{
	s->about = DFLOW_ABOUT_CONFIG;
	return dfl_rules_load(config, &s->rules, err);
}

static int create_store(struct session *s, const char *path, uint64_t max_age_s, uint64_t max_bytes,
			struct dfl_err *err)
{
	s->about = DFLOW_ABOUT_STORE;
	return dfl_store_create(path,
				&(struct dfl_store_opts){
					.max_age_s = max_age_s,
					.max_bytes = max_bytes,
					.prints = dfl_rules_settings(s->rules)->keep_fingerprints },
				&s->store, err);
}

/* ---- recording ---- */

static int open_live(struct session *s, const struct dflow_recorder_opts *o, struct dfl_err *err)
{
	s->about = DFLOW_ABOUT_HOST;
	if (o->host_root) {
		s->host_root = strdup(o->host_root);
		if (!s->host_root)
			return -ENOMEM;
	}
	return dfl_live_open(&(struct dfl_live_opts){ .cgroups = o->cgroups,
						      .n_cgroups = o->n_cgroups,
						      .pids = o->pids,
						      .n_pids = o->n_pids,
						      .all = o->all,
						      .copy_cap_bytes = o->copy_cap_bytes,
						      .host_root = s->host_root },
			     &s->source, err);
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

static int open_session(struct session *s, const struct dflow_recorder_opts *o, struct dfl_err *err)
{
	int r;

	if (!o->n_cgroups && !o->n_pids && !o->all)
		return dfl_err_set(err, EINVAL,
				   "nothing to record: give a cgroup, a process, or all");
	r = load_rules(s, o->config, err);
	if (!r) /* first what needs privileges, so that nothing is created without them */
		r = open_live(s, o, err);
	if (!r && o->store)
		r = create_store(s, o->store, o->store_max_age_s, o->store_max_bytes, err);
	if (!r && o->keep_payload) {
		s->about = DFLOW_ABOUT_FILE;
		r = dfl_recording_create(o->keep_payload, &s->recording, err);
	}
	if (!r)
		r = open_pipeline(s, o->memory_limit_bytes, err);
	if (!r && o->drop_privileges) {
		s->about = DFLOW_ABOUT_HOST;
		r = dfl_caps_drop(is_foreign(o->store), err);
	}
	return r;
}

int dflow_recorder_new(const struct dflow_recorder_opts *opts, struct dflow_recorder **ret_recorder,
		       struct dflow_error *ret_error)
{
	struct dflow_recorder *rec = calloc(1, sizeof(*rec));
	struct dflow_recorder_opts o;
	struct dfl_err err = { "" };
	int r = rec ? 0 : -ENOMEM;

	dfl_api_options(opts, &o, sizeof(o));
	if (!r) {
		dfl_api_options(o.callbacks, &rec->session.callbacks,
				sizeof(rec->session.callbacks));
		r = open_session(&rec->session, &o, &err);
	}
	if (r) {
		dfl_api_error(ret_error, rec ? rec->session.about : DFLOW_ABOUT_CALL, &err, r);
		dflow_recorder_free(rec);
		return r;
	}
	*ret_recorder = rec;
	return 0;
}

int dflow_recorder_fd(const struct dflow_recorder *recorder)
{
	struct dfl_event_source *source = recorder->session.source;

	return source->ops->fd(source);
}

uint64_t dflow_recorder_timeout_ns(const struct dflow_recorder *recorder)
{
	struct dfl_event_source *source = recorder->session.source;

	return source->ops->timeout_ns(source);
}

static int look_after_retention(struct dflow_recorder *rec, struct dfl_err *err)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (!rec->session.store || (rec->expired_ns && now_ns - rec->expired_ns < EXPIRE_EVERY_NS))
		return 0;
	rec->expired_ns = now_ns;
	r = dfl_store_expire(rec->session.store, clock_ns(CLOCK_REALTIME), err);
	if (!r)
		dfl_pipeline_forget_before(rec->session.pipeline,
					   dfl_store_oldest(rec->session.store));
	return r;
}

/* While it runs, what can fail is writing. */
static enum dflow_about writing_about(const struct session *s)
{
	return s->store ? DFLOW_ABOUT_STORE : DFLOW_ABOUT_FILE;
}

/* The pipeline's sentence, where nothing nearer was said. */
static void take_sentence(const struct session *s, struct dfl_err *err, int r)
{
	if (r < 0 && !err->msg[0] && s->pipeline)
		memcpy(err->msg, dfl_pipeline_error(s->pipeline),
		       strlen(dfl_pipeline_error(s->pipeline)) + 1);
}

static int tell(const struct session *s, struct dflow_error *ret_error, struct dfl_err *err, int r)
{
	take_sentence(s, err, r);
	return dfl_api_error(ret_error, writing_about(s), err, r);
}

int dflow_recorder_dispatch(struct dflow_recorder *recorder, unsigned max_events,
			    struct dflow_error *ret_error)
{
	struct session *s = &recorder->session;
	struct dfl_err err = { "" };
	int n = s->source->ops->dispatch(s->source, dfl_pipeline_event, s->pipeline,
					 max_events ? max_events : DEFAULT_MAX_EVENTS);
	int r = n < 0 ? n : look_after_retention(recorder, &err);

	return r < 0 ? tell(s, ret_error, &err, r) : n;
}

/* Everything is tried; the first error is told. */
static int flush(struct session *s)
{
	int r = s->source->ops->finish(s->source, dfl_pipeline_event, s->pipeline), r2;

	r2 = dfl_pipeline_finish(s->pipeline);
	r = r < 0 ? r : r2;
	if (s->recording) {
		r2 = dfl_recording_close(s->recording);
		s->recording = NULL;
		r = r < 0 ? r : r2;
	}
	return r < 0 ? r : 0;
}

int dflow_recorder_stop(struct dflow_recorder *recorder, struct dflow_error *ret_error)
{
	struct dfl_err err = { "" };

	if (recorder->stopped)
		return 0;
	recorder->stopped = true;
	return tell(&recorder->session, ret_error, &err, flush(&recorder->session));
}

void dflow_recorder_stats(const struct dflow_recorder *recorder, struct dflow_stats *ret_stats)
{
	fill_stats(&recorder->session, ret_stats);
}

void dflow_recorder_free(struct dflow_recorder *recorder)
{
	if (!recorder)
		return;
	session_fini(&recorder->session);
	free(recorder);
}

/* ---- replaying ---- */

static int replay_session(struct session *s, const char *path, const struct dflow_replay_opts *o,
			  struct dfl_err *err)
{
	int r = load_rules(s, o->config, err);

	if (!r) {
		s->about = DFLOW_ABOUT_FILE;
		r = dfl_open_file(path, &s->source, err);
	}
	if (!r && o->store)
		r = create_store(s, o->store, 0, 0, err);
	if (!r)
		r = open_pipeline(s, o->memory_limit_bytes, err);
	if (r)
		return r;
	s->about = writing_about(s);
	while (!r) {
		r = s->source->ops->dispatch(s->source, dfl_pipeline_event, s->pipeline,
					     DEFAULT_MAX_EVENTS);
		if (r > 0)
			r = 0;
	}
	if (r == -ENODATA)
		return flush(s);
	if (!dfl_pipeline_finish(s->pipeline)) /* the pipeline is well: it was the file */
		s->about = DFLOW_ABOUT_FILE;
	return r;
}

int dflow_replay(const char *path, const struct dflow_replay_opts *opts,
		 struct dflow_stats *ret_stats, struct dflow_error *ret_error)
{
	struct dflow_replay_opts o;
	struct dfl_err err = { "" };
	struct session s = { 0 };
	int r;

	dfl_api_options(opts, &o, sizeof(o));
	dfl_api_options(o.callbacks, &s.callbacks, sizeof(s.callbacks));
	r = replay_session(&s, path, &o, &err);
	if (!r && ret_stats)
		fill_stats(&s, ret_stats);
	take_sentence(&s, &err, r);
	dfl_api_error(ret_error, s.about, &err, r);
	session_fini(&s);
	return r;
}
