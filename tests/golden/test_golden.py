# SPDX-License-Identifier: Apache-2.0
"""The six recorded chats of a running Dify replay to true traces.

The truth is NAME.json beside each capture: it tells in which TCP streams the whole query is, and how
often. A hop that covers the whole query must be in exactly those streams.
"""
import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
DFLOW = os.environ.get("DFLOW", str(HERE.parent.parent / "build/tools/dflow"))
NAMES = sorted(p.stem for p in HERE.glob("*.pcap"))


def run(*args, ok=True):
    r = subprocess.run([DFLOW, *map(str, args)], capture_output=True, text=True, timeout=120)
    assert not ok or r.returncode == 0, r.stderr
    return r


@pytest.fixture(scope="module", params=NAMES)
def chat(request, tmp_path_factory):
    store = tmp_path_factory.mktemp("store") / "s.db"
    run("replay", "--store", store, HERE / f"{request.param}.pcap")
    truth = json.loads((HERE / f"{request.param}.json").read_text())
    out = run("trace", "--store", store, "-o", "json", truth["ids"]["message_id"]).stdout
    return truth, json.loads(out), store


def port(endpoint):
    return int(endpoint["address"].rsplit(":", 1)[1])


def hops(trace, field, whole=False):
    return [h for h in trace["hops"] if h["field"] == field and (not whole or h["coverage"] == 1.0)
            and h["replayed_from"] is None]


def streams(hops):
    return {(port(h["from"]), port(h["to"])) for h in hops}


def test_all_captures_are_here():
    assert len(NAMES) == 6


def test_query_is_in_exactly_the_streams_that_hold_it(chat):
    truth, trace, _ = chat
    expected = {tuple(s["ports"]) for s in truth["streams"] if s["query_found"]}
    # NAME.json does not count the auto-title's call, which spells newlines as blanks.
    title = {tuple(s["ports"]) for s in truth["streams"] if s["way"].endswith("->daemon") and not s["query_found"]}
    assert streams(hops(trace, "query", whole=True)) - title == expected
    assert len(title) <= 1 and (not title or "\n" in truth["query"])


def test_ids(chat):
    truth, trace, store = chat
    for kind, value in truth["ids"].items():
        assert trace["ids"].get(kind) == value
        if value:
            found = run("trace", "--store", store, "-o", "json", value).stdout
            assert json.loads(found)["trace_id"] == trace["trace_id"]


def test_one_request(chat):
    _, trace, store = chat
    listed = json.loads(run("ls", "--store", store, "-o", "json").stdout)
    assert [r["trace_id"] for r in listed["requests"]] == [trace["trace_id"]]
    assert trace["source"]["operation"] == "POST /v1/chat-messages"


def test_field(chat):
    truth, trace, _ = chat
    query = [f for f in trace["source"]["fields"] if f["field"] == "query"]
    assert len(query) == 1 and query[0]["kind"] == "inbound"
    assert query[0]["bytes"] == len(truth["query"].encode())


def test_answer_is_joined_and_followed(chat):
    truth, trace, _ = chat
    answer = [f for f in trace["source"]["fields"] if f["field"] == "answer"]
    assert len(answer) == 1 and answer[0]["kind"] == "derived"
    assert answer[0]["bytes"] == len(truth["answer"].encode())
    whole = hops(trace, "answer", whole=True)
    to_client = [h for h in whole if port(h["from"]) == 5001]
    assert to_client and to_client[0]["direction"] == "response"
    if not any(s["tls"] and 15432 in s["ports"] for s in truth["streams"]):
        assert any(h["place"] == "messages.answer" for h in whole if port(h["to"]) == 15432)
    if truth["ids"]["workflow_run_id"]:
        assert any(port(h["to"]) == 16379 for h in whole), "worker → redis"
        assert any(port(h["from"]) == 16379 for h in whole), "redis → api"


def test_places(chat):
    truth, trace, _ = chat
    flow, pg_tls = truth["app"] == "advanced-chat", any(s["tls"] and 15432 in s["ports"] for s in truth["streams"])
    query = hops(trace, "query", whole=True)
    places = {(h["operation"], h["place"]) for h in query}
    if flow:
        assert any(op == "LPUSH" and "workflow_based_app_execution" in place for op, place in places)
        assert any(op == "BRPOP" and "workflow_based_app_execution" in place for op, place in places)
        assert any(op == "HSET" and place.startswith("unacked") for op, place in places)
        assert any(op == "PUBLISH" and place.startswith("channel:") for op, place in places)
    else:
        assert not any(16379 in (port(h["from"]), port(h["to"])) for h in trace["hops"] if h["field"] == "query")
    if not pg_tls:
        assert any(place == "messages.query" for _, place in places)
        if flow:
            columns = {p for op, p in places if op.split()[0] in ("INSERT", "UPDATE")}
            assert {"workflow_runs.inputs", "workflow_node_executions.inputs"} <= columns


def test_encryption_as_seen(chat):
    truth, trace, _ = chat
    assert all(h["encrypted"] is False for h in trace["hops"])
    tls = {frozenset(s["ports"]) for s in truth["streams"] if s["tls"]}
    unread = {c["connection"] for c in trace["connections"]
              if frozenset((port(c["from"]), port(c["to"]))) in tls}
    assert unread and unread == {u["connection"] for u in trace["completeness"]["unread"]}
    assert trace["completeness"]["complete"] is False
    assert trace["completeness"]["lost_bytes"] == 0


def test_stations(chat):
    _, trace, _ = chat
    by_port = {5001: "api", 5002: "plugin-daemon", 15432: "postgres", 16379: "redis"}
    for hop in trace["hops"]:
        for end in (hop["from"], hop["to"]):
            if port(end) in by_port:
                assert end["station"] == by_port[port(end)] and end["rule"]
    assert all(h["from"]["station"] == "worker" for h in trace["hops"] if h["operation"] == "PUBLISH")
    assert all(h["from"]["station"] == "api" for h in trace["hops"] if h["operation"] == "LPUSH")


def test_replay_is_the_same_to_the_byte(chat, tmp_path):
    truth, trace, store = chat
    name = next(n for n in NAMES if json.loads((HERE / f"{n}.json").read_text())["ids"] == truth["ids"])
    again = tmp_path / "again.db"
    run("replay", "--store", again, HERE / f"{name}.pcap")
    one = run("trace", "--store", store, "-o", "json", trace["trace_id"]).stdout
    two = run("trace", "--store", again, "-o", "json", trace["trace_id"]).stdout
    assert one == two
