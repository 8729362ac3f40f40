# SPDX-License-Identifier: Apache-2.0
"""Where has the text of this chat message been? Reads the stores that ``dflow record`` writes, and makes them of files.

>>> store = dflow.open("/var/lib/dflow/store.db")
>>> store.requests()                     # a DataFrame, one row a request
>>> trace = store.trace("073f09af")      # by any id, or its unique beginning
>>> trace.hops()                         # a DataFrame, one row a hop
>>> store.hops(since="2026-03-01")       # the hops of all requests since then
"""
import errno as _errno
import json
import os
import weakref

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
        message = ffi.string(error.message).decode("utf-8", "replace") if error else os.strerror(-result)
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


class _Raised:
    """Takes what Python code raises inside a callback of the library through to the caller.

    Used as a context manager around the call; ``handle`` goes to the library as ``void *ud``.
    """

    def __init__(self, call=None):
        self.call = call
        self.error = None
        self.handle = ffi.new_handle(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self.error is not None:
            raise self.error


def _keep(kind, error, traceback):
    """cffi calls it with what a callback raised; the callback then returns -ECANCELED."""
    callback_frame = traceback.tb_frame
    ffi.from_handle(callback_frame.f_locals["ud"]).error = error


_CANCELED = -_errno.ECANCELED


@ffi.def_extern(error=_CANCELED, onerror=_keep)
def _dflow_limit(ud, name, hits):
    ffi.from_handle(ud).call(ffi.string(name).decode(), hits)
    return 0


@ffi.def_extern(error=_CANCELED, onerror=_keep)
def _dflow_settled(ud, trace):
    ffi.from_handle(ud).call(Trace(_document(trace)))
    return 0


@ffi.def_extern(error=_CANCELED, onerror=_keep)
def _dflow_loss(ud, loss):
    ffi.from_handle(ud).call({"from_ns": loss.from_ns, "to_ns": loss.to_ns, "events": loss.events, "bytes": loss.bytes,
                              "why": ffi.string(loss.why).decode() if loss.why else None})
    return 0


@ffi.def_extern(error=_CANCELED, onerror=_keep)
def _dflow_cancel(ud):
    return 0  # Python runs its signal handlers here: Ctrl-C raises KeyboardInterrupt


def _path(path):
    return ffi.NULL if path is None else ffi.new("char[]", os.fsencode(path))


def _sized(type, **members):
    """A new struct with its ``sz`` set."""
    ret = ffi.new(f"struct {type} *")
    ret.sz = ffi.sizeof(f"struct {type}")
    for name, value in members.items():
        setattr(ret, name, value)
    return ret


def _counted(recorder):
    stats, limits = _sized("dflow_stats"), {}
    _check(lib.dflow_recorder_stats(recorder, stats), None)
    with _Raised(limits.__setitem__) as raised:
        lib.dflow_recorder_limits(recorder, lib._dflow_limit, raised.handle)
    return {**{name: getattr(stats, name) for name in _STATS}, "limits": limits}


def _run(recorder, progress):
    """Reads to the end of the file."""
    error, done, total = ffi.new("struct dflow_error *"), ffi.new("uint64_t *"), ffi.new("uint64_t *")
    n = 1
    try:
        while n:
            n = lib.dflow_recorder_dispatch(recorder, 0, error)
            _check(n, error)
            if progress is not None and lib.dflow_recorder_progress(recorder, done, total) == 0:
                progress(done[0], total[0])
    except BaseException:
        lib.dflow_recorder_stop(recorder, ffi.NULL)  # what is known so far is stored
        raise
    _check(lib.dflow_recorder_stop(recorder, error), error)


def replay(file, store=None, config=None, on_trace=None, progress=None):
    """Reads a packet capture or a recording into a store, as ``dflow replay`` does.

    on_trace: called with each Trace when it has settled. progress: called now and then with how many bytes of the file were
    read, and how many it has. What one of them raises ends the replay and comes out here; what was read until then is in the
    store. So does Ctrl-C.

    Returns what was counted, as a dict; its ``limits`` are those that were reached, with how often. ``old_texts`` are texts of
    earlier requests in the store that were known again by their fingerprints.
    """
    ret, error = ffi.new("struct dflow_recorder **"), ffi.new("struct dflow_error *")
    paths = [_path(_store_path(store)), _path(config)]
    with _Raised(on_trace) as raised:
        callbacks = _sized("dflow_callbacks", ud=raised.handle)
        if on_trace is not None:
            callbacks.trace_settled = lib._dflow_settled
        opts = _sized("dflow_replay_opts", store=paths[0], config=paths[1], callbacks=callbacks)
        _check(lib.dflow_recorder_open_file(os.fsencode(file), opts, ret, error), error)
        recorder = ffi.gc(ret[0], lib.dflow_recorder_free)
        try:
            _run(recorder, progress)
            return _counted(recorder)
        finally:
            ffi.release(recorder)


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


class _Cursor:
    """Iterates over traces, of each what take() makes of it. Ends with a ValueError when its store was closed."""

    def __init__(self, cursor, store, take):
        self._take = take
        self._cursor = ffi.gc(cursor, lib.dflow_cursor_close)
        self._store = store  # lives as long

    def close(self):
        if self._cursor is not None:
            ffi.release(self._cursor)
            self._cursor = None

    def __iter__(self):
        return self

    def __next__(self):
        trace, error = ffi.new("const struct dflow_trace **"), ffi.new("struct dflow_error *")
        taken = None
        while taken is None:  # one that the store dropped meanwhile is left out
            if self._cursor is None:
                raise ValueError("the store is closed")
            n = lib.dflow_cursor_next(self._cursor, trace, error)
            _check(n, error)
            if n == 0:
                raise StopIteration
            taken = self._take(trace[0])
        return taken


class Store:
    """A store opened for reading; a context manager. Use it from one thread at a time."""

    def __init__(self, path):
        self.path = path
        ret, error = ffi.new("struct dflow_store **"), ffi.new("struct dflow_error *")
        _check(lib.dflow_store_open(os.fsencode(path), ret, error), error)
        self._store = ffi.gc(ret[0], lib.dflow_store_close)
        self._cursors = weakref.WeakSet()  # they have to be closed before the store

    def close(self):
        if self._store is not None:
            for cursor in list(self._cursors):
                cursor.close()
            ffi.release(self._store)
            self._store = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _open(self):
        if self._store is None:
            raise ValueError("the store is closed")
        return self._store

    def _wait(self, key, seconds, ret, error):
        """dflow_store_wait(), with Ctrl-C."""
        opts = _sized("dflow_wait_opts", timeout_ns=max(1, int(seconds * 1e9)), cancel=lib._dflow_cancel)
        with _Raised() as raised:
            opts.ud = raised.handle
            return lib.dflow_store_wait(self._open(), key, opts, ret, error)

    def traces(self, id, wait=None):
        """The traces of all requests that an id names (a conversation names several), in order.

        wait: wait so many seconds for them to be there and settled.
        """
        ret, error = ffi.new("struct dflow_traces **"), ffi.new("struct dflow_error *")
        key = os.fsencode(str(id))
        if wait is None:
            _check(lib.dflow_store_find(self._open(), key, ret, error), error)
        else:
            _check(self._wait(key, wait, ret, error), error)
        traces = ffi.gc(ret[0], lib.dflow_traces_free)
        return [Trace(_document(lib.dflow_traces_at(traces, i))) for i in range(lib.dflow_traces_count(traces))]

    def trace(self, id, wait=None):
        """The trace of the one request that an id, or its unique beginning, names."""
        found = self.traces(id, wait)
        if len(found) > 1:
            raise Ambiguous(76, f"this id names {len(found)} requests; traces() gives them all")
        return found[0]

    def each(self, since=None, until=None, limit=None, id=None, operation=None, station=None, settled=None,
             complete=None, newest_first=False):
        """Walks over the traces that fit, oldest first, one at a time: memory does not grow with their number.

        since, until: when the request started. limit: only the newest so many. id: those with an id that begins so.
        operation: a shell glob, such as "POST *chat*". station: with a hop from it or to it, such as "llm". settled,
        complete: only those that are (True), or are not (False).
        """
        return self._walk(_trace, since, until, limit, id, operation, station, settled, complete, newest_first)

    def _walk(self, take, since=None, until=None, limit=None, id=None, operation=None, station=None, settled=None,
              complete=None, newest_first=False):
        strings = [_path(None if s is None else str(s)) for s in (id, operation, station)]
        opts = _sized("dflow_list_opts", id=strings[0], operation=strings[1], station=strings[2], limit=limit or 0,
                      settled=_when(settled), complete=_when(complete),
                      order=lib.DFLOW_NEWEST_FIRST if newest_first else lib.DFLOW_OLDEST_FIRST,
                      since_ns=0 if since is None else _ns(since), until_ns=0 if until is None else _ns(until))
        ret, error = ffi.new("struct dflow_cursor **"), ffi.new("struct dflow_error *")
        _check(lib.dflow_cursor_open(self._open(), opts, ret, error), error)
        cursor = _Cursor(ret[0], self._store, take)
        self._cursors.add(cursor)
        return cursor

    def requests(self, **which):
        """One row a request, oldest first. Arguments as those of each()."""
        return _frames.requests(self._walk(_row, **which))

    def hops(self, **which):
        """One row a hop of all these requests. Arguments as those of each()."""
        return _frames.hops(trace.json for trace in self.each(**which))

    def losses(self, since=None, until=None):
        """One row a loss, oldest first: from when to when events were not seen, and why. A request of that time may have no
        trace at all."""
        rows, error = [], ffi.new("struct dflow_error *")
        with _Raised(rows.append) as raised:
            _check(lib.dflow_store_losses(self._open(), 0 if since is None else _ns(since), 0 if until is None else _ns(until),
                                          lib._dflow_loss, raised.handle, error), error)
        return _frames.losses(rows)


def _when(value):
    return lib.DFLOW_ANY if value is None else lib.DFLOW_YES if value else lib.DFLOW_NO


def _json(trace, of):
    ret = ffi.new("char **")
    r = of(trace, ret)
    if r == -_errno.ENOENT:
        return None
    if r == -_errno.ENOMEM:
        raise MemoryError
    if r < 0:
        raise Error(-r, os.strerror(-r))
    try:
        return json.loads(ffi.string(ret[0]))
    finally:
        lib.free(ret[0])


def _document(trace):
    """The document as a dict; None: the store dropped the trace meanwhile, because it was too old."""
    return _json(trace, lib.dflow_trace_json)


def _row(trace):
    """What lists tell of it, as a dict; its ``hops`` is their number."""
    return _json(trace, lib.dflow_trace_list_json)


def _trace(trace):
    document = _document(trace)
    return None if document is None else Trace(document)
