# SPDX-License-Identifier: Apache-2.0
"""Every other way out of a process: its text is seen, or the process is told as blind, by name; or neither for nothing."""
import unittest

from harness import run, run_existing
from ways_programs import TEXT

IO_URING, SHM, PROCESS_VM = 0, 1, 2
LASTING, ONCE = 4, 5


class Ways(unittest.TestCase):
    def blind(self, did, seen, who="pid"):
        return sorted({(b["kind"], b["way"]) for b in seen.doc["blind"] if b["pid"] == did[who]})

    def found(self, seen, path, medium="file"):
        return sum(s["found"] for c in seen.doc["chans"] if c.get("path") == path and c["medium"] == medium
                   for s in c["streams"] if s["out"])

    def see(self, name, path, times, text=TEXT.decode()):
        did, seen = run("ways_" + name, options=("--find", text))
        self.assertEqual(self.found(seen, path), times)
        self.assertEqual([b for b in seen.doc["blind"] if b["pid"] == did["pid"]], [])
        self.assertEqual(seen.stats["lost_events"], 0)
        return did, seen

    def tell(self, name, *want):
        did, seen = run("ways_" + name)
        self.assertEqual(self.blind(did, seen), sorted(want))
        return did, seen

    def test_arguments(self):
        _, seen = self.see("arguments", "[arguments]", 1)
        self.assertEqual(self.found(seen, "[environment]"), 1)

    def test_names(self):
        did, seen = self.see("names", "[file names]", 7)
        self.assertEqual(self.found(seen, "[file attributes]"), 1)

    def test_queues(self):
        self.see("queues", "[message queue]", 2)

    def test_keys(self):
        _, seen = self.see("keys", "[key ring]", 2)
        self.assertTrue(any(c["path"] == "[process names]" for c in seen.doc["chans"]))

    def test_terminal(self):
        did, seen = run("ways_terminal", options=("--find", TEXT.decode()))
        found = [(c["medium"], s["out"]) for c in seen.doc["chans"] for s in c["streams"]
                 if s["found"] and s["out"] and c["path"] != "[arguments]"]
        self.assertEqual(found, [("pipe", True)])
        self.assertEqual(self.blind(did, seen), [])

    def test_kernel_file(self):
        _, seen = run("ways_comm", options=("--find", "dflow-name-1234"))
        self.assertEqual(sum(s["found"] for c in seen.doc["chans"] if c.get("path", "").endswith("/comm")
                             for s in c["streams"]), 1)

    def test_netlink(self):
        self.see("netlink", "[kernel messages]", 1)

    def test_io_uring(self):
        self.tell("io_uring", (IO_URING, ""))

    def test_aio(self):
        self.tell("aio", (ONCE, "system call io_submit"))

    def test_process_vm(self):
        self.tell("process_vm", (PROCESS_VM, ""))
        self.tell("process_vm_self")
        self.tell("proc_mem", (PROCESS_VM, ""))

    def test_ptrace(self):
        self.tell("ptrace", (ONCE, "system call ptrace"))

    def test_pidfd(self):
        self.tell("pidfd", (ONCE, "system call pidfd_getfd"))

    def test_fd_passing(self):
        self.tell("fd_passing", (ONCE, "file descriptor passed (SCM_RIGHTS)"))

    def test_families(self):
        self.tell("packet", (ONCE, "socket family AF_PACKET"))
        self.tell("raw", (ONCE, "socket protocol 253"))

    def test_shared_memory(self):
        self.tell("memfd", (SHM, ""))
        self.tell("shm_open", (SHM, ""))
        self.tell("sysv", (SHM, ""))
        self.tell("file_map", (LASTING, "file mapped to be written"))
        self.tell("mprotect", (LASTING, "file mapped to be written"))

    def test_device(self):
        self.tell("device", (ONCE, "device, major number 1"))

    def test_unknown_call(self):
        self.tell("unknown", (ONCE, "system call 499"), (ONCE, "system call 7000"))

    def test_anonymous(self):
        """Shared memory without a name hides something only when two processes have it."""
        self.tell("anon_alone")
        self.tell("anon_small")
        for name in ("anon_forked", "anon_lives"):
            did, seen = self.tell(name, (SHM, ""))
            self.assertEqual(self.blind(did, seen, "child"), [(SHM, "")])

    def test_no_false_alarm(self):
        self.tell("honest")

    def test_open_before(self):
        did, seen = run_existing("late_ways")
        self.assertEqual(self.blind(did, seen), [(IO_URING, ""), (SHM, ""), (LASTING, "file mapped to be written")])
        self.assertIn((SHM, ""), self.blind(did, seen, "child"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
