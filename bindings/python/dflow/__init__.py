# SPDX-License-Identifier: Apache-2.0
"""Where has the text of this chat message been? Reads the stores that ``dflow record`` writes, and makes them of files.

>>> store = dflow.open("/var/lib/dflow/store.db")
>>> store.requests()                     # a DataFrame, one row a request
>>> trace = store.trace("073f09af")      # by any id, or its unique beginning
>>> trace.hops()                         # a DataFrame, one row a hop
>>> store.hops(since="2026-03-01")       # the hops of all requests since then
"""
import json
import os

import pandas

from . import _frames
from ._dflow import ffi, lib

__all__ = ["open", "replay", "Store", "Trace", "Error", "NotFound", "Ambiguous", "version"]

DEFAULT_STORE = "/var/lib/dflow/store.db"


class Error(Exception):
    """What libdflow says; ``errno`` is its number."""

    def __init__(self, errno, message):
        super().__init__(message)
        self.errno = errno


class NotFound(Error):
    """No request has this id, or there is no store."""


class Ambiguous(Error):
    """The beginning of an id fits several, or one trace was asked for and the id names several."""


_CLASSES = {2: NotFound, 76: Ambiguous}  # ENOENT, ENOTUNIQ


def _check(result, error):
    if result < 0:
        message = ffi.string(error.message).decode("utf-8", "replace")
        raise _CLASSES.get(-result, Error)(-result, message)


def _ns(when):
    """Nanoseconds since 1970 UTC of whatever pandas takes for a time; without a zone it is UTC."""
    t = pandas.Timestamp(when)
    return (t.tz_localize("UTC") if t.tzinfo is None else t).value


def version():
    """The version of libdflow."""
    return ffi.string(lib.dflow_version()).decode()


def open(store=None):
    """Opens a store for reading: a path; None: $DFLOW_STORE, else the default one."""
    return Store(_store_path(store))


def _store_path(store):
    return os.fspath(store) if store else os.environ.get("DFLOW_STORE") or DEFAULT_STORE


_STATS = ["events", "bytes", "lost_events", "lost_bytes", "requests", "open_requests", "hops", "settled", "dropped",
          "old_texts", "old_texts_left_out", "old_texts_unusable"]


def replay(file, store=None, config=None):
    """Reads a packet capture or a recording into a store, as ``dflow replay`` does.

    Returns what was counted, as a dict; its ``limits`` are those that were reached, with how often. ``old_texts`` are texts of
    earlier requests in the store that were known again by their fingerprints.
    """
    paths = [ffi.NULL if p is None else ffi.new("char[]", os.fsencode(p)) for p in (_store_path(store), config)]
    opts, stats = ffi.new("struct dflow_replay_opts *"), ffi.new("struct dflow_stats *")
    error = ffi.new("struct dflow_error *")
    opts.sz, stats.sz = ffi.sizeof("struct dflow_replay_opts"), ffi.sizeof("struct dflow_stats")
    opts.store, opts.config = paths
    _check(lib.dflow_replay(os.fsencode(file), opts, stats, error), error)
    counted = {name: getattr(stats, name) for name in _STATS}
    counted["limits"] = {ffi.string(stats.limits[i].name).decode(): stats.limits[i].hits for i in range(stats.n_limits)}
    return counted


class Trace:
    """One request and where its text went. ``trace.json`` is the whole document (dflow.trace/1)."""

    def __init__(self, document):
        self.json = document

    @property
    def id(self):
        return self.json["trace_id"]

    @property
    def ids(self):
        """The ids that were seen, by kind."""
        return {kind: value for kind, value in self.json["ids"].items() if value is not None}

    @property
    def started(self):
        return pandas.Timestamp(self.json["started"])

    @property
    def settled(self):
        return self.json["state"] == "settled"

    @property
    def complete(self):
        return self.json["completeness"]["complete"]

    def hops(self):
        """One row a hop, in order of time."""
        return _frames.hops([self.json])

    def __getitem__(self, key):
        return self.json[key]

    def __repr__(self):
        return f"<dflow.Trace {self.id[:12]} {self.json['source']['operation']} {len(self.json['hops'])} hops>"


class Store:
    """A store opened for reading; a context manager. Use it from one thread at a time."""

    def __init__(self, path):
        self.path = path
        ret, error = ffi.new("struct dflow_store **"), ffi.new("struct dflow_error *")
        _check(lib.dflow_store_open(os.fsencode(path), ret, error), error)
        self._store = ffi.gc(ret[0], lib.dflow_store_close)

    def close(self):
        if self._store is not None:
            ffi.release(self._store)
            self._store = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _take(self, call):
        """The documents of what ``call(ret_traces, ret_error)`` finds."""
        if self._store is None:
            raise ValueError("the store is closed")
        ret, error = ffi.new("struct dflow_traces **"), ffi.new("struct dflow_error *")
        _check(call(ret, error), error)
        traces = ffi.gc(ret[0], lib.dflow_traces_free)
        return [_document(lib.dflow_traces_at(traces, i)) for i in range(lib.dflow_traces_count(traces))]

    def traces(self, id, wait=None):
        """The traces of all requests that an id names (a conversation names several), in order.

        wait: wait so many seconds for them to be there and settled.
        """
        key = os.fsencode(str(id))
        if wait is None:
            found = self._take(lambda ret, error: lib.dflow_store_find(self._store, key, ret, error))
        else:
            ns = int(wait * 1e9)
            found = self._take(lambda ret, error: lib.dflow_store_wait(self._store, key, ns, ret, error))
        return [Trace(document) for document in found]

    def trace(self, id, wait=None):
        """The trace of the one request that an id, or its unique beginning, names."""
        found = self.traces(id, wait)
        if len(found) > 1:
            raise Ambiguous(76, f"this id names {len(found)} requests; traces() gives them all")
        return found[0]

    def _list(self, since, until, limit, id):
        key = ffi.NULL if id is None else ffi.new("char[]", os.fsencode(str(id)))
        opts = ffi.new("struct dflow_list_opts *")
        opts.sz = ffi.sizeof("struct dflow_list_opts")
        opts.since_ns = 0 if since is None else _ns(since)
        opts.until_ns = 0 if until is None else _ns(until)
        opts.limit = limit or 0
        opts.id = key
        return self._take(lambda ret, error: lib.dflow_store_list(self._store, opts, ret, error))

    def requests(self, since=None, until=None, limit=None, id=None):
        """One row a request, oldest first. limit: the newest so many; id: those with an id that begins so."""
        return _frames.requests(self._list(since, until, limit, id))

    def hops(self, since=None, until=None, limit=None, id=None):
        """One row a hop of all these requests."""
        return _frames.hops(self._list(since, until, limit, id))


def _document(trace):
    ret = ffi.new("char **")
    if lib.dflow_trace_json(trace, ret) < 0:
        raise MemoryError
    try:
        return json.loads(ffi.string(ret[0]))
    finally:
        lib.free(ret[0])
