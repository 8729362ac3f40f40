"""Read a pcap file into TCP streams: enough for captures of the stack's own bridge."""
import struct
from collections import defaultdict
from pathlib import Path

ETHERNET, LINUX_SLL = 1, 113


class Stream:
    """One direction of one connection, its bytes in order of their sequence numbers."""

    def __init__(self, source: tuple, target: tuple):
        self.source, self.target = source, target
        self.first_time: float | None = None
        self._pieces: dict[int, bytes] = {}
        self._base: int | None = None

    def add(self, time: float, sequence: int, payload: bytes, syn: bool):
        if syn:
            self._base = (sequence + 1) & 0xFFFFFFFF
            return
        if not payload:
            return
        if self._base is None:
            self._base = sequence
        offset = (sequence - self._base) & 0xFFFFFFFF
        if offset > 1 << 31:
            return  # from before the capture began
        self.first_time = self.first_time or time
        if len(payload) > len(self._pieces.get(offset, b"")):
            self._pieces[offset] = payload

    def data(self) -> bytes:
        out = bytearray()
        for offset in sorted(self._pieces):
            piece = self._pieces[offset]
            if offset > len(out):
                raise ValueError(f"a gap of {offset - len(out)} bytes in {self}")
            out += piece[len(out) - offset:]
        return bytes(out)

    def __repr__(self):
        return "%s:%d->%s:%d" % (*self.source, *self.target)


def _tcp(packet: bytes):
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    header = (packet[0] & 15) * 4
    total = struct.unpack_from("!H", packet, 2)[0] or len(packet)
    source, target = (".".join(map(str, packet[i:i + 4])) for i in (12, 16))
    sport, dport, sequence = struct.unpack_from("!HHI", packet, header)
    offset = (packet[header + 12] >> 4) * 4
    syn = bool(packet[header + 13] & 2)
    return (source, sport), (target, dport), sequence, packet[header + offset:total], syn


def streams(path: Path) -> list[Stream]:
    found: dict[tuple, Stream] = {}
    generation: dict[tuple, int] = defaultdict(int)
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(order + "I", data, 20)[0]
    skip = {ETHERNET: 14, LINUX_SLL: 16}[link]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length = struct.unpack_from(order + "III", data, at)
        packet = data[at + 16 + skip:at + 16 + length]
        at += 16 + length
        parsed = _tcp(packet)
        if parsed is None:
            continue
        source, target, sequence, payload, syn = parsed
        if syn:  # ports are used again: a SYN begins another connection
            generation[source, target] += 1
        key = (source, target, generation[source, target])
        stream = found.setdefault(key, Stream(source, target))
        stream.add(seconds + fraction / 1e6, sequence, payload, syn)
    return [s for s in found.values() if s.first_time is not None]
