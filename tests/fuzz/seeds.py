#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a corpus for fuzz_decode out of the golden tapes: seeds.py TAPE_DIR CORPUS_DIR"""
import pathlib
import re
import sys

MEDIA = {"tcp": 0, "tls": 0, "udp": 1, "pipe": 3, "file": 4}
NAMES = {"r": "\r", "n": "\n", "t": "\t"}


def unescape(text):
    def one(m):
        e = m.group(1)
        return chr(int(e[1:], 16)) if e[0] == "x" else NAMES.get(e, e)
    return re.sub(r"\\(x..|.)", one, text).encode("latin-1")


def records(flags, data):
    """A call in pieces of at most 255 bytes, of which the first begins it."""
    out = b""
    for i in range(0, len(data), 255):
        piece = data[i:i + 255]
        out += bytes([flags | (0 if i else 4), len(piece)]) + piece
    return out


def convert(path):
    seeds, tls = [], 0
    for line in path.read_text("latin-1").splitlines():
        if line.startswith("conn "):
            medium, arg = line.split()[1:3]
            tls = 8 if medium == "tls" else 0
            port = 0x40 if arg == "53" else 0
            fd = int(arg) & 3 if medium == "pipe" else 0
            seeds.append(bytearray([MEDIA[medium] | fd << 3 | port]))
        elif line[:1] in "<>" and line:
            seeds[-1] += records(tls | (line[0] == "<"), unescape(line[2:]))
        elif line.startswith("gap "):
            way, length = line.split()[1:3]
            seeds[-1] += bytes([tls | 2 | (way == "<"), int(length) & 255])
    return seeds


def main():
    tapes, corpus = map(pathlib.Path, sys.argv[1:3])
    corpus.mkdir(parents=True, exist_ok=True)
    for tape in sorted(tapes.glob("*.tape")):
        for n, seed in enumerate(convert(tape)):
            (corpus / f"{tape.stem}-{n}").write_bytes(seed)


main()
