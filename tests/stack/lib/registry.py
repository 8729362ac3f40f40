"""Which stacks run: a lock held by the supervisor, and a record for the other commands."""
import fcntl
import json
import os
from pathlib import Path

from lib.paths import RUN, StackError


def record_path(name: str) -> Path:
    return RUN / f"{name}.json"


def _lock_path(name: str) -> Path:
    return RUN / f"{name}.lock"


def lock(name: str) -> int | None:
    """Take the name; None says that a live stack has it."""
    while True:
        RUN.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            fd = os.open(_lock_path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # another stack was the last to go, and took the folder along
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        # The last holder may have removed the file between our open and our lock.
        try:
            if os.stat(_lock_path(name)).st_ino == os.fstat(fd).st_ino:
                return fd
        except FileNotFoundError:
            pass
        os.close(fd)


def release(name: str, fd: int):
    """Give the name back and leave nothing behind."""
    _lock_path(name).unlink(missing_ok=True)
    os.close(fd)
    try:
        RUN.rmdir()
    except OSError:
        pass  # other stacks are there


def read(name: str) -> dict | None:
    try:
        return json.loads(record_path(name).read_text())
    except FileNotFoundError:
        return None


def write(name: str, record: dict):
    path = record_path(name)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1))
    temporary.rename(path)


def forget(name: str):
    record_path(name).unlink(missing_ok=True)


def running(name: str) -> dict:
    """The up line of the running stack, or an error that says what to do."""
    record = read(name)
    if record is None or "up" not in record:
        raise StackError(f"no stack named {name!r} is running; start one with tests/stack/up")
    return record["up"]


def by_state(state: str) -> str | None:
    """The name of the stack whose state directory this is."""
    for path in sorted(RUN.glob("*.json")):
        record = json.loads(path.read_text())
        if os.path.realpath(record["state"]) == os.path.realpath(state):
            return path.stem
    return None
