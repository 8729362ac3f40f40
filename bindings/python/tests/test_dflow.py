# SPDX-License-Identifier: Apache-2.0
import errno
import signal
import sqlite3
import time

import pandas
import pytest

import dflow

from conftest import GOLDEN


def test_trace_by_every_id(store, chats):
    chat = chats["flow-stream-ja"]
    wanted = store.trace(chat["ids"]["message_id"]).id
    for kind in ("message_id", "task_id", "workflow_run_id"):
        assert store.trace(chat["ids"][kind]).id == wanted
        assert store.trace(chat["ids"][kind][:13]).id == wanted
    assert store.trace(wanted).ids["message_id"] == chat["ids"]["message_id"]


def test_conversation(store, chats):
    conversation = chats["chat-block-en"]["ids"]["conversation_id"]
    traces = store.traces(conversation)
    assert [t.started for t in traces] == sorted(t.started for t in traces)
    assert {t.ids["conversation_id"] for t in traces} == {conversation}


def test_hops(store, chats):
    trace = store.trace(chats["flow-stream-ja"]["ids"]["message_id"])
    hops = trace.hops()
    assert len(hops) == len(trace["hops"]) > 3
    assert (hops.trace_id == trace.id).all()
    assert sorted(hops.seq) == list(range(1, len(hops) + 1))
    assert hops["first"].is_monotonic_increasing and hops["first"].iloc[0] >= trace.started
    whole = hops[(hops.field == "query") & (hops.coverage == 1.0)]
    assert "messages.query" in set(whole.place)
    assert (hops[hops.to_station == "postgres"].encrypted == False).all()  # noqa: E712
    assert hops.from_pid.isna().all()  # a packet capture knows no process


def test_every_field_of_a_hop_is_a_column(store):
    endpoint_keys = {"station", "rule", "node", "pid", "comm", "container", "address", "name", "name_evidence"}
    columns = set(store.hops().columns)
    for trace in store.traces(store.requests().conversation_id.dropna().iloc[0]):
        for hop in trace["hops"]:
            assert set(hop) - {"from", "to", "tls"} <= columns
            assert {f"{side}_{k}" for side in ("from", "to") for k in hop[side]} <= columns
            assert set(hop["from"]) == endpoint_keys
    assert set(store.hops().coverage_basis) <= {"exact", "sampled"}


def test_replay(tmp_path):
    path = tmp_path / "own.db"
    first = dflow.replay(GOLDEN / "chat-block-en.pcap", path)
    assert first["requests"] == first["settled"] == 1 and first["lost_events"] == first["old_texts"] == 0
    assert first["limits"] == {}
    second = dflow.replay(GOLDEN / "flow-stream-ja.pcap", path)
    assert second["old_texts"] > 0 and second["old_texts_unusable"] == 0
    with dflow.open(path) as store:
        assert len(store.requests()) == 2 and len(store.hops()) == first["hops"] + second["hops"]
    (tmp_path / "own.db.key").unlink()
    assert dflow.replay(GOLDEN / "chat-block-en.pcap", path)["old_texts_unusable"] > 0
    with pytest.raises(dflow.NotFound):
        dflow.replay(tmp_path / "none.pcap", path)


def test_replay_tells_what_it_does(tmp_path, chats):
    traces, steps = [], []
    dflow.replay(GOLDEN / "flow-stream-ja.pcap", tmp_path / "s.db", on_trace=traces.append,
                 progress=lambda done, total: steps.append((done, total)))
    assert [t.ids["message_id"] for t in traces] == [chats["flow-stream-ja"]["ids"]["message_id"]]
    assert traces[0].settled and steps[-1][0] == steps[-1][1] == (GOLDEN / "flow-stream-ja.pcap").stat().st_size
    assert steps == sorted(steps)


@pytest.mark.parametrize("where", ["on_trace", "progress"])
def test_what_a_callback_raises_comes_out(tmp_path, where):
    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    with pytest.raises(Enough):
        dflow.replay(GOLDEN / "flow-stream-ja.pcap", tmp_path / "s.db", **{where: stop})
    with dflow.open(tmp_path / "s.db") as store:  # what was read until then is there
        assert len(store.requests()) == 1


def test_walk(store, chats):
    ids = [t.id for t in store.each()]
    assert ids == list(store.requests().trace_id) and len(ids) >= len(chats)
    assert [t.id for t in store.each(newest_first=True)] == ids[::-1]
    assert [t.id for t in store.each(limit=2)] == ids[-2:]
    assert {t.id for t in store.each(complete=True)} | {t.id for t in store.each(complete=False)} == set(ids)
    assert not {t.id for t in store.each(complete=True)} & {t.id for t in store.each(complete=False)}
    assert [t.id for t in store.each(settled=True)] == ids and not list(store.each(settled=False))
    assert list(store.each(operation="post *")) and not list(store.each(operation="DELETE *"))
    with_postgres = {t.id for t in store.each(station="postgres")}
    hops = store.hops()
    assert with_postgres == set(hops[(hops.from_station == "postgres") | (hops.to_station == "postgres")].trace_id)
    with pytest.raises(dflow.Error) as caught:
        store.each(station="nowhere")
    assert caught.value.errno == errno.EINVAL


def test_walk_ends_with_the_store(path):
    store = dflow.open(path)
    walk = store.each()
    next(walk)
    store.close()
    with pytest.raises(ValueError):
        next(walk)


def test_losses(tmp_path):
    path = tmp_path / "own.db"
    dflow.replay(GOLDEN / "chat-block-en.pcap", path)
    with dflow.open(path) as store:
        none = store.losses()
        assert len(none) == 0 and list(none.columns) == ["from", "to", "events", "bytes", "why"]
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO loss VALUES (1000000000, 2000000000, 3, 4, 'the ring was full')")
    with dflow.open(path) as store:
        row = store.losses().iloc[0]
        assert row["from"] == pandas.Timestamp(1, unit="s", tz="UTC") and row.events == 3 and row.why == "the ring was full"
        assert (store.losses().dtypes == none.dtypes).all()
        assert len(store.losses(until="1970-01-01T00:00:01Z")) == 0 and len(store.losses(since="1970-01-02")) == 0


def test_a_signal_ends_waiting(store):
    class Alarm(Exception):
        pass

    def on_alarm(*_):
        raise Alarm

    old = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    start = time.monotonic()
    try:
        with pytest.raises(Alarm):
            store.trace("no-such-id", wait=60)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert time.monotonic() - start < 30


def test_requests(store, chats):
    requests = store.requests()
    messages = set(requests.message_id.dropna())
    assert {chat["ids"]["message_id"] for chat in chats.values()} <= messages
    assert requests.started.is_monotonic_increasing
    assert str(requests.started.dtype) == "datetime64[ns, UTC]"
    assert requests.hops.sum() == len(store.hops())
    last = requests.iloc[-1]
    assert list(store.requests(limit=1).trace_id) == [last.trace_id]
    assert last.trace_id in set(store.requests(since=last.started).trace_id)
    assert last.trace_id not in set(store.requests(until=last.started).trace_id)
    assert list(store.requests(id=last.trace_id[:8]).trace_id) == [last.trace_id]


def test_nothing_found_keeps_the_columns(store):
    assert len(store.requests(id="zzzz")) == len(store.hops(id="zzzz")) == 0
    assert list(store.hops(id="zzzz").columns) == list(store.hops().columns)
    assert (store.hops(id="zzzz").dtypes == store.hops().dtypes).all()


def test_errors(store, path, tmp_path):
    with pytest.raises(dflow.NotFound):
        store.trace("no-such-id")
    with pytest.raises(dflow.Error) as caught:
        store.trace("abc")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(dflow.NotFound):
        dflow.open(tmp_path / "none.db")
    (tmp_path / "junk.db").write_bytes(b"no database " * 100)
    with pytest.raises(dflow.Error) as caught:
        dflow.open(tmp_path / "junk.db")
    assert caught.value.errno == errno.EBADMSG
    closed = dflow.open(path)
    closed.close()
    closed.close()
    with pytest.raises(ValueError):
        closed.requests()


def test_ambiguous_prefix(store, path):
    keys = [k for k, in sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT DISTINCT key FROM id")]
    shared = [k for k in keys if sum(other.startswith(k[:4]) for other in keys) > 1]
    for key in shared:
        with pytest.raises(dflow.Ambiguous):
            store.trace(key[:4])
    for key in keys:
        assert store.traces(key)


def test_wait_gives_up(store):
    start = time.monotonic()
    with pytest.raises(dflow.NotFound):
        store.trace("no-such-id", wait=0.2)
    assert 0.2 <= time.monotonic() - start < 5


def test_default_store(path, monkeypatch):
    monkeypatch.setenv("DFLOW_STORE", str(path))
    with dflow.open() as store:
        assert len(store.requests())
    assert dflow.version().count(".") == 2
