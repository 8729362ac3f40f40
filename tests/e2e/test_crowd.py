# SPDX-License-Identifier: Apache-2.0
"""Many chats at once that retrieve the same rows, among others whose question is the text of one: nobody gets another's hops."""
import threading
import uuid
from collections import Counter

import pytest

TOPICS = ["parental leave", "harbour boats", "office keys", "visitor badges", "catering orders"]
RETRIEVING, PASTING = 8, 4


@pytest.fixture(scope="module")
def stack_options():
    return ["--celery-concurrency=16", "--api-connections=40", "--llm-delay-ms=1000", "--auto-title=off"]


@pytest.fixture(scope="module")
def sections(stack, recorder, tmp_path_factory):
    # nothing but their own words: of phrases that many texts share, match follows some only (docs/canonical.md)
    texts = [f"{topic}: " + " ".join(f"{topic} {uuid.uuid4().hex}" for _ in range(10)) for topic in TOPICS]
    path = tmp_path_factory.mktemp("doc") / "handbook.txt"
    path.write_text("\n\n".join(texts))
    assert stack.learn(path)["segments"] == len(TOPICS)
    return texts


def question(n):
    return f"{n}: what is to be done about {TOPICS[n % 5]}, and whom do I ask about {TOPICS[n % 5]}? {uuid.uuid4().hex}"


def mode(n):
    return ("streaming", "blocking")[n % 2]


def copies(trace, sure=True):
    """What is surely the trace's own, by where it went and what it is; each copy counts."""
    c = Counter()
    for h in trace["hops"]:
        kind = h["field"].split(".")[0]
        if kind in ("chunk", "embedding") and not (sure and h["ambiguous"]):
            c[h["from"]["station"], h["to"]["station"], h["operation"], h["place"], kind] += h["occurrences"]
    return c


@pytest.fixture(scope="module")
def alone(stack, recorder, sections):
    for n in range(2):  # pools and caches are there
        stack.chat(question(n), "--app", "knowledge", "--mode", mode(n))
    return [copies(recorder.trace(stack.chat(question(n), "--app", "knowledge", "--mode", mode(n))["message_id"]))
            for n in range(2)]


@pytest.fixture(scope="module")
def crowd(stack, recorder, sections, alone):
    done = {}

    def ask(key, text, app, how):
        done[key] = stack.chat(text, "--app", app, "--mode", how)

    threads = [threading.Thread(target=ask, args=(n, question(n), "knowledge", mode(n))) for n in range(RETRIEVING)]
    threads += [threading.Thread(target=ask, args=(-1 - n, sections[n], "workflow", "streaming")) for n in range(PASTING)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return {key: recorder.trace(chat["message_id"]) for key, chat in done.items()}


def test_each_has_its_own(crowd, alone):
    sure = expected = missing = 0
    for n in range(RETRIEVING):
        trace, want = crowd[n], alone[n % 2]
        assert sum(f["field"].split(".")[0] == "chunk" for f in trace["source"]["fields"]) == 4
        assert not copies(trace) - want, "no more than alone"
        missing += (want - copies(trace, sure=False)).total()
        expected += want.total()
        sure += (copies(trace) & want).total()
    assert missing <= 0.02 * expected, "what is said to be ambiguous counts"
    assert sure >= 0.8 * expected, "rows and updates without an id cannot be told apart"


def test_pasted_text_is_the_question(crowd):
    for n in range(PASTING):
        trace = crowd[-1 - n]
        assert {f["field"].split(".")[0] for f in trace["source"]["fields"] if not f["from_trace"]} == {"query", "answer"}
        assert not [h for h in trace["hops"] if "vector-db" in (h["from"]["station"], h["to"]["station"])]
