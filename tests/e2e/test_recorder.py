# SPDX-License-Identifier: Apache-2.0
"""The recorder's life: recordings that replay the same, two recorders, signals, a killed one, old stores."""
import json
import os
import signal
import stat
import subprocess
import uuid

import pytest

from conftest import DFLOW, Recorder, Trace, run

TEXT = "Write a short, friendly reminder to the team that the quarterly security training is due on Friday. Ref "


@pytest.fixture(scope="module")
def stack_options():
    return ["--auto-title=off"]


def chat(stack):
    return stack.chat(TEXT + uuid.uuid4().hex, "--app", "chat", "--mode", "blocking")


def test_recording_replays_to_the_same_trace(stack, tmp_path):
    rec = tmp_path / "r.dfrec"
    r = Recorder(stack, tmp_path / "live.db", "--keep-payload", rec)
    message = chat(stack)["message_id"]
    r.trace(message)
    assert r.stop() == 0
    assert any("WARNING" in line and "text" in line for line in r.log), "the terminal says that payload is kept"
    assert stat.S_IMODE(rec.stat().st_mode) == 0o600
    run(DFLOW, "replay", "--store", tmp_path / "replayed.db", rec)
    one, two = (run(DFLOW, "trace", "--store", tmp_path / db, "-o", "json", message).stdout
                for db in ("live.db", "replayed.db"))
    assert json.loads(one)["hops"] and one == two


def test_two_recorders_on_one_store(stack, tmp_path):
    r = Recorder(stack, tmp_path / "s.db")
    second = run(DFLOW, "record", "--cgroup", stack.info["cgroup"], "--store", tmp_path / "s.db", ok=False)
    assert second.returncode == 5 and str(r.proc.pid) in second.stderr
    assert r.stop(signal.SIGINT) == 0


def test_signals_lose_nothing(stack, tmp_path):
    for sig in (signal.SIGINT, signal.SIGTERM):
        r = Recorder(stack, tmp_path / f"{sig}.db")
        message = chat(stack)["message_id"]
        assert r.stop(sig) == 0
        trace = Trace(json.loads(run(DFLOW, "trace", "--store", r.store, "-o", "json", message).stdout))
        trace.need(from_="plugin", to="llm", whole=True)


def test_killed_recorder(stack, tmp_path):
    store = tmp_path / "s.db"
    r = Recorder(stack, store)
    message = chat(stack)["message_id"]
    before = r.trace(message)
    assert before["state"] == "settled"
    r.stop(signal.SIGKILL)
    assert r.proc.returncode == -signal.SIGKILL
    after = json.loads(run(DFLOW, "trace", "--store", store, "-o", "json", message).stdout)
    assert after == before
    again = Recorder(stack, store)  # the old store goes on
    second = chat(stack)["message_id"]
    again.trace(second)
    assert again.stop() == 0
    listed = json.loads(run(DFLOW, "ls", "--store", store, "-o", "json").stdout)["requests"]
    assert [x["ids"]["message_id"] for x in listed] == [message, second]


def test_command_as_target(tmp_path):
    r = subprocess.run([DFLOW, "record", "--store", str(tmp_path / "s.db"), "--", "/bin/sh", "-c", "exit 0"],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr


def test_wrong_cgroup_and_no_root(tmp_path):
    r = run(DFLOW, "record", "--cgroup", "/sys/fs/cgroup/unified/no-such", "--store", tmp_path / "s.db", ok=False)
    assert r.returncode == 4 and "no-such" in r.stderr
    os.chmod(tmp_path, 0o777)
    r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", DFLOW, "record", "--all", "--store",
            tmp_path / "n.db", ok=False)
    assert r.returncode == 4 and "root" in r.stderr


def test_doctor(stack):
    out = run(DFLOW, "doctor", "--cgroup", stack.info["cgroup"]).stdout
    assert "BTF" in out and "libssl" in out
