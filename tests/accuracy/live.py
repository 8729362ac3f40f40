# SPDX-License-Identifier: Apache-2.0
"""Scenarios on the live stack: chats with known texts, all recorded by one recorder.

The truth: what one chat of a kind (app × mode) does alone is what each chat of that kind does among others. Two
chats of each kind are sent alone first; the places that both show with the whole field are the expected ones. A
copy more than a chat alone makes is another message's.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

import texts
from score import Expectation, Score, key, seen

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
from conftest import DFLOW, Recorder, Stack, run as run_tool  # noqa: E402

KINDS = [(app, mode) for app in ("workflow", "chat") for mode in ("streaming", "blocking")]
STACK_OPTIONS = ("--api-connections=200", "--celery-concurrency=200", "--llm-delay-ms=4000", "--auto-title=off")


def chat(text, number, conversation=None):
    app, mode = KINDS[number % len(KINDS)]
    return {"text": text, "app": app, "mode": mode, "conversation": conversation}


class Live:
    def __init__(self, folder):
        self.stack = Stack(*STACK_OPTIONS)
        try:
            self.recorder = Recorder(self.stack, pathlib.Path(folder) / "s.db")
            self.expected = {}
            self.alone()
        except BaseException:
            self.stack.down()
            raise

    def close(self):
        try:
            return self.recorder.stop()
        finally:
            self.stack.down()

    def restart(self, how):
        """Another recorder goes on with the store: of what was sent before only fingerprints are left."""
        status = self.recorder.stop(how)
        if status not in (0, -signal.SIGKILL):
            raise RuntimeError("dflow record failed:\n" + "".join(self.recorder.log))
        self.recorder = Recorder(self.stack, self.recorder.store)

    def send(self, chats):
        """All at once; adds to each what came of it and its trace."""
        r = subprocess.run([sys.executable, str(ROOT / "tests/accuracy/send.py")], input=json.dumps(chats), text=True,
                           capture_output=True, timeout=600)
        if r.returncode:
            raise RuntimeError(r.stderr)
        answer = json.loads(r.stdout)
        for sent, result in zip(chats, answer["chats"]):
            if "error" in result:
                raise RuntimeError(f"{sent['app']} {sent['mode']}: {result['error']}")
            sent.update(result)
        for sent in chats:
            sent["trace"] = self.trace(sent)
        return chats, answer["most"]

    def trace(self, sent):
        """A chat that left no trace has one without hops: it counts as missing."""
        r = run_tool(DFLOW, "trace", "--store", self.recorder.store, "--wait=100", "-o", "json", sent["message_id"],
                     ok=False, timeout=200)
        if not r.stdout:
            return {"trace_id": "", "ids": {"message_id": sent["message_id"]}, "hops": [], "source": {"fields": []},
                    "replayed_in": []}
        return json.loads(r.stdout.splitlines()[0])

    def alone(self):
        """Two rounds of one chat of each kind with a long text and one with a short one, all of them unlike, in pairs of
        these: who gave a short one its answer is only known where no other is under way."""
        make = (texts.english, texts.japanese)
        answers = iter(("いいえ", "no", "もちろん", "why", "さあ", "fine", "どれ", "yes"))
        rounds = [[chat(make[(n + r) % 2](f"alone-{r}-{n}"), n) for n in range(len(KINDS))] +
                  [chat(next(answers), n) for n in range(len(KINDS))] for r in range(2)]
        for sent in rounds:
            for n in range(len(KINDS)):
                self.send([sent[n], sent[n + len(KINDS)]])
        for n, (first, second) in enumerate(zip(*rounds)):
            length = "long" if n < len(KINDS) else "short"
            kind = first["app"], first["mode"]
            e = Expectation(first["trace"], second["trace"], self.expected.get(("long", kind)))
            self.expected[length, kind] = e
            at_least = 5 if length == "long" else 2
            assert len(e.copies) >= at_least, f"{length} {first['app']} {first['mode']}: only {e.copies}"

    def expect(self, sent, length="long"):
        return self.expected[length, (sent["app"], sent["mode"])]

    def all_places(self, length="long"):
        return frozenset().union(*(e.known for (l, _), e in self.expected.items() if l == length))

    def plain(self, name, chats):
        chats, most = self.send(chats)
        score = Score(name)
        for sent in chats:
            score.add_chat(self.expect(sent), sent["trace"])
        return score, most

    def alike(self, name, chats, length):
        """Equal texts, to which the stack's model gives equal answers: the two are counted apart."""
        chats, most = self.send(chats)
        scores = [Score(name, False, ("query",)), Score(f"{name} answers", False, ("answer",))]
        for score in scores:
            for sent in chats:
                score.add_chat(self.expect(sent, length), sent["trace"], self.all_places(length))
        return [(score, most) for score in scores]


def unique(live, count):
    return [live.plain("unique", [chat(texts.varied(f"unique-{count}-{n}"), n // 2) for n in range(count)])]


def few_words(live, count):
    """Unique too, but all of the same 32 words: every short run is in every text."""
    make = (texts.english, texts.japanese)
    return [live.plain("32 words", [chat(make[n % 2](f"words-{n}"), n // 2) for n in range(count)])]


def kinds(live, each):
    """Texts of all kinds in one flight; the large ones in one of their own."""
    flight = [(name, chat(make(n), n)) for name, make in texts.KINDS.items() for n in range(each)]
    large = [("1 MB", chat(texts.megabyte(n), n)) for n in ((0, 3) if each > 4 else (3,))]
    return [*of_kinds(live, flight), *of_kinds(live, large)]


def of_kinds(live, flight):
    _, most = live.send([sent for _, sent in flight])
    scores = {name: Score(name) for name, _ in flight}
    for name, sent in flight:
        scores[name].add_chat(live.expect(sent), sent["trace"])
    return [(score, most) for score in scores.values()]


def equal(live, count):
    return live.alike("equal", [chat(texts.varied("equal"), n) for n in range(count)], "long")


def nested(live, groups):
    return [live.plain("nested", [chat(t, n) for g in range(groups) for n, t in enumerate(texts.nested("live", g))])]


def short(live, count):
    return live.alike("short", [chat(("はい", "ok")[n // 4 % 2], n) for n in range(count)], "short")


def wordings(live, count):
    return [live.plain("50 wordings", [chat(t, n) for n, t in enumerate(texts.wordings("live"))][:count])]


def history(live, conversations):
    """Three turns each: what an earlier turn said comes again with a later one, and both traces say so."""
    return three_turns(live, "history", conversations)


def restarts(live, conversations):
    """The same, the recorder started anew after each turn: once told to end, once killed."""
    return three_turns(live, "history, restarts", conversations, [signal.SIGINT, signal.SIGKILL, None])


def three_turns(live, name, conversations, restarts=(None, None, None)):
    score, most, turns = Score(name), 0, []
    for turn, how in enumerate(restarts):
        before = turns[-1] if turns else [{}] * conversations
        chats = [chat(texts.japanese(f"{name}-{turn}-{n}"), n, before[n].get("conversation_id"))
                 for n in range(conversations)]
        sent, most = live.send(chats)
        turns.append(sent)
        if how:
            live.restart(how)
    for sent in sum(turns, []):
        sent["trace"] = live.trace(sent)
        score.add_chat(live.expect(sent), sent["trace"], is_first=sent in turns[0])
    for conversation in zip(*turns):
        replays(score, [sent["trace"] for sent in conversation])
    return [(score, most)]


def replays(score, traces):
    ids = [t["trace_id"] for t in traces]
    for n, trace in enumerate(traces):
        came_from = {h["replayed_from"] for h in trace["hops"] if h["replayed_from"]}
        to_model = {h["replayed_from"] for h in trace["hops"] if h["to"]["station"] == "llm" and h["coverage"] == 1.0}
        went_to = {r["trace_id"] for r in trace["replayed_in"]}
        for earlier in ids[:n]:
            score.add_fact(trace, earlier in to_model, f"no history of {earlier} in the prompt")
        for later in ids[n + 1:]:
            score.add_fact(trace, later in went_to, f"not said to come again in {later}")
        for wrong in (came_from - set(ids[:n])) | (went_to - set(ids[n + 1:])):
            score["mis_stitched"] += 1
            hops = [(key(h), h["coverage"]) for h in trace["hops"] if h["replayed_from"] == wrong]
            score.say(trace, f"history shared with {wrong}, which is another conversation's or not earlier: {hops}")


def forged(live, count):
    """Texts that name another chat's ids, and texts that repeat a victim's phrase, while the victim's chat runs."""
    other = live.send([chat(texts.english("forged-other"), 0)])[0][0]
    victim = texts.japanese("forged-victim")
    phrase = victim[: 3 * len(victim) // 4]
    forgers = [chat(texts.looks_like_an_id(f"forged-{n}", other), n) for n in range(count // 2)]
    repeaters = [chat(f"{phrase}{texts.english(f'forged-phrase-{n}', 10)}", n) for n in range(count // 2)]
    chats, most = live.send([chat(victim, 0), *forgers, *repeaters])
    ids, phrases = Score("forged ids"), Score("repeated phrase")
    for sent in chats:
        (ids if sent in forgers else phrases).add_chat(live.expect(sent), sent["trace"])
        for k in ("message_id", "task_id", "conversation_id"):
            if sent[k]:
                ids.add_fact(sent["trace"], sent["trace"]["ids"].get(k) == sent[k], f"{k} is not its own")
    again = live.trace(other)
    ids.add_fact(again, hops_of(again) == hops_of(other["trace"]), "hops changed by texts that name its ids")
    return [(ids, most), (phrases, most)]


def hops_of(trace):
    return sorted((str(key(h)), h["occurrences"], h["coverage"]) for h in trace["hops"])


# name: (function, its sizes when long, when short)
SCENARIOS = {
    "unique": (unique, (1, 16, 64), (64,)),
    "words": (few_words, (32,), (16,)),
    "kinds": (kinds, (8,), (4,)),
    "equal": (equal, (16,), (8,)),
    "nested": (nested, (4,), (2,)),
    "short": (short, (16,), (8,)),
    "wordings": (wordings, (50,), (50,)),
    "history": (history, (8,), (4,)),
    "history, restarts": (restarts, (8,), (4,)),
    "forged": (forged, (16,), (8,)),
}


def run(names, is_short):
    """Yields (score, number in flight), and at last whether the recorder ended well."""
    with tempfile.TemporaryDirectory(prefix="dflow-accuracy-") as folder:
        live = Live(folder)
        try:
            for name in names:
                function, long_sizes, short_sizes = SCENARIOS[name]
                for size in short_sizes if is_short else long_sizes:
                    yield from function(live, size)
        finally:
            status = live.close()
        if status:
            raise RuntimeError("dflow record failed:\n" + "".join(live.recorder.log))
