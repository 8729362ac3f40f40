# SPDX-License-Identifier: Apache-2.0
"""What a trace shows against what is known to have happened: right, missing, another message's, or from nowhere."""
import collections
import sys

FIELDS = ("query", "answer")
COUNTS = ("expected", "correct", "missing", "mis_stitched", "ambiguous", "false")
SHARE_OF_UNIQUE = 0.999  # recall that is asked for


def key(hop):
    return (hop["field"], hop["from"]["station"], hop["to"]["station"], hop["operation"], hop["place"], hop["direction"])


def covers(ranges, size):
    end = 0
    for lo, hi in sorted(ranges):
        if lo > end:
            return False
        end = max(end, hi)
    return end == size


class Place:
    """What one trace shows of one place, over all connections: a client's pool may publish one channel over two."""

    def __init__(self):
        self.sure, self.all, self.copies, self.connections = [], [], 0, set()

    def add(self, hop):
        self.all += hop["ranges"]
        if not hop["ambiguous"]:
            self.sure += hop["ranges"]
            self.connections.add(hop["connection"])
            self.copies += hop["occurrences"] if hop["coverage"] == 1.0 else 0

    def split(self):
        """Copies are counted in whole ones on each connection: of one that is split over two a part may be lost or
        rounded up."""
        return max(0, len(self.connections) - 1)

    def at_most(self):
        return self.copies + self.split()


def seen(trace):
    """Place → what is there of the whole field. What is cut by design (argsrepr) and history is left out."""
    places = collections.defaultdict(Place)
    for hop in trace["hops"]:
        if hop["field"] in FIELDS and not hop["replayed_from"] and "argsrepr" not in (hop["place"] or ""):
            places[key(hop)].add(hop)
    sizes = {f["field"]: f["bytes"] for f in trace["source"]["fields"] if not f["from_trace"]}
    for k, place in places.items():
        place.whole, place.maybe = covers(place.sure, sizes[k[0]]), covers(place.all, sizes[k[0]])
    return dict(places)


class Expectation:
    """What a chat of a kind does alone: the places that two of them both have whole, and how many copies there."""

    def __init__(self, first, second, longer=None):
        """longer: of chats that do the same with longer texts. A short one's answer is known later, so not everywhere."""
        a, b = seen(first), seen(second)
        self.known = set(a) | set(b)
        self.copies = {k: max(a[k].at_most(), b[k].at_most()) for k in a if k in b and a[k].whole and b[k].whole}
        if longer:
            self.known |= longer.known
            self.copies = {k: max(n, longer.copies.get(k, 0)) for k, n in self.copies.items()}


class Score(collections.Counter):
    def __init__(self, name, must_be_unique=True, fields=FIELDS):
        super().__init__()
        self.name, self.must_be_unique, self.fields = name, must_be_unique, fields
        self.checked = False  # by other means than expected hops
        self.may_be_ambiguous = 0  # copies that nobody could tell apart

    def say(self, trace, text):
        if not trace.get("completeness", {}).get("complete", True):
            text += f" (incomplete: {', '.join(trace['completeness']['reasons'])})"
        print(f"  {self.name}: {trace['ids'].get('message_id') or trace['trace_id']}: {text}", file=sys.stderr)

    def add_chat(self, expectation, trace, others=frozenset(), is_first=True):
        """others: places that a chat with the same text has and this kind of chat has not. is_first: of its conversation."""
        got = seen(trace)
        for hop in trace["hops"]:
            if is_first and hop["replayed_from"]:
                self["false"] += 1
                self.say(trace, f"{key(hop)}: no history, but of {hop['replayed_from']}")
        for k in set(got) - expectation.known:
            if k[3] is None and not trace["completeness"]["complete"]:
                continue  # the bytes that name the operation were lost
            if k[0] not in self.fields or not got[k].sure:
                continue  # it says itself that it may be another's
            self["mis_stitched" if k in others else "false"] += 1
            self.say(trace, f"{k}: no chat of this kind alone has it")
        for k, copies in expectation.copies.items():
            if k[0] in self.fields:
                self.add_place(trace, k, copies, got.get(k))

    def add_place(self, trace, k, copies, place):
        self["expected"] += 1
        if place and place.whole:
            self["correct"] += 1
        elif place and place.maybe:
            self["ambiguous"] += 1
        else:
            self["missing"] += 1
            self.say(trace, f"{k}: {'in part' if place else 'not there'}")
        if place and place.copies > copies + place.split():
            self["mis_stitched"] += place.copies - copies
            self.say(trace, f"{k}: {place.copies} copies, {copies} were made")

    def add_fact(self, trace, is_right, what):
        """Something that the trace has to say besides its places."""
        self["expected"] += 1
        self["correct" if is_right else "missing"] += 1
        if not is_right:
            self.say(trace, what)

    def failed(self, allowed=frozenset()):
        """allowed: counts that are known to be wrong."""
        wrong = {k for k in ("mis_stitched", "false") if self[k]}
        if self.must_be_unique and self["ambiguous"] > self.may_be_ambiguous:
            wrong.add("ambiguous")
        if self.must_be_unique and self["correct"] + self["ambiguous"] < SHARE_OF_UNIQUE * self["expected"]:
            wrong.add("missing")
        if not self.checked and not self["correct"] + self["ambiguous"]:
            wrong.add("missing")
        return bool(wrong - allowed)

    def row(self, concurrency):
        return {"name": self.name, "concurrency": concurrency, **{k: self[k] for k in COUNTS}}


def table(rows):
    names = ["name", "concurrency", *COUNTS]
    lines = [names] + [[str(r[n]) for n in names] for r in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
                     for line in lines)
