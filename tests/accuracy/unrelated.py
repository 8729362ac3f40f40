# SPDX-License-Identifier: Apache-2.0
"""False hops: traffic that no request made, scanned while 100 requests with texts of their own are open; and false
history: the same in their operations, when many earlier texts of the same kind are known by their fingerprints."""
import json
import subprocess

import texts
from recorded import PROGRAMS
from score import Score

KINDS = ("random", "english", "japanese", "json", "base64")
REQUESTS = 100
OLD_TEXTS = 65000  # more than the table has room for


def program(kind, size, seed, *more):
    questions = "".join(texts.varied(f"unrelated-{n}") + "\0" for n in range(REQUESTS)).encode()
    args = [str(PROGRAMS / "unrelated"), kind, str(size), str(seed), *map(str, more)]
    return json.loads(subprocess.run(args, input=questions, capture_output=True, check=True).stdout)


def scan(bytes_in_all, seed=1):
    score, scanned = Score("unrelated"), 0
    for kind in KINDS:
        result = program(kind, bytes_in_all // len(KINDS), seed)
        scanned += result["bytes"]
        score["false"] += result["hops"]
        score.checked = scanned >= bytes_in_all and result["requests"] == REQUESTS
    print(f"unrelated traffic: {scanned} bytes, {score['false']} false hops")
    return score


def scan_history(bytes_in_all, seed=2):
    score, scanned, prints = Score("unrelated history"), 0, 0
    for kind in KINDS:
        result = program(kind, bytes_in_all // len(KINDS), seed, OLD_TEXTS)
        scanned += result["bytes"]
        prints = result["fingerprints"]
        score["false"] += result["history"]
        score["expected"] += 1
        score["correct"] += result["known"]
        score.checked = scanned >= bytes_in_all
    score["missing"] = score["expected"] - score["correct"]
    print(f"unrelated traffic: {scanned} bytes, {score['false']} false links to {result['old_texts']} earlier texts "
          f"of {prints} fingerprints")
    return score


# name: (function, its size when long, when short)
SCENARIOS = {"unrelated": (scan, 10**9, 2 * 10**7), "unrelated history": (scan_history, 10**9, 2 * 10**7)}


def run(names, is_short):
    for name in names:
        function, long_size, short_size = SCENARIOS[name]
        yield function(short_size if is_short else long_size), REQUESTS
