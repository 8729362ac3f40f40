"""Processes of the rest of the world: one cgroup and one network namespace for each station."""
import os
import pwd
import socket
import subprocess
import time

from lib import cgroups, kernel
from lib.paths import StackError


def netns_path(name: str) -> str:
    return f"/run/netns/{name}"


def spawn(command: list, netns: str, cgroup: str, log: str, user: str | None = None,
          env: dict | None = None, stdin=subprocess.DEVNULL, pass_fds=(),
          resolv: str | None = None) -> subprocess.Popen:
    def enter():
        cgroups.join(cgroup)
        if netns:
            kernel.setns(netns_path(netns), kernel.CLONE_NEWNET)
        if resolv:  # the host's resolver cannot be reached from the namespace
            kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
            kernel.mount(resolv, os.path.realpath("/etc/resolv.conf"), flags=kernel.MS_BIND)
        if user:  # last: entering needs root
            entry = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)

    with open(log, "ab") as out:
        return subprocess.Popen(
            [str(part) for part in command], stdin=stdin, stdout=out, stderr=out, env=env,
            preexec_fn=enter, start_new_session=True, pass_fds=pass_fds, cwd="/")


def in_netns(netns: str, function):
    """Call the function in a child that has entered the namespace; its exit says true or not."""
    pid = os.fork()
    if pid == 0:
        try:
            kernel.setns(netns_path(netns), kernel.CLONE_NEWNET)
            os._exit(0 if function() else 1)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _connects(address: str, port: int) -> bool:
    with socket.create_connection((address, port), timeout=1):
        return True


def wait_port(netns: str, address: str, port: int, process: subprocess.Popen | None = None,
              log: str = "", seconds: float = 30):
    wait_for(f"{address}:{port}", lambda: in_netns(netns, lambda: _connects(address, port)),
             process, log, seconds)


def wait_for(what: str, ready, process: subprocess.Popen | None = None, log: str = "",
             seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise StackError(f"{what}: ended with {process.returncode}; see {log}")
        if time.monotonic() > deadline:
            raise StackError(f"{what}: not ready after {seconds:.0f} s; see {log}")
        time.sleep(0.05)
