# SPDX-License-Identifier: Apache-2.0
"""What of dflow.h the binding uses; the C compiler checks it against the real header."""
from cffi import FFI

ffibuilder = FFI()
ffibuilder.cdef(
    """
    struct dflow_error { char message[...]; ...; };
    struct dflow_store;
    struct dflow_traces;
    struct dflow_cursor;
    struct dflow_trace;
    struct dflow_recorder;
    enum dflow_when { DFLOW_ANY, DFLOW_YES, DFLOW_NO };
    enum dflow_order { DFLOW_OLDEST_FIRST, DFLOW_NEWEST_FIRST };
    struct dflow_list_opts {
        size_t sz; int64_t since_ns; int64_t until_ns; const char *id; const char *operation; const char *station;
        enum dflow_when settled; enum dflow_when complete; uint32_t limit; enum dflow_order order; ...;
    };
    struct dflow_wait_opts { size_t sz; uint64_t timeout_ns; int cancel_fd; int (*cancel)(void *ud); void *ud; ...; };
    struct dflow_callbacks {
        size_t sz; void *ud;
        int (*trace_opened)(void *ud, const struct dflow_trace *trace);
        int (*hop_new)(void *ud, const struct dflow_trace *trace, size_t hop_index);
        int (*hop_changed)(void *ud, const struct dflow_trace *trace, size_t hop_index);
        int (*trace_settled)(void *ud, const struct dflow_trace *trace);
        int (*trace_dropped)(void *ud, const struct dflow_trace *trace);
        ...;
    };
    struct dflow_stats {
        size_t sz; uint64_t events; uint64_t bytes; uint64_t lost_events; uint64_t lost_bytes; uint64_t requests;
        uint64_t open_requests; uint64_t hops; uint64_t settled; uint64_t dropped; uint64_t old_texts;
        uint64_t old_texts_left_out; uint64_t old_texts_unusable; ...;
    };
    struct dflow_replay_opts {
        size_t sz; const char *store; const char *config; uint64_t memory_limit_bytes;
        const struct dflow_callbacks *callbacks; ...;
    };

    const char *dflow_version(void);
    int dflow_store_open(const char *path, struct dflow_store **ret_store, struct dflow_error *ret_error);
    void dflow_store_close(struct dflow_store *store);
    int dflow_store_find(struct dflow_store *store, const char *id, struct dflow_traces **ret_traces,
                         struct dflow_error *ret_error);
    int dflow_store_wait(struct dflow_store *store, const char *id, const struct dflow_wait_opts *opts,
                         struct dflow_traces **ret_traces, struct dflow_error *ret_error);
    struct dflow_loss { size_t sz; int64_t from_ns; int64_t to_ns; uint64_t events; uint64_t bytes; const char *why; ...; };
    int dflow_store_losses(struct dflow_store *store, int64_t since_ns, int64_t until_ns,
                           int (*fn)(void *ud, const struct dflow_loss *loss), void *ud, struct dflow_error *ret_error);
    size_t dflow_traces_count(const struct dflow_traces *traces);
    const struct dflow_trace *dflow_traces_at(const struct dflow_traces *traces, size_t i);
    void dflow_traces_free(struct dflow_traces *traces);
    int dflow_cursor_open(struct dflow_store *store, const struct dflow_list_opts *opts,
                          struct dflow_cursor **ret_cursor, struct dflow_error *ret_error);
    int dflow_cursor_next(struct dflow_cursor *cursor, const struct dflow_trace **ret_trace,
                          struct dflow_error *ret_error);
    void dflow_cursor_close(struct dflow_cursor *cursor);
    const char *dflow_trace_id(const struct dflow_trace *trace);
    int dflow_trace_json(const struct dflow_trace *trace, char **ret_json);
    int dflow_trace_list_json(const struct dflow_trace *trace, char **ret_json);

    int dflow_recorder_open_file(const char *path, const struct dflow_replay_opts *opts,
                                 struct dflow_recorder **ret_recorder, struct dflow_error *ret_error);
    int dflow_recorder_progress(const struct dflow_recorder *recorder, uint64_t *ret_done_bytes,
                                uint64_t *ret_total_bytes);
    int dflow_recorder_dispatch(struct dflow_recorder *recorder, unsigned max_events, struct dflow_error *ret_error);
    int dflow_recorder_stop(struct dflow_recorder *recorder, struct dflow_error *ret_error);
    int dflow_recorder_stats(const struct dflow_recorder *recorder, struct dflow_stats *ret_stats);
    int dflow_recorder_limits(const struct dflow_recorder *recorder,
                              int (*fn)(void *ud, const char *name, uint64_t hits), void *ud);
    void dflow_recorder_free(struct dflow_recorder *recorder);

    extern "Python" int _dflow_limit(void *ud, const char *name, uint64_t hits);
    extern "Python" int _dflow_settled(void *ud, const struct dflow_trace *trace);
    extern "Python" int _dflow_loss(void *ud, const struct dflow_loss *loss);
    extern "Python" int _dflow_cancel(void *ud);
    void free(void *);
    """
)
ffibuilder.set_source_pkgconfig("dflow._dflow", ["dflow"], "#include <dflow.h>\n#include <stdlib.h>\n")

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
