# SPDX-License-Identifier: Apache-2.0
"""Counts how many hops of chats with known texts are right, missing, another message's, or from nowhere.

docs/accuracy.md says what each scenario is and how the truth is known. Fails (status 1) when less than 99.9 % of the
hops of unique texts are found, or any hop is another message's or from nowhere.
"""
import argparse
import json
import sys
import time

import live
import recorded
import unrelated
from known import KNOWN
from score import table

PARTS = (unrelated, recorded, live)


def parse():
    names = [n for part in PARTS for n in part.SCENARIOS]
    p = argparse.ArgumentParser(prog="tests/accuracy/run", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", choices=["json"], help="one JSON object as the last line")
    p.add_argument("--short", action="store_true", help="what CI runs: smaller, under four minutes on two cores")
    p.add_argument("--only", choices=names, action="append", metavar="SCENARIO", help=", ".join(names))
    args = p.parse_args()
    args.only = args.only or names
    return args


def scores(args):
    for part in PARTS:
        names = [n for n in args.only if n in part.SCENARIOS]
        if names:
            yield from part.run(names, args.short)


def main():
    args = parse()
    rows, verdicts, began = [], {}, time.monotonic()
    for score, most in scores(args):
        rows.append(score.row(most))
        allowed = KNOWN.get(score.name, (frozenset(),))[0]
        verdict = "passed" if not score.failed() else "failed" if score.failed(allowed) else "known"
        if verdicts.get(score.name) != "failed":
            verdicts[score.name] = verdict
        print(f"  {time.monotonic() - began:4.0f} s  {score.name}: {verdict}", file=sys.stderr, flush=True)
    print(table(rows))
    in_flight = [r["concurrency"] for r in rows if not r["name"].startswith(("recorded", "unrelated"))]
    print(f"in flight at once on the live stack: {max(in_flight, default=0)}")
    for name, verdict in verdicts.items():
        if verdict != "passed":
            print(f"{verdict}: {name}{': ' + KNOWN[name][1] if verdict == 'known' else ''}")
    counts = [list(verdicts.values()).count(v) for v in ("passed", "failed")]
    print(json.dumps({"scenarios": rows}) if args.o else "{} passed, {} failed".format(*counts))
    sys.exit(1 if counts[1] else 0)


main()
