# SPDX-License-Identifier: Apache-2.0
"""No TLS to Redis and Postgres: the same hops, and they say so. Blocking chats stay in the API."""
import uuid

import pytest

EN = ("I'm planning a 3-day trip to Kanazawa in late November; could you suggest a \"slow\" itinerary "
      "(museums & tea) for two people? Reference ")


@pytest.fixture(scope="module")
def stack_options():
    return ["--redis-tls=off", "--pg-sslmode=disable", "--auto-title=off"]


@pytest.fixture(scope="module")
def streaming(stack, recorder):
    return recorder.trace(stack.chat(EN + uuid.uuid4().hex, "--mode", "streaming", "--app", "workflow")["message_id"])


@pytest.fixture(scope="module", params=["chat", "workflow"])
def blocking(request, stack, recorder):
    text = f"{request.param}: {EN}{uuid.uuid4().hex}"
    return recorder.trace(stack.chat(text, "--mode", "blocking", "--app", request.param)["message_id"])


def test_streaming_is_not_encrypted(streaming):
    for station in ("redis", "postgres"):
        hops = streaming.need(to=station, whole=True) + streaming.need(from_=station, whole=True)
        assert all(h["encrypted"] is False and h["tls"] is None for h in hops)
    assert streaming.need(to="llm", encrypted=True, whole=True)


def test_no_title(streaming):
    assert {h["to"]["name"] for h in streaming.hops(to="llm")} == {"api.openai.com"}


def test_blocking_has_no_worker_and_no_redis(blocking):
    stations = {h[e]["station"] for h in blocking["hops"] for e in ("from", "to")}
    assert "worker" not in stations
    assert not [h for h in blocking.hops() if "redis" in (h["from"]["station"], h["to"]["station"])]
    assert blocking.need(from_="api", to="postgres", place="^messages.query$", encrypted=False, whole=True)
    assert blocking.need(from_="api", to="plugin-daemon", whole=True)
    assert blocking.need(from_="plugin", to="llm", whole=True)
    assert blocking.need("answer", from_="api", to="alb", whole=True)
    assert blocking.need("answer", place="^messages.answer$", whole=True)
