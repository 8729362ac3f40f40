# SPDX-License-Identifier: Apache-2.0
"""Sockets, pipes, files and processes: what a live source saw equals what the program did."""
import os
import signal
import time
import unittest

from harness import Observer, cgroup, run, run_existing, start
import json

TCP, UDP, UNIX, PIPE, FILE = "tcp", "udp", "unix", "pipe", "file"


class Case(unittest.TestCase):
    def clean(self, seen):
        """Nothing was lost, nothing came out of order."""
        for name in ("lost_events", "faults", "no_fd", "table_full", "early", "late"):
            self.assertEqual(seen.stats[name], 0, name)
        self.assertEqual(seen.doc["backwards"], 0)
        self.assertEqual(seen.doc["losses"], [])

    def equal(self, did, seen, rewritten=False):
        for want in did["streams"]:
            got = seen.stream(want["inode"], want["out"])
            self.assertEqual((got["len"], got["hole"], got["bare"]), (want["len"], 0, 0), want)
            self.assertTrue(rewritten or not got["differ"], want)
            self.assertEqual(got["sha256"], want["sha256"], want)


class Sockets(Case):
    def check_tcp(self, family):
        did, seen = run("tcp", family)
        self.clean(seen)
        self.equal(did, seen)
        client, server = seen.chan(did["client"]), seen.chan(did["server"])
        self.assertEqual((client["role"], server["role"]), (1, 2))
        self.assertEqual(client["local"], server["remote"])
        self.assertEqual(client["remote"], server["local"])
        self.assertIn(str(did["local"][1]), client["local"])
        # the first payload byte has the same number on both ends
        self.assertTrue(client["seq0_known"] and server["seq0_known"])
        self.assertEqual((client["seq0_out"], client["seq0_in"]), (server["seq0_in"], server["seq0_out"]))
        self.assertTrue(client["closed"] and server["closed"])
        self.assertTrue(seen.stream(did["client"], True)["end"])
        self.assertTrue(seen.stream(did["server"], False)["end"])

    def test_tcp4(self):
        self.check_tcp("4")

    def test_tcp6(self):
        self.check_tcp("6")

    def test_fin(self):
        did, seen = run("fin")
        self.clean(seen)
        self.equal(did, seen)

    def test_peek(self):
        did, seen = run("peek")
        self.clean(seen)
        self.equal(did, seen)
        self.assertEqual(seen.stats["skipped_peeks"], 2)
        self.assertEqual(seen.stream(did["peeker"], False)["overlap"], 0)

    def test_trunc(self):
        did, seen = run("trunc")
        s = seen.stream(did["inode"], False)
        self.assertEqual((s["len"], s["bare"]), (1000, 600))
        self.assertEqual(s["sha256"], did["kept"])

    def test_oob(self):
        did, seen = run("oob")
        self.clean(seen)
        self.equal(did, seen)
        s = seen.stream(did["receiver"], False)
        self.assertEqual(s["unread"], 1)

    def test_reset(self):
        did, seen = run("reset")
        self.clean(seen)
        self.equal(did, seen)
        c = seen.chan(did["server"])
        self.assertEqual(c["remote"], "%s:%d" % tuple(did["local"]))
        self.assertEqual(c["local"], "%s:%d" % tuple(did["remote"]))

    def test_mptcp(self):
        did, seen = run("mptcp")
        self.clean(seen)
        self.equal(did, seen)
        for want in did["streams"]:
            self.assertEqual(seen.stream(want["inode"], want["out"])["no_pos"], want["len"])
            self.assertEqual(seen.chan(want["inode"])["medium"], TCP)

    def test_wrap(self):
        did, seen = run("wrap")
        self.clean(seen)
        self.equal(did, seen)
        self.assertGreater(seen.chan(did["client"])["seq0_out"], 0xfffff000)

    def test_early(self):
        did, seen = run("early")
        self.clean(seen)
        self.equal(did, seen)
        for ino in did["clients"]:
            self.assertEqual(seen.chan(ino)["role"], 1)
        for a, b in zip(did["clients"], did["servers"]):
            self.assertEqual(seen.chan(a)["seq0_out"], seen.chan(b)["seq0_in"])

    def test_concurrent_writers(self):
        did, seen = run("writers")
        self.clean(seen)
        self.equal(did, seen)  # what the reader says
        s = seen.stream(did["sender"], True)
        self.assertEqual(s["told"], did["total"])
        self.assertLessEqual(s["hole"], s["overlap"])  # what is misplaced shows as both

    def test_fd_swapped(self):
        did, seen = run("swapped")
        self.clean(seen)
        self.equal(did, seen)
        self.assertGreaterEqual(seen.stats["swapped_fds"], 30)

    def test_fd_closed(self):
        did, seen = run("closed")
        lost = seen.stats["no_fd"]
        found = 0
        for want in did["streams"]:
            found += any(c["inode"] == want["inode"] and s["sha256"] == want["sha256"] and not s["out"]
                         for c in seen.doc["chans"] for s in c["streams"])
        self.assertEqual(found + lost, len(did["streams"]))

    def test_fd_reused(self):
        did, seen = run("reused")
        self.clean(seen)
        self.equal(did, seen)
        self.assertEqual(seen.stats["swapped_fds"], 0)
        self.assertEqual({seen.chan(i)["role"] for i in did["accepted"]}, {2})

    def test_pages_vanish(self):
        did, seen = run("vanishing")
        missing = 0
        for ino, out in ((did["sender"], True), (did["receiver"], False)):
            s = seen.stream(ino, out)
            self.assertEqual((s["len"], s["told"], s["hole"]), (did["total"], did["total"], 0))
            missing += s["told"] - s["copied"]
        self.assertEqual(missing, seen.stats["faults"])

    def test_vectors(self):
        did, seen = run("vectors")
        self.clean(seen)
        self.equal(did, seen)

    def test_copy_cap(self):
        did, seen = run("large", options=("--copy-cap", 1_000_000))
        self.clean(seen)
        s = seen.stream(did["sender"], True)
        self.assertEqual((s["len"], s["hole"]), (16_000_000, 0))
        self.assertEqual(s["copied"], sum(min(n, 1_000_000) for n in did["sent"]))
        self.assertEqual(s["bare"], s["len"] - s["copied"])

    def test_udp(self):
        did, seen = run("udp")
        self.clean(seen)
        self.equal(did, seen)
        b = seen.stream(did["ib"], False)
        self.assertEqual(b["dgram_peer"], "127.0.0.1:%d" % did["a"][1])
        self.assertEqual(seen.chan(did["ia"])["medium"], UDP)

    def test_messages(self):
        for kind in ("udp", "tcp"):
            did, seen = run("messages", kind)
            self.clean(seen)
            self.equal(did, seen)

    def test_unix(self):
        did, seen = run("unix")
        self.clean(seen)
        self.equal(did, seen)
        a, b = seen.chan(did["client"]), seen.chan(did["server"])
        self.assertEqual((a["peer"], b["peer"]), (b["chan"], a["chan"]))
        self.assertEqual(b["path"], did["path"])
        x, y = (seen.chan(i) for i in did["pair"])
        self.assertEqual((x["peer"], y["peer"]), (y["chan"], x["chan"]))


class Others(Case):
    def test_pipes(self):
        did, seen = run("pipes")
        self.clean(seen)
        self.equal(did, seen)
        ino = did["streams"][0]["inode"]
        self.assertTrue(seen.stream(ino, True)["end"])
        self.assertTrue(seen.stream(ino, False)["end"])

    def test_files(self):
        did, seen = run("files")
        self.clean(seen)
        self.equal(did, seen, rewritten=True)
        for path, ino in zip(did["paths"], did["inodes"]):
            self.assertEqual(seen.chan(ino, FILE)["path"], path)

    def test_unread(self):
        did, seen = run("unread")
        self.clean(seen)
        sent = seen.stream(did["sender"], True)
        self.assertEqual((sent["len"], sent["unread"]), (53_000, 50_000))
        self.assertEqual(seen.stream(did["receiver"], False)["unread"], 3000)
        self.assertEqual(seen.stream(did["pipe"], True)["unread"], 3000)
        self.assertEqual(seen.stream(did["pipe"], False)["sha256"], did["spliced"])
        self.assertEqual(seen.stream(did["file"], False, medium=FILE)["unread"], 70_000)
        self.assertEqual(seen.stream(did["copy"], True, medium=FILE)["unread"], 20_000)

    def test_family(self):
        did, seen = run("family")
        self.clean(seen)
        self.equal(did, seen)
        by_pid = {p["pid"]: p for p in seen.doc["procs"]}  # the last one told
        for i, pid in enumerate(did["pids"]):
            self.assertEqual(by_pid[pid]["ppid"], did["me"])
            self.assertEqual(by_pid[pid]["comm"], "echo")
            self.assertIn("argument-%d" % i, by_pid[pid]["cmdline"])

    def test_existing(self):
        did, seen = run_existing("existing")
        self.clean(seen)
        self.equal(did, seen)
        a, b = seen.chan(did["client"]), seen.chan(did["server"])
        self.assertTrue(a["existed"] and b["existed"] and seen.chan(did["pipe"])["existed"])
        self.assertEqual((a["role"], b["role"]), (1, 2))
        self.assertEqual(a["local"], "%s:%d" % tuple(did["local"]))
        self.assertFalse(a["seq0_known"])

    def test_only_targets(self):
        with cgroup() as mine, cgroup() as other:
            observer = Observer("--cgroup", mine)
            p = start(other, "tcp", 4)
            p.communicate(b"go\n")
            seen = observer.finish()
        self.assertEqual(seen.stats["records"], 0)

    def test_by_pid(self):
        with cgroup() as path:
            p = start(path, "family")
            time.sleep(0.3)
            observer = Observer("--pid", p.pid)
            out, _ = p.communicate(b"go\n")
            seen = observer.finish()
        did = json.loads(out)
        self.clean(seen)
        self.equal(did, seen)
        self.assertLessEqual({q["pid"] for q in seen.doc["procs"]}, {did["me"], *did["pids"]})

    def test_descendants(self):
        with cgroup() as path:
            os.mkdir(path + "/below")
            observer = Observer("--cgroup", path)
            p = start(path + "/below", "pipes")
            out, _ = p.communicate(b"go\n")
            seen = observer.finish()
            os.rmdir(path + "/below")
        self.equal(json.loads(out), seen)

    def test_ring_overflow(self):
        """What did not fit is known to the byte."""
        n = 30_000
        with cgroup() as path:
            p = start(path, "flood", n)
            observer = Observer("--cgroup", path, "--ring", 1 << 20)
            self.assertEqual(p.stdout.readline(), b"here\n")
            time.sleep(0.2)
            observer.process.send_signal(signal.SIGSTOP)
            out, _ = p.communicate(b"go\n", timeout=60)
            observer.process.send_signal(signal.SIGCONT)
            seen = observer.finish()
        did = json.loads(out)
        self.assertEqual({x["reason"] for x in seen.doc["losses"]}, {0})
        lost_bytes = sum(x["bytes"] for x in seen.doc["losses"])
        lost_events = sum(x["events"] for x in seen.doc["losses"])
        self.assertEqual((lost_bytes, lost_events), (seen.stats["lost_bytes"], seen.stats["lost_events"]))
        self.assertGreater(lost_events, n)
        sent, got = seen.stream(did["a"], True), seen.stream(did["b"], False)
        first = 5
        self.assertLess(sent["calls"] + got["calls"], n)
        # at its end the program writes its result and closes; nothing else is lost
        missing = 2 * did["total"] - (sent["told"] + got["told"] - 2 * first)
        self.assertLess(abs(lost_bytes - missing), 300)
        self.assertLess(lost_events - (2 * n - (sent["calls"] + got["calls"] - 2)), 100)

    def test_window_overflow(self):
        """Too little memory for sorting: events go out early, counted, and none is lost."""
        did, seen = run("large", 3_000_000, options=("--window", 100_000))
        self.assertGreater(seen.stats["early"], 0)
        self.assertEqual(seen.stream(did["sender"], True)["copied"], 3_000_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
