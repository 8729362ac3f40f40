# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: the live stack, a recorder, and questions to its store."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DFLOW = os.environ.get("DFLOW", str(ROOT / "build/tools/dflow"))
STACK = ROOT / "tests/stack"
os.environ.setdefault("DFLOW_STACK", f"t{os.getpid()}")  # beside whatever stack a person has up


def run(*args, timeout=120, ok=True, **kw):
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, **kw)
    assert not ok or r.returncode == 0, f"{args}: {r.returncode}\n{r.stdout}\n{r.stderr}"
    return r


class Stack:
    def __init__(self, *options):
        self.info = json.loads(run(STACK / "up", *options, timeout=300).stdout)

    def chat(self, text, *options):
        return json.loads(run(STACK / "chat", *options, "-", input=text).stdout)

    def learn(self, path):
        return json.loads(run(STACK / "learn", path).stdout)

    def down(self):
        run(STACK / "down", timeout=120)


class Recorder:
    """`dflow record` on the stack's cgroup, from ready to stopped."""

    def __init__(self, stack, store, *options):
        self.store = store
        self.proc = subprocess.Popen(
            [DFLOW, "record", "--cgroup", stack.info["cgroup"], "--store", str(store), *map(str, options)],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.log = []
        for line in self.proc.stderr:
            self.log.append(line)
            if "recording into" in line:
                break
        else:
            raise AssertionError("dflow record ended: " + "".join(self.log))

    def stop(self, sig=signal.SIGTERM):
        if self.proc.poll() is None:
            self.proc.send_signal(sig)
        _, err = self.proc.communicate(timeout=60)
        self.log.append(err)
        return self.proc.returncode

    def trace(self, ident, wait=40):
        out = run(DFLOW, "trace", "--store", self.store, f"--wait={wait}", "-o", "json", ident).stdout
        traces = [json.loads(line) for line in out.splitlines()]
        assert len(traces) == 1
        return Trace(traces[0])


class Trace(dict):
    def hops(self, field="query", **want):
        """Hops of a field whose members are as wanted; from_/to: the station; place, operation: a regex."""
        return [h for h in self["hops"] if h["field"] == field and all(fits(h, k, v) for k, v in want.items())]

    def tree(self):
        return "\n".join(f"{h['from']['station']} → {h['to']['station']}  {h['operation']}  {h['place']}  "
                         f"{h['field']} {h['coverage']:.2f} ×{h['occurrences']} enc={h['encrypted']} "
                         f"{'replay' if h['replayed_from'] else ''}" for h in self["hops"])

    def need(self, field="query", **want):
        found = self.hops(field, **want)
        assert found, f"no hop of {field} with {want} in\n{self.tree()}"
        return found


def fits(hop, key, value):
    if key in ("from_", "to"):
        return hop["from" if key == "from_" else "to"]["station"] == value
    if key in ("place", "operation"):
        return hop[key] is not None and re.search(value, hop[key]) is not None
    if key == "whole":
        return (hop["coverage"] == 1.0) == value
    return hop[key] == value


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root: they load eBPF programs and make network namespaces", 1)


@pytest.fixture(scope="module")
def stack_options():
    return []


@pytest.fixture(scope="module")
def stack(stack_options):
    s = Stack(*stack_options)
    yield s
    s.down()


@pytest.fixture(scope="module")
def recorder(stack, tmp_path_factory):
    r = Recorder(stack, tmp_path_factory.mktemp("store") / "s.db")
    yield r
    assert r.stop() == 0, "".join(r.log)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False
