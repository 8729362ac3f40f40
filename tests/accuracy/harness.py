# SPDX-License-Identifier: Apache-2.0
"""Counts how many hops of concurrent chats are right, missing, or another message's.

The truth: each text is unique, and what one chat of a kind (app × mode) does alone is what each chat
of that kind does among others. Two chats of each kind are sent alone first; the hops that both show
alike are the expected ones (hops of reads that a cache may serve differ, and are left out). A hop too
many is another message's: mis-stitched.
"""
import argparse
import collections
import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from conftest import DFLOW, Recorder, Stack, run  # noqa: E402

KINDS = [(app, mode) for app in ("workflow", "chat") for mode in ("streaming", "blocking")]
FIELDS = ("query", "answer")


def key(hop):
    return (hop["field"], hop["from"]["station"], hop["to"]["station"], hop["operation"], hop["place"], hop["direction"])


def counts(trace):
    """How often each field was whole at each place; partial copies and history are counted apart."""
    n = collections.Counter()
    for hop in trace["hops"]:
        if hop["field"] in FIELDS and hop["coverage"] == 1.0 and not hop["replayed_from"]:
            n[key(hop)] += hop["occurrences"]
    return n


def stable(a, b):
    return {k: n for k, n in a.items() if b.get(k) == n}


class Score(collections.Counter):
    def add(self, expected, trace):
        got = counts(trace)
        self["expected"] += sum(expected.values())
        for k, n in expected.items():
            self["correct"] += min(n, got[k])
            self["missing"] += max(0, n - got[k])
            self["mis_stitched"] += max(0, got[k] - n)
            if got[k] != n:
                print(f"  {trace['ids']['message_id']}: {k}: expected {n}, got {got[k]}", file=sys.stderr)
        self["ambiguous"] += sum(h["ambiguous"] for h in trace["hops"])

    def row(self, name, concurrency):
        return {"name": name, "concurrency": concurrency,
                **{k: self[k] for k in ("expected", "correct", "missing", "mis_stitched", "ambiguous", "false")}}


def load(concurrency, count, app, mode, seed):
    r = run(ROOT / "tests/stack/load", "--concurrency", concurrency, "--count", count, "--app", app, "--mode", mode,
            "--seed", seed, timeout=600)
    chats = [json.loads(line) for line in r.stdout.splitlines()]
    reached = int(r.stderr.split("at most ")[1].split()[0])
    return chats, reached


def reference(recorder):
    expected = {}
    for app, mode in KINDS:
        chats, _ = load(1, 2, app, mode, f"alone-{app}-{mode}")
        first, second = (counts(recorder.trace(c["message_id"])) for c in chats)
        expected[app, mode] = stable(first, second)
        assert len(expected[app, mode]) >= 5, f"{app} {mode}: only {expected[app, mode]}"
    return expected


def scenario(recorder, expected, name, concurrency, seed):
    chats, reached = load(concurrency, concurrency, "mixed", "mixed", seed)
    score = Score()
    for chat in chats:
        score.add(expected[chat["app"], chat["mode"]], recorder.trace(chat["message_id"], wait=120))
    return score.row(name, reached)


def table(rows):
    names = list(rows[0])
    widths = [max(len(str(r[n])) for r in [dict(zip(names, names)), *rows]) for n in names]
    for r in [dict(zip(names, names)), *rows]:
        print("  ".join(str(r[n]).ljust(w) for n, w in zip(names, widths)))


def main():
    p = argparse.ArgumentParser(prog="tests/accuracy/run", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", choices=["json"], help="one JSON object as the last line")
    p.add_argument("--short", action="store_true", help="what CI runs: only 64 at once")
    args = p.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="dflow-accuracy-") as tmp:
        stack = Stack("--api-connections=200", "--celery-concurrency=200", "--llm-delay-ms=4000", "--auto-title=off")
        try:
            recorder = Recorder(stack, pathlib.Path(tmp) / "s.db")
            try:
                expected = reference(recorder)
                for n in [64] if args.short else [1, 16, 64]:
                    rows.append(scenario(recorder, expected, "unique", n, f"unique-{n}"))
            finally:
                status = recorder.stop()
        finally:
            stack.down()
    table(rows)
    bad = sum(r["missing"] + r["mis_stitched"] + r["ambiguous"] for r in rows) or status
    print(f"in flight at once: {max(r['concurrency'] for r in rows)}")
    if args.o:
        print(json.dumps({"scenarios": rows}))
    else:
        print(f"{sum(not (r['missing'] or r['mis_stitched'] or r['ambiguous']) for r in rows)} passed, "
              f"{sum(bool(r['missing'] or r['mis_stitched'] or r['ambiguous']) for r in rows)} failed")
    sys.exit(1 if bad else 0)


main()
