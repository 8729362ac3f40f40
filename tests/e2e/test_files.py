# SPDX-License-Identifier: Apache-2.0
"""An uploaded file goes to S3, and the chat that uses it says so; a chat without one proves the absence."""
import uuid

import pytest


@pytest.fixture(scope="module")
def traces(stack, recorder, tmp_path_factory):
    path = tmp_path_factory.mktemp("upload") / "memo.txt"
    path.write_text("\n".join(f"Paragraph {i} of the confidential memo {uuid.uuid4()}: the merger is planned for spring."
                              for i in range(40)))
    with_file = stack.chat("Please summarise the attached memo for the board, briefly: " + uuid.uuid4().hex,
                           "--app", "workflow", "--file", str(path))
    without = stack.chat("What is a good name for a small grey cat that likes boxes? " + uuid.uuid4().hex,
                         "--app", "workflow")
    return recorder.trace(with_file["message_id"]), recorder.trace(without["message_id"])


def s3(trace):
    return [h for h in trace["hops"] if "s3" in (h["from"]["station"], h["to"]["station"])]


def test_chat_with_a_file(traces):
    chat, _ = traces
    hops = s3(chat)
    assert hops and all(h["field"] == "file" and h["encrypted"] is True for h in hops), chat.tree()
    assert any(link["why"] == "file" for link in chat["links"])
    assert chat.need("file", from_="plugin", to="llm")


def test_upload_is_a_request(recorder, traces):
    chat, _ = traces
    link = next(link for link in chat["links"] if link["why"] == "file")
    upload = recorder.trace(link["trace_id"])
    assert upload["source"]["operation"] == "POST /v1/files/upload"
    hop, = upload.need("file", from_="api", to="s3", whole=True)
    assert hop["operation"].startswith("PUT") and hop["residency"] == "object" and hop["encrypted"] is True
    assert upload["replayed_in"]


def test_chat_without_a_file(traces):
    _, chat = traces
    assert not s3(chat)
