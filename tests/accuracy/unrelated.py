# SPDX-License-Identifier: Apache-2.0
"""False hops: traffic that no request made, scanned while 100 requests with texts of their own are open."""
import json
import subprocess

import texts
from recorded import PROGRAMS
from score import Score

KINDS = ("random", "english", "japanese", "json", "base64")
REQUESTS = 100


def scan(bytes_in_all, seed=1):
    questions = "".join(texts.varied(f"unrelated-{n}") + "\0" for n in range(REQUESTS)).encode()
    score, scanned = Score("unrelated"), 0
    for kind in KINDS:
        args = [str(PROGRAMS / "unrelated"), kind, str(bytes_in_all // len(KINDS)), str(seed)]
        r = subprocess.run(args, input=questions, capture_output=True, check=True)
        result = json.loads(r.stdout)
        scanned += result["bytes"]
        score["false"] += result["hops"]
        score.checked = scanned >= bytes_in_all and result["requests"] == REQUESTS
    print(f"unrelated traffic: {scanned} bytes, {score['false']} false hops")
    return score


# name: (function, its size when long, when short)
SCENARIOS = {"unrelated": (scan, 10**9, 2 * 10**7)}


def run(names, is_short):
    for name in names:
        function, long_size, short_size = SCENARIOS[name]
        yield function(short_size if is_short else long_size), REQUESTS
