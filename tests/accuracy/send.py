# SPDX-License-Identifier: Apache-2.0
"""Sends chats through the running stack, all at once: a JSON list of {text, app, mode, conversation} on stdin; what
came of each, and how many were in flight at once, on stdout. A program of its own: it enters the client's namespace."""
import json
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stack"))
from lib import client, registry  # noqa: E402
from lib.paths import StackError, default_name  # noqa: E402


class Flight:
    def __init__(self, up, chats):
        self.up, self.chats, self.results = up, chats, [None] * len(chats)
        self.lock, self.start = threading.Lock(), threading.Barrier(len(chats))
        self.now = self.most = 0

    def count(self, change):
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)

    def one(self, number):
        chat = self.chats[number]
        browser = client.Client(self.up, chat["app"], chat.get("user", f"user-{number:04d}"))
        self.start.wait()
        self.count(1)
        try:
            self.results[number] = browser.chat(chat["text"], chat["mode"], chat.get("conversation") or "")
        except (StackError, OSError) as error:
            self.results[number] = {"error": str(error)}
        self.count(-1)

    def run(self):
        threads = [threading.Thread(target=self.one, args=(n,)) for n in range(len(self.chats))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


up = registry.running(default_name())
client.enter(up)
flight = Flight(up, json.load(sys.stdin))
flight.run()
print(json.dumps({"most": flight.most, "chats": flight.results}))
