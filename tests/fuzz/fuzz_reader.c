// SPDX-License-Identifier: Apache-2.0
/* Hostile files for every reader: a capture, a recording, a trace document, a configuration. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/pcap.h"
#include "capture/recording.h"
#include "pipeline.h"

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* All stages are behind the source: what it lets through, they have to stand. */
static void replay(struct dfl_event_source *s)
{
	struct dfl_pipeline_opts opts = { 0 };
	struct dfl_rules *rules;
	struct dfl_pipeline *p;
	int r;

	if (dfl_rules_load(NULL, &rules, NULL))
		abort();
	opts.rules = rules;
	if (dfl_pipeline_new(&opts, &p))
		abort();
	do
		r = s->ops->dispatch(s, dfl_pipeline_event, p, 100);
	while (r > 0);
	s->ops->finish(s, dfl_pipeline_event, p);
	dfl_pipeline_finish(p);
	dfl_pipeline_free(p);
	dfl_rules_free(rules);
	s->ops->free(s);
}

static __attribute__((unused)) void read_pcap(const char *path, const uint8_t *data, size_t len)
{
	struct dfl_event_source *s;

	if (!dfl_pcap_open(path, &s, NULL))
		replay(s);
}

static __attribute__((unused)) void read_dfrec(const char *path, const uint8_t *data, size_t len)
{
	struct dfl_event_source *s;

	if (!dfl_recording_open(path, &s, NULL))
		replay(s);
}

static __attribute__((unused)) void read_rules(const char *path, const uint8_t *data, size_t len)
{
	struct dfl_rules *rules;

	if (!dfl_rules_load(path, &rules, NULL))
		dfl_rules_free(rules);
}

static __attribute__((unused)) void read_doc(const char *path, const uint8_t *data, size_t len)
{
	struct dfl_doc *doc;
	char *json;

	if (dfl_doc_from_json((const char *)data, len, &doc))
		return;
	if (!dfl_doc_to_json(doc, &json))
		free(json);
	dfl_doc_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CONCAT(read_, FUZZ_READER)(path, data, len);
	close(fd);
	return 0;
}
