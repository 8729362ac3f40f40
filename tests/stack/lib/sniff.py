"""Capture the pods' bridge while something runs: every leg of the node's processes is there."""
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from lib import spelling, wire
from lib.paths import StackError


class Sniffer:
    def __init__(self, up: dict, path: Path):
        self.path = path
        self._names = {}
        for name, address in up["addresses"].items():
            name = {"redis_tls": "redis"}.get(name, name)
            self._names[address.split(":")[0]] = name
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", up["netns"]["router"], "tcpdump", "-i", "br-pods", "-U", "-n",
             "-s", "0", "-B", "16384", "-w", str(path), "tcp"],
            stderr=subprocess.PIPE, text=True)
        for line in self._process.stderr:
            if "listening on" in line:
                return
        raise StackError("tcpdump did not start")

    def stop(self) -> list:
        time.sleep(0.3)  # what is in the kernel's buffer still has to reach the file
        self._process.send_signal(signal.SIGINT)
        report = self._process.stderr.read()
        self._process.wait()
        dropped = re.search(r"(\d+) packets dropped by kernel", report)
        if not dropped or int(dropped[1]):
            raise StackError(f"tcpdump lost packets: {report.strip()}")
        return wire.streams(self.path)

    def leg(self, stream) -> tuple[str, str]:
        ends = stream.source[0], stream.target[0]
        return tuple(self._names.get(end, end) for end in ends)

    def counts(self, streams: list, text: str) -> dict[tuple[str, str], dict[str, int]]:
        """Occurrences of the text, by leg and spelling."""
        legs: dict[tuple, Counter] = {}
        for stream in streams:
            found = spelling.found(stream.data(), text)
            if found:
                legs.setdefault(self.leg(stream), Counter()).update(found)
        return {leg: dict(found) for leg, found in legs.items()}
