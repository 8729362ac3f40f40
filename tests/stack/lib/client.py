"""The browser's side: HTTPS through the load balancer, from the client's namespace."""
import http.client
import json
import os
import secrets
import socket
import ssl
import time

from lib import kernel, net
from lib.paths import StackError
from lib.procs import netns_path
from lib.stations import dns

TIMEOUT_S = 300
LEARN_S = 60
TEXT_FILES = {".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv",
              ".json": "application/json"}


def enter(up: dict):
    """Move this process into the client's namespace, for good: the host has no way in."""
    kernel.setns(netns_path(up["netns"]["client"]), kernel.CLONE_NEWNET)


class _Connection(http.client.HTTPSConnection):
    """To the load balancer's address under its name: the host's resolver does not know it."""

    def connect(self):
        plain = socket.create_connection((net.ALB_PUBLIC, 443), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)


class Client:
    def __init__(self, up: dict, app: str, user: str):
        self.api_key, self.app, self.user = up["api_keys"][app], app, user
        self._context = ssl.create_default_context(cafile=up["ca"])

    def _ask(self, method: str, path: str, body: bytes | None = None, content_type: str = "",
             trace_id: str | None = None):
        connection = _Connection(dns.PUBLIC, 443, timeout=TIMEOUT_S, context=self._context)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if content_type:
            headers["Content-Type"] = content_type
        if trace_id:
            headers["X-Amzn-Trace-Id"] = trace_id
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        if response.status >= 400:
            raise StackError(f"{method} {path}: {response.status} "
                             f"{response.read().decode('utf-8', 'replace')[:300]}")
        return response

    def _post_form(self, where: str, path: str, field: str, value: str) -> dict:
        """POST the file and a field as a browser's form does."""
        name = os.path.basename(path)
        mime = TEXT_FILES.get(os.path.splitext(name)[1].lower(), "application/octet-stream")
        boundary = "----stack" + secrets.token_hex(12)
        with open(path, "rb") as file:
            content = file.read()
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}'
                f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{name}"\r\nContent-Type: {mime}\r\n\r\n').encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        response = self._ask("POST", where, body, f"multipart/form-data; boundary={boundary}")
        return json.loads(response.read())

    def upload(self, path: str) -> str:
        """Upload a file for a chat; return its id."""
        return self._post_form("/v1/files/upload", path, "user", self.user)["id"]

    def learn(self, dataset_id: str, path: str) -> dict:
        """Make a document of a file and wait until it is indexed."""
        made = self._post_form(f"/v1/datasets/{dataset_id}/document/create-by-file", path, "data",
                               json.dumps({"indexing_technique": "high_quality",
                                           "process_rule": {"mode": "automatic"}}))
        where = f"/v1/datasets/{dataset_id}/documents/{made['batch']}/indexing-status"
        deadline = time.monotonic() + LEARN_S
        while True:
            status = json.loads(self._ask("GET", where).read())["data"][0]
            if status["indexing_status"] == "completed":
                return {"document_id": status["id"], "segments": status["total_segments"],
                        "upload_file_id": made["document"]["data_source_info"]["upload_file_id"]}
            if status["indexing_status"] == "error" or time.monotonic() > deadline:
                raise StackError(f"the document was not indexed: {status}")
            time.sleep(0.2)

    def chat(self, text: str, mode: str, conversation: str = "", trace_id: str | None = None,
             upload_file_ids: list[str] = ()) -> dict:
        """Send one message, read the whole answer, and tell all that is known of it."""
        body = {"inputs": {}, "query": text, "response_mode": mode,
                "conversation_id": conversation, "user": self.user, "auto_generate_name": True}
        if upload_file_ids:
            body["files"] = [{"type": "document", "transfer_method": "local_file",
                              "upload_file_id": i} for i in upload_file_ids]
        began, sent_ns = time.monotonic(), time.time_ns()
        response = self._ask("POST", "/v1/chat-messages",
                             json.dumps(body, ensure_ascii=False).encode(), "application/json",
                             trace_id)
        trace = response.headers["X-Amzn-Trace-Id"]
        result = {
            "x_amzn_trace_id": next(p for p in trace.split(";") if p.startswith("Root="))[5:],
            "message_id": None, "conversation_id": None, "task_id": None,
            "workflow_run_id": None, "answer": None, "app": self.app, "mode": mode,
            "sent_ns": sent_ns, "ended_ns": None}
        if mode == "streaming":
            self._read_events(response, result, began)
        else:
            reply = json.loads(response.read())
            result |= {k: reply[k] for k in ("message_id", "conversation_id", "task_id", "answer")}
        result["ended_ns"] = time.time_ns()
        result["total_ms"] = round((time.monotonic() - began) * 1000)
        if upload_file_ids:
            result["upload_file_id"] = upload_file_ids[0]
        return result

    def _read_events(self, response, result: dict, began: float):
        answer = ""
        for line in response:
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if event["event"] == "error":
                raise StackError(f"the chat failed: {event.get('message')}")
            for key in ("message_id", "conversation_id", "task_id", "workflow_run_id"):
                result[key] = event.get(key) or result[key]
            if event["event"] in ("message", "agent_message"):
                answer += event["answer"]
            # The stream itself stays open about a second more, as Dify's does.
            result["done_ms"] = round((time.monotonic() - began) * 1000)
        result["answer"] = answer
