# SPDX-License-Identifier: Apache-2.0
"""Counts how many hops of concurrent chats are right, missing, or another message's.

The truth: each text is unique, and what one chat of a kind (app × mode) does alone is what each chat of
that kind does among others. Two chats of each kind are sent alone first; the places that both show
with the whole field are the expected hops. A hop is right when its field is whole there, over all
connections together (a client's pool may publish one channel over two). A copy more than a chat alone
makes is another message's: mis-stitched.
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


def seen(trace):
    """Place → (is the whole field there, copies of it). What is cut by design (argsrepr) and history is left out."""
    parts, copies = collections.defaultdict(list), collections.Counter()
    for hop in trace["hops"]:
        if hop["field"] in FIELDS and not hop["replayed_from"] and "argsrepr" not in (hop["place"] or ""):
            parts[key(hop)] += hop["ranges"]
            copies[key(hop)] += hop["occurrences"] if hop["coverage"] == 1.0 else 0
    sizes = {f["field"]: f["bytes"] for f in trace["source"]["fields"] if not f["from_trace"]}
    return {k: (whole(ranges, sizes[k[0]]), copies[k]) for k, ranges in parts.items()}


def whole(ranges, size):
    end = 0
    for lo, hi in sorted(ranges):
        if lo > end:
            return False
        end = max(end, hi)
    return end == size


def expect(a, b):
    """The places that both have whole, with their copies; and all places, for what is there too much."""
    both = {k: max(a[k][1], b[k][1]) for k in a if k in b and a[k][0] and b[k][0]}
    return both, set(a) | set(b)


class Score(collections.Counter):
    def add(self, expectation, trace):
        expected, known = expectation
        got = seen(trace)
        for k in set(got) - known:
            self["false"] += 1
            print(f"  {trace['ids']['message_id']}: {k}: no chat alone has it", file=sys.stderr)
        for k, copies in expected.items():
            is_whole, n = got.get(k, (False, 0))
            self["expected"] += 1
            self["correct" if is_whole else "missing"] += 1
            self["mis_stitched"] += max(0, n - copies)
            if not is_whole or n > copies:
                print(f"  {trace['ids']['message_id']}: {k}: whole {is_whole}, {n} copies for {copies}", file=sys.stderr)
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
        first, second = (seen(recorder.trace(c["message_id"])) for c in chats)
        expected[app, mode] = expect(first, second)
        assert len(expected[app, mode][0]) >= 5, f"{app} {mode}: only {expected[app, mode]}"
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
    wrong = [any(r[k] for k in ("missing", "mis_stitched", "ambiguous", "false")) for r in rows]
    print(f"in flight at once: {max(r['concurrency'] for r in rows)}")
    if args.o:
        print(json.dumps({"scenarios": rows}))
    else:
        print(f"{wrong.count(False)} passed, {wrong.count(True)} failed")
    sys.exit(1 if any(wrong) or status else 0)


main()
