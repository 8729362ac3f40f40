# SPDX-License-Identifier: Apache-2.0
"""One streaming workflow message on the live stack, with TLS to Redis and Postgres: every hop of it."""
import json
import re
import sqlite3
import uuid

import pytest

from conftest import DFLOW, run

TEXT = ("来週の社内勉強会で、量子コンピュータの基礎を新入社員に説明する予定です。\"重ね合わせ\"と「もつれ」を、"
        "数式を使わず、身近な例え話だけで3分以内に伝えるには、どの順番で話すのが一番分かりやすいでしょうか？\n"
        "it's easy と <b>100%</b> 添えて、例も2つ挙げてください😀。識別: ")
CONTENT = {"whole": True}


@pytest.fixture(scope="module")
def chat(stack, recorder):
    return stack.chat(TEXT + uuid.uuid4().hex, "--mode", "streaming", "--app", "workflow")


@pytest.fixture(scope="module")
def trace(recorder, chat):
    return recorder.trace(chat["message_id"])


def test_ids(recorder, chat, trace):
    for kind in ("x_amzn_trace_id", "message_id", "task_id", "conversation_id", "workflow_run_id"):
        assert chat[kind] and trace["ids"][kind] == chat[kind]
        assert recorder.trace(chat[kind])["trace_id"] == trace["trace_id"]
    assert recorder.trace(chat["message_id"][:13])["trace_id"] == trace["trace_id"]
    assert recorder.trace(trace["trace_id"][:10])["trace_id"] == trace["trace_id"]


def test_alb_to_api(trace):
    hop, = trace.need(from_="alb", to="api", operation="POST /v1/chat-messages", **CONTENT)
    assert hop["encrypted"] is False and hop["in_vpc"] is True and hop["medium"] == "tcp"
    assert hop["to"]["container"]["id"] and hop["to"]["pid"]


def test_celery(trace):
    hop, = trace.need(from_="api", to="redis", operation="LPUSH", place="^workflow_based_app_execution$", **CONTENT)
    assert "base64" in hop["encoding"] and hop["residency"] == "queue" and hop["encrypted"] is True
    assert trace.need(from_="redis", to="worker", operation="BRPOP", place="^workflow_based_app_execution$", **CONTENT)
    assert trace.need(from_="worker", to="redis", operation="HSET", place="^unacked", **CONTENT)


def test_argsrepr(trace):
    """headers.argsrepr repeats the text, cut at 1024 characters of the arguments."""
    for hop in trace.need(from_="api", to="redis", operation="LPUSH", place="argsrepr"):
        assert 0.3 < hop["coverage"] <= 1.0
        assert "base64" not in hop["encoding"]


def test_postgres_writes(trace):
    columns = ["messages.query", "workflow_runs.inputs", "workflow_node_executions.inputs",
               "workflow_node_executions.outputs", "workflow_node_executions.process_data"]
    for column in columns:
        for hop in trace.need(from_="worker", to="postgres", place=f"^{column}$", **CONTENT):
            assert hop["encrypted"] is True and hop["tls"]["version"] == "TLSv1.3"
            assert hop["residency"] == "persistent" and hop["operation"].split()[0] in ("INSERT", "UPDATE")
    keys = [(h["connection"], h["operation"], h["place"]) for h in trace.hops(to="postgres")]
    assert len(keys) == len(set(keys)), "one hop a table and column"


def test_postgres_reads(trace):
    assert trace.need(from_="postgres", to="worker", operation="SELECT", **CONTENT)


def test_daemon_and_plugin(trace):
    hop = trace.need(from_="worker", to="plugin-daemon", operation="POST /plugin/", **CONTENT)[0]
    assert hop["encrypted"] is False
    hop = trace.need(from_="plugin-daemon", to="plugin", medium="pipe", **CONTENT)[0]
    assert hop["observed_by"] == ["from", "to"]


def test_llm(trace):
    hop, = [h for h in trace.need(from_="plugin", to="llm", operation="POST /v1/chat/completions", **CONTENT)
            if h["to"]["name"] == "api.openai.com"]
    assert hop["to"]["name_evidence"] == "sni"
    assert hop["encrypted"] is True and hop["tls"]["version"] == "TLSv1.3" and hop["tls"]["sni"] == "api.openai.com"
    assert hop["in_vpc"] is False and hop["residency"] == "external"


def test_auto_title_goes_to_another_vendor(trace):
    hosts = {h["to"]["name"] for h in trace.hops(from_="plugin", to="llm")}
    assert len(hosts) == 2 and "api.openai.com" in hosts


def test_echoes(trace):
    hop = trace.need(from_="worker", to="redis", operation="PUBLISH", **CONTENT)[0]
    assert hop["occurrences"] == 4
    assert trace.need(from_="redis", to="api", **CONTENT)
    hop, = trace.need(from_="api", to="alb", direction="response", **CONTENT)
    assert hop["occurrences"] == 4


def test_logs(trace):
    hops = trace.need(from_="worker", to="logs", **CONTENT)
    assert {h["medium"] for h in hops} == {"pipe", "file"}
    assert all(h["residency"] == "log" for h in hops)


def test_answer(chat, trace):
    fields = {f["field"]: f for f in trace["source"]["fields"]}
    assert fields["answer"]["kind"] == "derived"
    assert fields["answer"]["bytes"] == len(chat["answer"].encode())
    for want in ({"from_": "llm", "to": "plugin"}, {"from_": "plugin", "to": "plugin-daemon", "medium": "pipe"},
                 {"from_": "plugin-daemon", "to": "worker"}, {"from_": "worker", "to": "redis"},
                 {"from_": "redis", "to": "api"}, {"from_": "api", "to": "alb"},
                 {"from_": "worker", "to": "postgres", "place": "^messages.answer$"}):
        trace.need("answer", **want, **CONTENT)


def test_complete_and_nothing_lost(trace):
    assert trace["state"] == "settled"
    assert trace["completeness"]["lost_events"] == 0 and trace["completeness"]["lost_bytes"] == 0, trace["completeness"]


def test_no_s3(trace):
    assert not [h for h in trace["hops"] if "s3" in (h["from"]["station"], h["to"]["station"])]


def test_connections_say_what_was_scanned(trace):
    by_number = {c["connection"]: c for c in trace["connections"]}
    assert {h["connection"] for h in trace["hops"]} <= set(by_number)
    silent = [c for c in trace["connections"] if not c["bytes_matched"]]
    assert silent and all(c["bytes_scanned"] > 0 or c["bytes_unread"] > 0 for c in silent)


def test_no_payload_on_disk(recorder, chat):
    raw = b"".join(p.read_bytes() for p in recorder.store.parent.iterdir())
    assert chat["answer"].encode()[:30] not in raw and TEXT.encode()[:30] not in raw
    db = sqlite3.connect(f"file:{recorder.store}?mode=ro", uri=True)
    assert db.execute("select count(*) from hop").fetchone()[0] > 20
    out = run(DFLOW, "trace", "--store", recorder.store, chat["message_id"]).stdout
    assert "量子" not in out and max(map(len, out.splitlines())) <= 100


def test_readable_tree(recorder, chat):
    out = run(DFLOW, "trace", "--store", recorder.store, chat["message_id"]).stdout
    for word in ("alb", "api", "redis", "worker", "postgres", "plugin-daemon", "plugin", "llm", "logs",
                 "api.openai.com", "messages.query", chat["message_id"]):
        assert word in re.sub(r"\s+", "", out) or word in out


def test_ls(recorder, trace):
    listed = json.loads(run(DFLOW, "ls", "--store", recorder.store, "-o", "json").stdout)
    assert listed["schema"] == "dflow.ls/1"
    assert trace["trace_id"] in [r["trace_id"] for r in listed["requests"]]
