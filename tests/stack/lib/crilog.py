"""The container runtime's log writer: container pipes in, a CRI log file out.

usage: crilog.py FILE STDOUT_FD STDERR_FD

It runs outside of the containers' cgroups, as containerd does.
"""
import os
import selectors
import sys
from datetime import datetime, timezone

PIECE = 65536
# Longer lines are cut, and all but the last piece are marked partial, as containerd does it.
LONGEST = 16384


def stamp() -> bytes:
    now = datetime.now(timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


class Stream:
    def __init__(self, name: bytes, out: int):
        self.name, self.out, self.rest = name, out, b""

    def _write(self, tag: bytes, line: bytes):
        os.write(self.out, b" ".join((stamp(), self.name, tag, line)) + b"\n")

    def take(self, data: bytes):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        while len(self.rest) > LONGEST:
            self._write(b"P", self.rest[:LONGEST])
            self.rest = self.rest[LONGEST:]

    def _line(self, line: bytes):
        while len(line) > LONGEST:
            self._write(b"P", line[:LONGEST])
            line = line[LONGEST:]
        self._write(b"F", line)

    def close(self):
        if self.rest:
            self._line(self.rest)


def main(path: str, stdout_fd: int, stderr_fd: int):
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    selector = selectors.DefaultSelector()
    for fd, name in ((stdout_fd, b"stdout"), (stderr_fd, b"stderr")):
        selector.register(fd, selectors.EVENT_READ, Stream(name, out))
    while selector.get_map():
        for key, _ in selector.select():
            data = os.read(key.fd, PIECE)
            if data:
                key.data.take(data)
            else:
                key.data.close()
                selector.unregister(key.fd)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
