# SPDX-License-Identifier: Apache-2.0
"""Scenarios from recordings: many synthetic chats, of which the time of every call is known, replayed.

The truth is exact: each call of the recording has a time of its own, so the first and the last byte of a hop tell
which request made it.
"""
import datetime
import json
import os
import pathlib
import subprocess
import tempfile

import texts
from score import Score, covers

ROOT = pathlib.Path(__file__).resolve().parents[2]
DFLOW = os.environ.get("DFLOW", str(ROOT / "build/tools/dflow"))
PROGRAMS = pathlib.Path(os.environ.get("DFLOW_ACCURACY", ROOT / "build/tests/accuracy"))
OFFSET_NS = 1700000000000000000  # of the recordings' clock


def made(folder, questions, seed=1, drop=0, cut=0, options=()):
    """Writes a recording; returns its path, the truth, and how many were in flight at most."""
    path = folder / "r.dfrec"
    args = [PROGRAMS / "synth", path, seed, drop, cut, *options]
    r = subprocess.run([str(a) for a in args], input="".join(q + "\0" for q in questions).encode(), capture_output=True,
                       check=True)
    return path, [json.loads(line) for line in r.stdout.splitlines()], int(r.stderr.split()[0])


def replayed(folder, recording):
    """Start of the inbound call → trace."""
    store = folder / "s.db"
    subprocess.run([DFLOW, "replay", "--store", store, recording], check=True, capture_output=True, timeout=1200)
    ls = subprocess.run([DFLOW, "ls", "--store", store, "-o", "json"], check=True, capture_output=True, text=True)
    traces = {}
    for request in json.loads(ls.stdout)["requests"]:
        r = subprocess.run([DFLOW, "trace", "--store", store, "-o", "json", request["trace_id"]], check=True,
                           capture_output=True, text=True)
        trace = json.loads(r.stdout)
        traces[start_ns(trace)] = trace
    return traces


def start_ns(trace):
    whole, fraction = trace["started"].rstrip("Z").split(".")
    seconds = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc).timestamp()
    return int(seconds) * 10**9 + int(fraction) - OFFSET_NS


class Truth:
    def __init__(self, requests):
        self.requests = requests
        self.owner = {ns: (r["number"], op["name"]) for r in requests for op in r["ops"] for ns in op["calls"]}

    def score(self, name, traces, unique=True, may_miss=False):
        score = Score(name, unique)
        for request in self.requests:
            trace = traces.get(request["ops"][0]["calls"][0])
            if trace:
                self.add_hops(score, request, trace)
            self.add_ops(score, request, trace, may_miss)
        return score

    def add_hops(self, score, request, trace):
        """Whose are they in truth?"""
        began = start_ns(trace)
        for hop in trace["hops"]:
            for ns in {began + hop["first_ns"], began + hop["last_ns"]}:
                number, op = self.owner.get(ns, (None, None))
                if number == request["number"] or hop["ambiguous"]:
                    continue
                if op == "other" and ns != began + hop["first_ns"]:
                    continue  # it ended when something else passed; nothing of a text is in there
                score["false" if number is None else "mis_stitched"] += 1
                score.say(trace, f"{hop['field']} in {hop['operation']} {hop['place']} at {ns}: "
                                 f"of request {number}, {op}")

    def add_ops(self, score, request, trace, may_miss):
        for op in request["ops"]:
            if not op["field"]:
                continue
            sure, maybe = (self.found(op, trace, shared) for shared in (False, True)) if trace else (False, False)
            if not maybe and may_miss and trace and not trace["completeness"]["complete"]:
                continue  # it says so
            score["expected"] += 1
            score["correct" if sure else "ambiguous" if maybe else "missing"] += 1
            if not maybe:
                what = "not there" if op["whole"] else "not there in part"
                score.say(trace or {"ids": {}, "trace_id": f"request {request['number']}"},
                          f"{op['field']} in {op['name']}: {what}, and not said to be lost")

    @staticmethod
    def found(op, trace, shared):
        """Is the field there, over all hops that this operation made? shared: with those that may be another's."""
        began, ranges = start_ns(trace), []
        for h in trace["hops"]:
            if h["field"] == op["field"] and (shared or not h["ambiguous"]):
                first, last = began + h["first_ns"], began + h["last_ns"]
                if first in op["calls"] or (h["ambiguous"] and any(first <= ns <= last for ns in op["calls"])):
                    ranges += h["ranges"]
        size = {f["field"]: f["bytes"] for f in trace["source"]["fields"]}.get(op["field"])
        return covers(ranges, size) if op["whole"] else bool(ranges)


def scenario(name, questions, unique=True, may_miss=False, **options):
    with tempfile.TemporaryDirectory(prefix="dflow-accuracy-") as folder:
        folder = pathlib.Path(folder)
        recording, requests, most = made(folder, questions, **options)
        return Truth(requests).score(name, replayed(folder, recording), unique, may_miss), most


def unique(count):
    yield scenario("recorded unique", [texts.varied(n) for n in range(count)])


def one_publisher(count):
    yield scenario("recorded one publisher", [texts.varied(n) for n in range(count)], options=["one-publisher"])


def small_vocabulary(count):
    yield scenario("recorded 16 words", [(texts.english, texts.japanese)[n % 2](n) for n in range(count)])


def equal(count):
    """Eight of each text, once with answers of their own, once with equal answers too."""
    questions = [texts.varied(f"equal-{n // 8}") for n in range(count)]
    yield scenario("recorded equal", questions, unique=False)
    yield scenario("recorded equal answers", questions, unique=False, options=["same-answers"])


def lossy(count):
    questions = [texts.varied(n) for n in range(count)]
    yield scenario("recorded 2% dropped", questions, may_miss=True, drop=20)
    yield scenario("recorded 2% cut", questions, may_miss=True, cut=20)


def repeated_phrase(count):
    """All but one repeat most of the one's text."""
    victim = texts.varied("victim")
    phrase = victim[:len(victim) * 3 // 4]
    score, most = scenario("recorded phrase", [victim] + [phrase + texts.varied(n) for n in range(count - 1)])
    score.may_be_ambiguous = 1  # the title: cut out of what all have
    yield score, most


# name: (function, its size when long, when short)
SCENARIOS = {
    "recorded-unique": (unique, 256, 256),
    "recorded-publisher": (one_publisher, 256, 64),
    "recorded-words": (small_vocabulary, 256, 64),
    "recorded-equal": (equal, 256, 64),
    "recorded-loss": (lossy, 256, 64),
    "recorded-phrase": (repeated_phrase, 1000, 128),
}


def run(names, is_short):
    for name in names:
        function, long_size, short_size = SCENARIOS[name]
        yield from function(short_size if is_short else long_size)
