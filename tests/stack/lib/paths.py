"""Where things are: in the project, on the machine, and in one running stack."""
import os
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent  # tests/stack
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "stack"
VENV = BUILD / "venv"
BIN = BUILD / "bin"
RUN = Path("/run/dflow-stack")
NAME = re.compile(r"^[a-z0-9]{1,12}$")


class StackError(Exception):
    """Something a person can act on; printed without a traceback."""


def default_name() -> str:
    name = os.environ.get("DFLOW_STACK", "default")
    if not NAME.match(name):
        raise StackError(f"a stack's name is 1 to 12 of a-z and 0-9, not {name!r}")
    return name


def cgroup2_mount() -> Path:
    """The cgroup v2 tree: alone on a modern host, beside v1 on a hybrid one."""
    with open("/proc/mounts") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return Path(fields[1])
    raise StackError("no cgroup v2 tree is mounted; mount one, for example with "
                     "`mount -t cgroup2 none /sys/fs/cgroup/unified`")
