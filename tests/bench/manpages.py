# SPDX-License-Identifier: Apache-2.0
"""Writes texts of the manual pages (Debian: manpages, manpages-ja), each ended by a NUL: first SYSTEM system prompts of
some 2 KB, then a question and an answer for each chat, in turn. No paragraph is used twice.

    manpages.py CHATS >texts
"""
import gzip
import pathlib
import random
import re
import subprocess
import sys

SYSTEM, SYSTEM_BYTES, QUESTION_BYTES, ANSWER_BYTES = 4, 2000, 160, 360
LONGEST = 2000  # bytes of a paragraph
BREAK = re.compile(r"^[.'](PP|P|LP|IP|TP|HP|SH|SS|TQ|RS|RE|sp|in|TH)\b|^$")
SKIP_FROM, SKIP_TO = re.compile(r"^[.'](EX|nf|TS|Vb|de|ig)\b"), re.compile(r"^(\.(EE|fi|TE|Ve)\b|\.\.$)")
FONT = re.compile(r"^[.'](B|I|BR|BI|RB|IB|IR|RI|SM|SB)\s+(.*)")
ESCAPES = ((re.compile(r"\\f(\[\w*\]|\(\w\w|\w)|\\s[+-]?\d|\\[&/,|^%)c]|\\\".*"), ""), (re.compile(r"\\-|\\\(hy|\\\[hy\]|\\\(mi"), "-"),
           (re.compile(r"\\\(aq|\\\[aq\]|\\\(cq|\\\[cq\]|\\'"), "'"), (re.compile(r"\\\([lr]q|\\\[[lr]q\]|\\\(dq"), '"'),
           (re.compile(r"\\[ ~0]"), " "), (re.compile(r"\\e|\\\(rs|\\\[rs\]"), "\\\\"), (re.compile(r"\\\(\w\w|\\\[\w*\]|\\\*\(\w\w|\\\*."), ""))


def pages(package):
    listed = subprocess.run(["dpkg", "-L", package], check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(f for f in listed if "/man" in f and f.endswith(".gz") and not pathlib.Path(f).is_symlink())


def plain(line):
    font = FONT.match(line)
    if font:  # .BR takes its words in turn in two fonts, without blanks between
        words = re.findall(r'"([^"]*)"|(\S+)', font.group(2))
        line = ("" if len(font.group(1)) == 2 and font.group(1) != "SM" else " ").join(a or b for a, b in words)
    for pattern, by in ESCAPES:
        line = pattern.sub(by, line)
    return line


def paragraphs(source):
    text, skip = [], False
    for line in source.splitlines():
        if skip or SKIP_FROM.match(line):
            skip = not SKIP_TO.match(line)
        elif BREAK.match(line):
            if text:
                yield " ".join(text)
            text = []
        elif not line.startswith((".", "'")) or FONT.match(line):
            text.append(plain(line).strip())
    if text:
        yield " ".join(text)


def is_natural(text, package):
    own = sum(c > "\u3000" for c in text) / len(text)
    return own > 0.3 if package == "manpages-ja" else own == 0


def corpus():
    """Runs of paragraphs in the order of their pages, the pages in any order, the languages mixed."""
    seen, found = set(), []
    for package in ("manpages", "manpages-ja"):
        for path in pages(package):
            source = gzip.open(path).read().decode("utf-8", "replace")
            own = [p[:LONGEST // 3] if len(p.encode()) > LONGEST else p for p in paragraphs(source)]
            own = [p for p in own if len(p) > 30 and is_natural(p, package) and p not in seen]
            seen.update(own)
            found.append(own)
    random.Random(1).shuffle(found)
    return [p for own in found for p in own]


def texts(pieces, sizes):
    """Joins pieces until each has its size; one of more than is asked for ends there."""
    pieces = iter(pieces)
    for size in sizes:
        text = ""
        while len(text.encode()) < size:
            piece = next(pieces, None)
            if piece is None:
                return
            text += ("\n" if text else "") + piece
        yield text


def main():
    sizes = [SYSTEM_BYTES] * SYSTEM + [QUESTION_BYTES, ANSWER_BYTES] * int(sys.argv[1])
    for text in texts(corpus(), sizes):
        sys.stdout.buffer.write(text.encode() + b"\0")


main()
