# SPDX-License-Identifier: Apache-2.0
"""A server that answers a chat message as Dify's API does, for tests that need no whole stack.

usage: chat_server.py PORT PORT_FILE MESSAGE_ID     PORT 0: any; PORT_FILE tells which
"""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"event": "message", "message_id": sys.argv[3], "answer": "Yes."}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
with open(sys.argv[2], "w") as f:
    f.write(str(server.server_port))
server.serve_forever()
