// SPDX-License-Identifier: Apache-2.0
/* Limits and libbpf's print function: taken for our calls, and put back. */
#include "capture/live/process_wide.h"

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Guards all that is below, but for the variables of threads. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- limits ---- */

struct limit {
	int resource;
	bool without_bound;	   /* else up to the hard limit */
	struct rlimit before, set; /* equal: nothing was changed */
};

static struct limit limits[] = { { .resource = RLIMIT_MEMLOCK, .without_bound = true },
				 { .resource = RLIMIT_NOFILE } };
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))
static unsigned users_of_limits;

static bool equal(const struct rlimit *a, const struct rlimit *b)
{
	return a->rlim_cur == b->rlim_cur && a->rlim_max == b->rlim_max;
}

/* Remembers the limit and raises it. Where that is refused nothing was changed. */
static void raise_one(struct limit *l)
{
	if (getrlimit(l->resource, &l->before)) {
		l->before = l->set = (struct rlimit){ 0 };
		return;
	}
	l->set = (struct rlimit){ .rlim_cur = l->before.rlim_max, .rlim_max = l->before.rlim_max };
	if (l->without_bound)
		l->set.rlim_cur = l->set.rlim_max = RLIM_INFINITY;
	if (setrlimit(l->resource, &l->set))
		l->set = l->before;
}

/* Not when somebody else has changed the limit meanwhile. */
static void lower_one(const struct limit *l)
{
	struct rlimit now;

	if (!equal(&l->before, &l->set) && !getrlimit(l->resource, &now) && equal(&now, &l->set))
		setrlimit(l->resource, &l->before);
}

void dfl_process_wide_raise(struct dfl_process_wide *ret_use)
{
	pthread_mutex_lock(&mutex);
	if (!users_of_limits++)
		for (size_t i = 0; i < N_LIMITS; i++)
			raise_one(&limits[i]);
	pthread_mutex_unlock(&mutex);
	ret_use->raised = true;
}

void dfl_process_wide_lower(struct dfl_process_wide *use)
{
	if (!use->raised)
		return;
	use->raised = false;
	pthread_mutex_lock(&mutex);
	if (!--users_of_limits)
		for (size_t i = 0; i < N_LIMITS; i++)
			lower_one(&limits[i]);
	pthread_mutex_unlock(&mutex);
}

/* ---- libbpf's print function ---- */

static libbpf_print_fn_t print_before; /* of the process, while ours is set */
static unsigned listeners;	       /* pairs of calls that are open, in all threads */

static _Thread_local const struct dfl_log *my_log;
static _Thread_local unsigned my_depth;

static enum dfl_log_level level_of(enum libbpf_print_level level)
{
	switch (level) {
	case LIBBPF_WARN:
		return DFL_LOG_WARN;
	case LIBBPF_INFO:
		return DFL_LOG_INFO;
	default:
		return DFL_LOG_DEBUG;
	}
}

/* The verifier's opinion of a program comes as one text of many lines. */
static void print_lines(const struct dfl_log *log, enum dfl_log_level level, const char *fmt,
			va_list ap)
{
	char *text, *line, *rest;

	if (!log || !log->fn || vasprintf(&text, fmt, ap) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		dfl_log_write(log, level, "%s", line);
	free(text);
}

/* The print function of libbpf while one of our calls runs, for all threads of the process. */
static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	libbpf_print_fn_t before;

	if (my_depth) {
		print_lines(my_log, level_of(level), fmt, ap);
		return 0;
	}
	/* another thread uses libbpf for itself */
	pthread_mutex_lock(&mutex);
	before = print_before;
	pthread_mutex_unlock(&mutex);
	return before ? before(level, fmt, ap) : 0;
}

void dfl_process_wide_listen(const struct dfl_log *log)
{
	if (my_depth++)
		return;
	my_log = log;
	pthread_mutex_lock(&mutex);
	if (!listeners++)
		print_before = libbpf_set_print(print);
	pthread_mutex_unlock(&mutex);
}

void dfl_process_wide_unlisten(void)
{
	if (--my_depth)
		return;
	my_log = NULL;
	pthread_mutex_lock(&mutex);
	if (!--listeners)
		libbpf_set_print(print_before);
	pthread_mutex_unlock(&mutex);
}
