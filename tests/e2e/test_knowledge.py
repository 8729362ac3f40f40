# SPDX-License-Identifier: Apache-2.0
"""Retrieval: an uploaded document on its way into the vector store, and the chunks that chats get back from it."""
import threading
import uuid

import pytest

from conftest import DFLOW, Recorder, run

TOPICS = ["parental leave", "harbour boats", "office keys", "visitor badges", "catering orders", "fire drills"]
CONTENT = {"whole": True}


def section(topic):
    a, b, c = (uuid.uuid4().hex for _ in range(3))
    return (f"On {topic}: whoever asks about {topic} fills in form {a[:6]} at desk {b[:8]}, as {c} has it. It's free & "
            f"<quick>, says \"{a[8:20]}\". 問い合わせは内線{int(b[8:12], 16)}番、合言葉は{c[:10]}です。")


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    sections = {topic: section(topic) for topic in TOPICS}
    path = tmp_path_factory.mktemp("doc") / "handbook.txt"
    # longer than what is joined, so that each is a segment of its own
    path.write_text("\n\n".join(text + " " + " ".join(uuid.uuid4().hex for _ in range(9)) for text in sections.values()))
    return path


@pytest.fixture(scope="module")
def learnt(stack, recorder, document):
    return stack.learn(document)


@pytest.fixture(scope="module")
def upload(recorder, learnt):
    return recorder.trace(learnt["upload_file_id"])


@pytest.fixture(scope="module")
def chat(stack, recorder, learnt):
    return recorder.trace(stack.chat("What do I have to do about harbour boats, and whom can I ask about harbour boats? "
                                     + uuid.uuid4().hex, "--app", "knowledge")["message_id"])


@pytest.fixture(scope="module")
def blocking(stack, recorder, learnt):
    return recorder.trace(stack.chat("Which form is it for office keys, and where is the desk for the office keys? "
                                     + uuid.uuid4().hex, "--app", "knowledge", "--mode", "blocking")["message_id"])


def chunks(trace):
    return [f["field"] for f in trace["source"]["fields"] if f["field"].split(".")[0] == "chunk"]


def test_upload(recorder, learnt, upload):
    assert recorder.trace(learnt["document_id"])["trace_id"] == upload["trace_id"]
    assert upload["source"]["operation"].endswith("/document/create-by-file")
    assert {f["field"]: f["derived_from"] for f in upload["source"]["fields"]} == {
        "file": None, "embedding": "POST /v1/embeddings"}
    for want in ({"to": "s3", "residency": "object"}, {"from_": "s3", "to": "worker"},
                 {"to": "postgres", "place": r"^document_segments\.content$", "residency": "persistent"},
                 {"to": "plugin-daemon", "operation": "text_embedding"}, {"to": "embedding", "residency": "external"},
                 {"to": "vector-db", "place": r"^embedding_vector_index_\{uuid\}_node\.text$",
                  "residency": "persistent"}):
        upload.need("file", **want, **CONTENT)


def test_vectors_of_the_document(upload):
    for want in ({"from_": "embedding", "to": "plugin"}, {"from_": "plugin", "medium": "pipe"},
                 {"from_": "plugin-daemon", "to": "worker"},
                 {"to": "postgres", "place": r"^embeddings\.embedding$", "residency": "persistent"},
                 {"to": "vector-db", "place": r"_node\.embedding$", "residency": "persistent"}):
        hop, = upload.need("embedding", **want)
        assert hop["coverage"] == 1.0, hop


def test_vector_of_the_query(chat):
    for want in ({"from_": "embedding", "to": "plugin"}, {"from_": "plugin", "medium": "pipe"},
                 {"from_": "plugin-daemon", "to": "worker"},
                 {"to": "redis", "operation": "SETEX", "ttl_s": 600, "residency": "cache"},
                 {"to": "vector-db", "operation": "^SELECT embedding_", "residency": "memory"}):
        chat.need("embedding", **want, **CONTENT)


def test_chunks(chat):
    assert len(chunks(chat)) == 4  # the search's LIMIT
    for f in chat["source"]["fields"]:
        if f["field"] in chunks(chat):
            assert f["kind"] == "derived" and f["derived_from"] == "SELECT embedding_vector_index_{uuid}_node"


@pytest.mark.parametrize("want", [
    {"from_": "vector-db", "to": "worker", "place": r"_node\.text$"},
    {"from_": "worker", "to": "plugin-daemon", "operation": "rerank"}, {"from_": "plugin", "to": "embedding"},
    {"from_": "plugin-daemon", "to": "worker"},
    {"from_": "postgres", "to": "worker", "place": r"^document_segments\.content$"},
    {"from_": "worker", "to": "redis", "operation": "PUBLISH"}, {"from_": "redis", "to": "api"},
    {"from_": "api", "to": "alb"}, {"to": "postgres", "place": r"^workflow_node_executions\.outputs$"},
    {"to": "postgres", "place": r"^workflow_node_executions\.process_data$"},
    {"from_": "worker", "to": "plugin-daemon", "operation": "llm"}, {"from_": "plugin", "to": "llm", "residency": "external"},
    {"to": "postgres", "place": r"^messages\.message_metadata$"}], ids=str)
def test_chunks_go_on(chat, want):
    for field in chunks(chat):
        hops = chat.need(field, **want, **CONTENT)
        assert not any(h["ambiguous"] or h["replayed_from"] for h in hops)


def test_upload_is_linked(chat, upload, learnt):
    assert {"trace_id": upload["trace_id"], "why": "file"} in chat["links"]
    hop, = chat.need("file", from_="vector-db", to="worker")
    assert hop["replayed_from"] == upload["trace_id"] and 0 < hop["coverage"] < 1
    assert len(chat.hops("file")) == 1, "what is used of it are the chunks"


def test_upload_says_so(recorder, chat, learnt):
    upload = recorder.trace(learnt["upload_file_id"])
    assert chat["trace_id"] in [r["trace_id"] for r in upload["replayed_in"]]
    assert not upload.hops("chunk")


def test_blocking(blocking):
    assert len(chunks(blocking)) == 4
    for field in chunks(blocking):
        for want in ({"from_": "vector-db", "to": "api"}, {"from_": "plugin", "to": "llm"}, {"from_": "api", "to": "alb"},
                     {"to": "postgres", "place": r"^messages\.message_metadata$"}):
            blocking.need(field, **want, **CONTENT)
    assert not [h for h in blocking["hops"] if h["from"]["station"] == "worker" or h["to"]["station"] == "worker"]


def test_two_at_once(stack, recorder, chat, learnt):
    """Both get the same rows; what each of them does with its own is in its trace alone."""
    texts = [f"{n}: tell me all about harbour boats, please, and about nothing else but harbour boats. {uuid.uuid4().hex}"
             for n in ("one", "two")]
    results = {}

    def ask(text):
        results[text] = stack.chat(text, "--app", "knowledge", "--mode", "blocking")

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for text in texts:
        trace = recorder.trace(results[text]["message_id"])
        assert len(chunks(trace)) == 4
        for field in chunks(trace):
            for want in ({"from_": "vector-db"}, {"from_": "plugin", "to": "llm"}, {"from_": "api", "to": "alb"}):
                hop, = trace.need(field, **want, **CONTENT)
                assert hop["occurrences"] == 1 and not hop["ambiguous"] and not hop["replayed_from"]


def test_pasted(stack, recorder, document, chat, learnt):
    """The text of a segment as a question is the question's, and in no trace of those that retrieved it."""
    before = {(h["field"], h["operation"], h["place"], h["occurrences"]) for h in chat["hops"]}
    text = document.read_text().split("\n\n")[TOPICS.index("harbour boats")]
    pasted = recorder.trace(stack.chat(text, "--app", "workflow")["message_id"])
    assert {f["field"].split(".")[0] for f in pasted["source"]["fields"] if not f["from_trace"]} == {"query", "answer"}
    for want in ({"to": "redis", "operation": "LPUSH"}, {"to": "postgres", "place": r"^messages\.query$"},
                 {"from_": "plugin", "to": "llm"}):
        assert not any(h["ambiguous"] for h in pasted.need(**want, **CONTENT))
    after = recorder.trace(chat["trace_id"])
    assert {(h["field"], h["operation"], h["place"], h["occurrences"]) for h in after["hops"]} == before


def test_pasted_and_retrieved(stack, recorder, document, learnt):
    """The same text as a question that retrieves it: where the place is made for chunks, it is the chunk."""
    text = document.read_text().split("\n\n")[TOPICS.index("fire drills")]
    trace = recorder.trace(stack.chat(text, "--app", "knowledge")["message_id"])
    assert len(chunks(trace)) == 4
    trace.need(place=r"^messages\.query$", to="postgres", **CONTENT)
    for field in chunks(trace):
        trace.need(field, from_="vector-db", **CONTENT)
        trace.need(field, place=r"^document_segments\.content$", **CONTENT)


def test_agent(stack, recorder):
    trace = recorder.trace(stack.chat("Which room does the painting group have on Mondays, and who keeps its key? "
                                      + uuid.uuid4().hex, "--app", "agent")["message_id"])
    fields = {f["field"]: f["derived_from"] for f in trace["source"]["fields"]}
    for field in ("tool_result", "tool_result.2"):
        assert fields[field] == "POST /plugin/{uuid}/dispatch/tool/invoke"
        for want in ({"from_": "plugin-daemon", "to": "api", "operation": "tool"},
                     {"to": "postgres", "place": r"^message_agent_thoughts\.observation$", "residency": "persistent"},
                     {"from_": "api", "to": "alb"}, {"from_": "api", "to": "plugin-daemon", "operation": "llm"},
                     {"from_": "plugin", "to": "llm"}):
            trace.need(field, **want, **CONTENT)
    assert "tool_result.3" not in fields


def test_after_a_restart(stack, tmp_path):
    """The recorder that saw the upload is gone; the next one knows the text of its chunks by fingerprints."""
    path = tmp_path / "old.txt"
    path.write_text("\n\n".join(section(topic) + " " + " ".join(uuid.uuid4().hex for _ in range(9)) for topic in TOPICS))
    store = tmp_path / "s.db"
    first = Recorder(stack, store)
    upload = first.trace(stack.learn(path)["upload_file_id"])
    assert first.stop() == 0
    second = Recorder(stack, store)
    question = path.read_text().split("\n\n")[2][:200]  # nearer to this document than to the others
    chat = second.trace(stack.chat(question, "--app", "knowledge", "--mode", "blocking")["message_id"])
    assert second.stop() == 0
    assert {"trace_id": upload["trace_id"], "why": "file"} in chat["links"]
    for field in chunks(chat):
        chat.need(field, from_="plugin", to="llm", **CONTENT)
    assert any(h["replayed_from"] == upload["trace_id"] for h in chat.hops("file", from_="vector-db"))


def test_readable(recorder, chat):
    out = run(DFLOW, "trace", "--store", recorder.store, chat["trace_id"]).stdout
    assert "4 chunks" in out and "vector-db" in out
    assert max(map(len, out.splitlines())) <= 100


def test_nothing_lost(chat, upload):
    for trace in (chat, upload):
        assert trace["completeness"]["lost_events"] == 0 and not trace["completeness"]["reasons"]
