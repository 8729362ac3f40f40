"""OpenAI-compatible calls, as the openai_api_compatible plugin makes them with requests."""
import json
import os
import time

import requests

TIMEOUT_S = (10, 300)
# The plugin counts lines of the event stream, three for each delta.
LINES_PER_DELTA = 3
ZERO = {"unit_price": "0", "price_unit": "0", "price": "0"}


def _body(data: dict) -> dict:
    body = {"model": data["model"], "stream": data["stream"], **data["model_parameters"]}
    if data["stream"]:
        body["stream_options"] = {"include_usage": True}
    body["messages"] = [_message(m) for m in data["prompt_messages"]]
    if data["tools"]:
        body["tools"] = [{"type": "function", "function": tool} for tool in data["tools"]]
    if data["user_id"]:
        body["user"] = data["user_id"]
    return body


def _message(message: dict) -> dict:
    out = {"role": message["role"], "content": message["content"]}
    for name in ("tool_calls", "tool_call_id"):
        if message.get(name):
            out[name] = message[name]
    return out


def _post(data: dict, path: str, body: dict, stream: bool = False) -> requests.Response:
    credentials = data["credentials"]
    url = credentials["endpoint_url"].rstrip("/") + path
    headers = {"Content-Type": "application/json", "Accept-Charset": "utf-8",
               "Authorization": f"Bearer {credentials['api_key']}"}
    # requests' own json= spells \uXXXX, as the plugin of 1.13.3 does; an SDK from 0.10.1 on
    # sends raw UTF-8.
    text = json.dumps(body, ensure_ascii=os.environ.get("STACK_LLM_ESCAPE") != "utf8")
    response = requests.post(url, headers=headers, data=text.encode(), timeout=TIMEOUT_S,
                             stream=stream)
    if response.status_code != 200:
        raise RuntimeError(f"API request failed with status code {response.status_code}")
    response.encoding = "utf-8"
    return response


def _usage(counts: dict, started: float) -> dict:
    usage = {}
    for kind in ("prompt", "completion"):
        usage[f"{kind}_tokens"] = counts[f"{kind}_tokens"]
        usage |= {f"{kind}_{name}": value for name, value in ZERO.items()}
    return usage | {"total_tokens": counts["total_tokens"], "total_price": "0", "currency": "USD",
                    "latency": time.perf_counter() - started}


def _chunk(data: dict, index: int, text: str, usage=None, finish_reason=None,
           tool_calls=()) -> dict:
    calls = [{"id": c["id"], "type": c["type"], "function": c["function"]} for c in tool_calls]
    message = {"role": "assistant", "content": text, "name": "", "tool_calls": calls}
    return {"model": data["model"], "prompt_messages": [], "system_fingerprint": "",
            "delta": {"index": index, "message": message, "usage": usage,
                      "finish_reason": finish_reason}}


def invoke(data: dict):
    started = time.perf_counter()
    response = _post(data, "/chat/completions", _body(data), data["stream"])
    if not data["stream"]:
        reply = response.json()
        yield _chunk(data, 0, reply["choices"][0]["message"]["content"],
                     _usage(reply["usage"], started))
        return
    index, usage, finish_reason = 0, None, None
    for line in response.iter_lines(decode_unicode=True, delimiter="\n\n"):
        line = line.strip()
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        event = json.loads(line[5:])
        usage = event.get("usage") or usage
        index += LINES_PER_DELTA
        for choice in event["choices"]:
            finish_reason = choice["finish_reason"] or finish_reason
            text, calls = choice["delta"].get("content"), choice["delta"].get("tool_calls")
            if text or calls:
                yield _chunk(data, index, text or "", tool_calls=calls or ())
    yield _chunk(data, index, "", _usage(usage, started), finish_reason)


def embed(data: dict):
    started = time.perf_counter()
    reply = _post(data, "/embeddings", {
        "model": data["model"], "input": data["texts"], "encoding_format": "float"}).json()
    tokens = reply["usage"]["total_tokens"]
    yield {"model": data["model"],
           "embeddings": [row["embedding"] for row in reply["data"]],
           "usage": {"tokens": tokens, "total_tokens": tokens, **ZERO, "total_price": "0",
                     "currency": "USD", "latency": time.perf_counter() - started}}


def rerank(data: dict):
    reply = _post(data, "/rerank", {
        "model": data["model"], "query": data["query"], "documents": data["docs"],
        "top_n": data["top_n"]}).json()
    yield {"model": data["model"],
           "docs": [{"index": row["index"], "text": row["document"]["text"],
                     "score": row["relevance_score"]} for row in reply["results"]]}
