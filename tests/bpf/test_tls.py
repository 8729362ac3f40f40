# SPDX-License-Identifier: Apache-2.0
"""Plaintext at OpenSSL's calls: what was seen equals what the program wrote and read, on the right socket."""
import glob
import json
import os
import shutil
import tempfile
import time
import unittest
from unittest import mock

from harness import Observer, cgroup, run, run_existing, start


class Tls(unittest.TestCase):
    def clean(self, seen):
        for name in ("lost_events", "faults", "no_fd", "table_full", "early", "late", "tls_attach_failures"):
            self.assertEqual(seen.stats[name], 0, name)

    def equal(self, did, seen):
        for want in did["streams"]:
            got = seen.stream(want["inode"], want["out"], layer=1)
            self.assertEqual((got["len"], got["hole"], got["bare"], got["differ"]), (want["len"], 0, 0, 0), want)
            self.assertEqual(got["sha256"], want["sha256"], want)

    def test_both_ends(self):
        did, seen = run("tls")
        self.clean(seen)
        self.equal(did, seen)
        for ino in (did["client"], did["server"]):
            wire = seen.stream(ino, ino == did["client"])
            self.assertEqual(wire["hole"], 0)
            self.assertEqual(wire["bare"], wire["covered"])
            # the handshake was copied, the rest was not: only its positions are known
            self.assertGreater(wire["copied"], 80)
            self.assertLess(wire["copied"], 6000)
        self.assertEqual(seen.stats["tls_unbound_bytes"], 0)

    def test_addresses_return(self):
        did, seen = run("tls_many")
        self.clean(seen)
        self.equal(did, seen)
        objects = {s["ssl"] for s in seen.streams(layer=1)}
        self.assertEqual(len(objects), 60)

    def test_want_write(self):
        did, seen = run("tls_nonblocking")
        self.clean(seen)
        self.equal(did, seen)
        self.assertGreaterEqual(seen.stats["tls_retries"], did["tries"])

    def test_connection_dies(self):
        did, seen = run("tls_broken")
        self.clean(seen)
        sent = seen.stream(did["sender"], True, layer=1)
        self.assertEqual((sent["len"], sent["sha256"]), (did["total"], did["sha"]))
        got = seen.stream(did["receiver"], False, layer=1)
        self.assertEqual((got["len"], got["sha256"]), (did["got"], did["got_sha"]))

    def test_memory_bio(self):
        did, seen = run("tls_memory_bio")
        self.clean(seen)
        self.equal(did, seen)  # above all: nothing more on the dead socket
        free = [s for c in seen.doc["chans"] if not c["inode"] for s in c["streams"]]
        for out in (True, False):
            self.assertEqual(sorted(s["sha256"] for s in free if s["out"] == out), sorted(did["texts"]))
        self.assertEqual(seen.stats["tls_unbound_bytes"], sum(s["len"] for s in free))

    def test_fork(self):
        did, seen = run("tls_fork")
        self.clean(seen)
        self.equal(did, seen)

    def test_openssl(self):
        did, seen = run("tls_cli")
        self.clean(seen)
        found = {(s["pid"], s["out"]): s["sha256"] for s in seen.streams(layer=1)}
        self.assertEqual(found, {(did["client"], True): did["question"], (did["server"], False): did["question"],
                                 (did["server"], True): did["answer"], (did["client"], False): did["answer"]})

    def test_two_libraries(self):
        did, seen = run("tls_two")
        self.clean(seen)
        self.equal(did, seen)
        self.assertGreaterEqual(seen.stats["tls_libraries"], 2)

    def test_existing(self):
        did, seen = run_existing("late_tls")
        self.clean(seen)
        self.equal(did, seen)

    def late(self, options=(), before=lambda path, process: None):
        """The program is outside of the target and has its library mapped; `before` happens, then it enters."""
        with cgroup() as outside, cgroup() as path:
            process = start(outside, "late_tls_slow")
            self.assertEqual(process.stdout.readline(), b"here\n")
            before(path, process)
            observer = Observer("--cgroup", path, *options)
            try:
                with open(path + "/cgroup.procs", "w") as f:
                    f.write(str(process.pid))
                out, _ = process.communicate(b"go\n", timeout=60)
                return json.loads(out), observer.finish()
            finally:
                observer.kill()

    def test_enters_with_library(self):
        did, seen = self.late()
        self.clean(seen)
        self.equal(did, seen)

    def test_library_replaced(self):
        """The package was upgraded: the mapped file has no name any more, and its path names another."""
        import _ssl
        libs = [line.split()[-1] for line in open("/proc/self/maps") if "libssl" in line or "libcrypto" in line]
        self.assertTrue(libs, _ssl)
        where = tempfile.mkdtemp(prefix="dflow-test-")
        self.addCleanup(shutil.rmtree, where, ignore_errors=True)
        for lib in set(libs):
            shutil.copy(lib, where)

        def replace(path, process):
            for lib in glob.glob(where + "/*"):
                os.unlink(lib)
                with open(lib, "wb") as f:
                    f.write(b"not the library")
            with open("/proc/%d/maps" % process.pid) as maps:
                self.assertIn("(deleted)", "".join(line for line in maps if "libssl" in line))

        for options in ((), ("--drop",)):
            for lib in set(libs):
                shutil.copy(lib, where)
            with mock.patch.dict(os.environ, LD_LIBRARY_PATH=where):
                did, seen = self.late(options, replace)
            self.clean(seen)
            self.equal(did, seen)

    def test_privileges_dropped(self):
        """Libraries of later processes are still attached."""
        did, seen = run("tls", options=("--drop",))
        self.clean(seen)
        self.equal(did, seen)

    def test_single_probes(self):
        """The way of kernels before 6.6."""
        for program in ("tls", "tls_memory_bio"):
            did, seen = run(program, options=("--single",))
            self.clean(seen)
            self.equal(did, seen)

    def test_off(self):
        did, seen = run("tls", options=("--no-tls",))
        self.clean(seen)
        self.assertEqual(seen.streams(layer=1), [])
        wire = seen.stream(did["client"], True)
        self.assertEqual(wire["copied"], wire["len"])

    def test_processes_come_and_go(self):
        started = time.monotonic()
        did, seen = run("tls_retired")
        self.clean(seen)
        want = did["streams"][0]
        self.assertEqual(seen.stream(want["inode"], True)["sha256"], want["sha256"])
        self.assertGreaterEqual(seen.stats["tls_libraries"], 10)
        self.assertLess(time.monotonic() - started, 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
