# SPDX-License-Identifier: Apache-2.0
"""A text that returns in a later request is known again, although the recorder was started anew in between."""
import concurrent.futures
import json
import signal
import sqlite3
import stat
import time
import uuid

import pytest

from conftest import DFLOW, Recorder, Trace, run, wait_for

FIRST = ("When our nightly backup of the customer database fails twice in a row, whom do we call first, which report "
         "do we write, and how long may the restore of the last good copy take at most? Case ")
THEN = "Please answer the same once more, but shorter, and in the form of a checklist for the person on duty. Case "
OTHER = "Which of the meeting rooms on the third floor has a projector that works, and who has the key to it? Case "


@pytest.fixture(scope="module")
def stack_options():
    return ["--auto-title=off"]


def chat(stack, text, conversation=None):
    options = ["--app", "chat", *(["--conversation", conversation] if conversation else [])]
    return stack.chat(text + uuid.uuid4().hex, *options)


def trace(store, ident):
    out = run(DFLOW, "trace", "--store", store, "-o", "json", ident).stdout
    return Trace(json.loads(out))


def sampled(t):
    return [h for h in t["hops"] if h["coverage_basis"] == "sampled"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_history_over_a_restart(stack, tmp_path, how):
    store = tmp_path / "s.db"
    first = Recorder(stack, store)
    one = chat(stack, FIRST)
    stranger = chat(stack, OTHER)
    old = first.trace(one["message_id"])
    first.trace(stranger["message_id"])
    first.stop(how)

    again = Recorder(stack, store)
    two = chat(stack, THEN, one["conversation_id"])
    new = again.trace(two["message_id"])
    assert again.stop() == 0
    told = trace(store, one["message_id"])

    prompts = [h for h in sampled(new) if h["to"]["station"] == "llm" and h["field"] == "query"]
    assert prompts, new.tree()
    for h in sampled(new):
        assert h["replayed_from"] == old["trace_id"], new.tree()
        assert h["ranges"] is None and h["bytes"] is None and 0 < h["coverage"] <= 1 and h["wire_bytes"] > 0
    assert any(h["coverage"] > 0.9 for h in prompts)
    assert {f["from_trace"] for f in new["source"]["fields"]} == {None, old["trace_id"]}
    assert new.hops(coverage_basis="exact", whole=True), "the new text is found exactly"
    # The older trace is the same but for what it was told.
    assert {(r["trace_id"], r["seq"]) for r in told["replayed_in"]} == {(new["trace_id"], h["seq"]) for h in sampled(new)}
    assert {**told, "replayed_in": []} == {**old, "replayed_in": []}
    assert trace(store, stranger["message_id"])["replayed_in"] == []


def test_killed_in_the_middle(stack, tmp_path):
    """The trace says that its recorder ended, to readers and in the store, and what was asked is known again."""
    store = tmp_path / "s.db"
    first = Recorder(stack, store)
    chats = concurrent.futures.ThreadPoolExecutor().submit(chat, stack, FIRST)
    assert wait_for(lambda: sqlite3.connect(store).execute("SELECT count(*) FROM print").fetchone()[0])
    first.stop(signal.SIGKILL)
    one = chats.result()
    ident, = sqlite3.connect(store).execute("SELECT trace_id FROM trace WHERE NOT settled").fetchone()
    began = time.monotonic()
    old = first.trace(ident, wait=60)
    assert time.monotonic() - began < 30
    assert old["state"] == "settled" and not old["completeness"]["complete"]
    assert old["completeness"]["reasons"] == ["the recorder ended before it settled"]

    again = Recorder(stack, store)
    assert sqlite3.connect(store).execute("SELECT settled, complete FROM trace").fetchall() == [(1, 0)]
    assert trace(store, ident) == old
    new = again.trace(chat(stack, THEN, one["conversation_id"])["message_id"])
    assert again.stop() == 0
    prompts = [h for h in sampled(new) if h["to"]["station"] == "llm"]
    assert [(h["field"], h["replayed_from"], h["coverage"]) for h in prompts] == [("query", old["trace_id"], 1.0)], new.tree()


def test_text_repeated_after_a_restart(stack, tmp_path):
    """The same question again, in a conversation of its own: nothing of it is the older one's."""
    store, text = tmp_path / "s.db", FIRST + uuid.uuid4().hex
    first = Recorder(stack, store)
    old = first.trace(stack.chat(text, "--app", "chat")["message_id"])
    assert first.stop() == 0
    again = Recorder(stack, store)
    new = again.trace(stack.chat(text, "--app", "chat")["message_id"])
    assert again.stop() == 0
    assert not sampled(new), new.tree()
    assert {(h["operation"], h["place"]) for h in new.hops(whole=True)} == \
        {(h["operation"], h["place"]) for h in old.hops(whole=True)}
    assert trace(store, old["trace_id"]) == old


def test_what_is_on_disk(stack, tmp_path):
    """Files of the owner alone, without the text; with another key nothing is known again, and it is said."""
    store = tmp_path / "s.db"
    first = Recorder(stack, store)
    one = chat(stack, FIRST)
    first.trace(one["message_id"])
    assert first.stop() == 0
    key = tmp_path / "s.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for file in tmp_path.iterdir():
        assert b"nightly backup" not in file.read_bytes(), file
    fields, = sqlite3.connect(store).execute("SELECT count(*) FROM print").fetchone()
    key.unlink()
    again = Recorder(stack, store)
    two = chat(stack, THEN, one["conversation_id"])
    new = again.trace(two["message_id"])
    assert again.stop() == 0
    assert not sampled(new), new.tree()
    assert any(f"{fields} earlier texts cannot be recognised again" in line for line in again.log), again.log
