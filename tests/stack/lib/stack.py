"""One stack: what all stations need to start, and how to take everything down again."""
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from lib import cgroups, net, procs
from lib.certs import Authority
from lib.paths import HERE
from lib.stations import pods


class Stack:
    def __init__(self, state: Path, options: dict):
        self.id = secrets.token_hex(3)
        self.state, self.options = state, options
        self.cgroups = cgroups.Cgroups(self.id)
        self.daemon_key = pods.new_daemon_key()
        self.processes: dict[str, subprocess.Popen] = {}
        self._waiting: list = []

    def record(self) -> dict:
        """What a later command needs to clean up when the supervisor is gone."""
        return {"id": self.id, "state": str(self.state), "supervisor_pid": os.getpid()}

    def prepare(self):
        self.cgroups.make()
        net.make(self.id)
        (self.state / "log").mkdir()
        self.authority = Authority(self.state / "tls")
        self.resolv = self.state / "resolv.conf"
        self.resolv.write_text(f"nameserver {net.VPC['dns']}\n")

    def ns(self, name: str) -> str:
        return net.namespace(self.id, name)

    def directory(self, name: str) -> Path:
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> str:
        return str(self.state / "log" / f"{name}.log")

    def spawn(self, name: str, command: list, netns: str | None = None, **more):
        """Start a process of the world: in its own cgroup, in its station's namespace."""
        process = procs.spawn(command, self.ns(netns or name), self.cgroups.station(name),
                              self.log(name), resolv=str(self.resolv), **more)
        self.processes[name] = process
        return process

    def spawn_container(self, name: str, spec: Path, log: Path):
        """A shim for the container, and a log writer at the other end of its pipes."""
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        runtime = self.cgroups.station("containerd")
        lib = HERE / "lib"
        try:
            self.processes[f"{name}-log"] = procs.spawn(
                [sys.executable, lib / "crilog.py", log, out_read, err_read], "", runtime,
                self.log(f"{name}-log"), pass_fds=(out_read, err_read))
            shim = procs.spawn(
                [sys.executable, "-B", lib / "pod.py", spec, out_write, err_write], "", runtime,
                self.log(f"{name}-shim"), pass_fds=(out_write, err_write))
        finally:
            for fd in (out_read, out_write, err_read, err_write):
                os.close(fd)
        self.processes[name] = shim
        return shim

    def later(self, check):
        """Wait for this when all that can start side by side has been started."""
        self._waiting.append(check)

    def wait_for_all(self):
        for check in self._waiting:
            check()
        self._waiting.clear()

    def dead(self) -> list[str]:
        return [name for name, process in self.processes.items() if process.poll() is not None]


def destroy(record: dict):
    """Remove all of a stack; the record is enough, whatever state it is in."""
    trees = cgroups.Cgroups(record["id"])
    cgroups.destroy(trees.node)
    cgroups.destroy(trees.elsewhere)
    net.destroy(record["id"])
    shutil.rmtree(record["state"], ignore_errors=True)
