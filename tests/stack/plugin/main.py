"""The plugin's double: sessions over stdin and stdout, one greenlet each, LLM calls over TLS.

As in the plugin SDK, stdin is read in 64 KiB pieces on gevent's thread pool, while sessions,
and so their TLS, run on the hub's thread. A message to the daemon is one write, and the empty
line after it another.
"""
from gevent import monkey

monkey.patch_all(sys=True)

import json  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402

import gevent  # noqa: E402
from gevent.lock import RLock  # noqa: E402
from gevent.os import tp_read  # noqa: E402

import directory  # noqa: E402
import llm  # noqa: E402

ACTIONS = {"invoke_llm": llm.invoke, "invoke_text_embedding": llm.embed,
           "invoke_rerank": llm.rerank, "invoke_tool": directory.invoke}
PIECE = 65536
HEARTBEAT_S = 10

_writing = RLock()


def send(event: str, session_id: str | None, data: dict):
    message = {"event": event, "session_id": session_id, "data": data}
    with _writing:
        for part in (json.dumps(message, ensure_ascii=False, separators=(",", ":")), "\n\n"):
            sys.stdout.write(part)
            sys.stdout.flush()


def heartbeat():
    while True:
        send("heartbeat", None, {})
        gevent.sleep(HEARTBEAT_S)


def run_session(request: dict):
    session_id = request["session_id"]
    try:
        for chunk in ACTIONS[request["data"]["action"]](request["data"]):
            send("session", session_id, {"type": "stream", "data": chunk})
    except Exception as error:
        traceback.print_exc()
        send("session", session_id, {"type": "error", "data": {
            "error_type": type(error).__name__, "message": str(error)}})
        return
    send("session", session_id, {"type": "end", "data": None})


def main():
    gevent.spawn(heartbeat)
    buffer = b""
    while piece := tp_read(sys.stdin.fileno(), PIECE):
        buffer += piece
        *lines, buffer = buffer.split(b"\n")
        for line in filter(bytes.strip, lines):
            gevent.spawn(run_session, json.loads(line))


main()
