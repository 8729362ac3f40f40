# SPDX-License-Identifier: Apache-2.0
"""What of dflow.h the binding uses; the C compiler checks it against the real header."""
from cffi import FFI

ffibuilder = FFI()
ffibuilder.cdef(
    """
    struct dflow_error { char message[...]; ...; };
    struct dflow_store;
    struct dflow_traces;
    struct dflow_trace;
    struct dflow_list_opts { size_t sz; int64_t since_ns; int64_t until_ns; uint32_t limit; const char *id; ...; };

    struct dflow_limit { const char *name; uint64_t hits; ...; };
    struct dflow_stats {
        size_t sz; uint64_t events; uint64_t bytes; uint64_t lost_events; uint64_t lost_bytes; uint64_t requests;
        uint64_t open_requests; uint64_t hops; uint64_t settled; uint64_t dropped; uint64_t old_texts;
        uint64_t old_texts_left_out; uint64_t old_texts_unusable; uint32_t n_limits; struct dflow_limit limits[...];
        ...;
    };
    struct dflow_replay_opts { size_t sz; const char *store; const char *config; uint64_t memory_limit_bytes; ...; };

    const char *dflow_version(void);
    int dflow_replay(const char *path, const struct dflow_replay_opts *opts, struct dflow_stats *ret_stats,
                     struct dflow_error *ret_error);
    int dflow_store_open(const char *path, struct dflow_store **ret_store, struct dflow_error *ret_error);
    void dflow_store_close(struct dflow_store *store);
    int dflow_store_find(struct dflow_store *store, const char *id, struct dflow_traces **ret_traces,
                         struct dflow_error *ret_error);
    int dflow_store_wait(struct dflow_store *store, const char *id, uint64_t timeout_ns,
                         struct dflow_traces **ret_traces, struct dflow_error *ret_error);
    int dflow_store_list(struct dflow_store *store, const struct dflow_list_opts *opts,
                         struct dflow_traces **ret_traces, struct dflow_error *ret_error);
    size_t dflow_traces_count(const struct dflow_traces *traces);
    const struct dflow_trace *dflow_traces_at(const struct dflow_traces *traces, size_t i);
    void dflow_traces_free(struct dflow_traces *traces);
    int dflow_trace_json(const struct dflow_trace *trace, char **ret_json);
    void free(void *);
    """
)
ffibuilder.set_source_pkgconfig("dflow._dflow", ["dflow"], "#include <dflow.h>\n#include <stdlib.h>\n")

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
