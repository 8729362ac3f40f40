# SPDX-License-Identifier: Apache-2.0
"""Runs a program of programs.py as a target in a cgroup of its own and gives what a live source saw of it."""
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OBSERVE = os.environ.get("DFLOW_OBSERVE", "")


def cgroup_mount():
    with open("/proc/self/mountinfo") as f:
        for line in f:
            if " - cgroup2 " in line:
                return line.split()[4]
    raise RuntimeError("no cgroup v2 is mounted")


@contextlib.contextmanager
def cgroup(name=None):
    """A new cgroup v2 directory; gone afterwards, with whatever still runs in it."""
    path = os.path.join(cgroup_mount(), name or "dflow-test-%d-%d" % (os.getpid(), time.monotonic_ns()))
    os.makedirs(path)
    try:
        yield path
    finally:
        leave(path)


def leave(path):
    for _ in range(100):
        with open(path + "/cgroup.procs") as f:
            pids = f.read().split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        try:
            os.rmdir(path)
            return
        except OSError:
            time.sleep(0.05)


def join(path):
    def inside():
        with open(path + "/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))
    return inside


class Seen:
    """The JSON of observe."""

    def __init__(self, doc):
        self.doc = doc
        self.stats = doc["stats"]

    def chan(self, inode, medium=None):
        found = [c for c in self.doc["chans"] if c["inode"] == inode and medium in (None, c["medium"])]
        assert found, "no channel with inode %d" % inode
        return found[-1]

    def stream(self, inode, out, layer=0, medium=None):
        found = [s for c in self.doc["chans"] if c["inode"] == inode and medium in (None, c["medium"])
                 for s in c["streams"] if s["out"] == out and s["layer"] == layer and s["len"]]
        assert len(found) == 1, "%d streams of inode %d, out %s, layer %d" % (len(found), inode, out, layer)
        return found[0]

    def streams(self, layer=0):
        return [s for c in self.doc["chans"] for s in c["streams"] if s["layer"] == layer and s["len"]]


class Observer:
    """A running observe process."""

    def __init__(self, *options):
        assert os.geteuid() == 0, "these tests need root"
        assert OBSERVE, "DFLOW_OBSERVE has to name the observe program"
        self.process = subprocess.Popen([OBSERVE, *map(str, options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line == b"ready\n", "observe did not start: %r" % line

    def finish(self):
        time.sleep(0.05)
        out, _ = self.process.communicate(b"", timeout=120)
        assert self.process.returncode == 0, "observe failed"
        return Seen(json.loads(out))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def start(path, program, *args, python=None):
    return subprocess.Popen([python or sys.executable, os.path.join(HERE, "programs.py"), program, *map(str, args)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=join(path))


def run(program, *args, options=(), python=None):
    """Observes the program from before its start to its end: what it says it did, and what was seen."""
    with cgroup() as path:
        observer = Observer("--cgroup", path, *options)
        try:
            process = start(path, program, *args, python=python)
            out, _ = process.communicate(b"go\n", timeout=120)
            assert process.returncode == 0, "the program failed"
            return json.loads(out), observer.finish()
        finally:
            observer.kill()


def run_existing(program, *args, options=()):
    """The program runs first; dflow comes when it says "here", and then it is told to go on."""
    with cgroup() as path:
        process = start(path, program, *args)
        line = process.stdout.readline()
        assert line == b"here\n", line
        observer = Observer("--cgroup", path, *options)
        try:
            out, _ = process.communicate(b"go\n", timeout=120)
            assert process.returncode == 0, "the program failed"
            return json.loads(out), observer.finish()
        finally:
            observer.kill()


def sha(data):
    return hashlib.sha256(data).hexdigest()
