# SPDX-License-Identifier: Apache-2.0
"""Real clients against real servers over TLS; the servers are in a cgroup that is not observed."""
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from harness import Observer, cgroup, join

TEXT = "\u6771\u4eac\u306e\u5929\u6c17 is the text that is looked for"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def certificate(where):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", where + "/key", "-out",
                    where + "/crt", "-days", "2", "-subj", "/CN=localhost"], check=True, stderr=subprocess.DEVNULL)


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nothing listens on %d" % port)


class Real(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="dflow-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        certificate(self.dir)
        self.port = free_port()

    def serve(self, command, **kw):
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        wait_for(self.port)

    def client(self, command, text_in, **kw):
        """Runs it as the only target, some lines at a time: its library is attached by the second."""
        with cgroup() as path:
            observer = Observer("--cgroup", path, "--find", TEXT)
            try:
                p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=join(path), **kw)
                for line in text_in:
                    p.stdin.write(line if isinstance(line, bytes) else line.encode())
                    p.stdin.flush()
                    time.sleep(0.4)
                out, _ = p.communicate(timeout=30)
                self.assertEqual(p.returncode, 0)
                return out.decode(errors="replace"), observer.finish()
            finally:
                observer.kill()

    def check(self, seen, out, back):
        """The text is in the plaintext and not in the ciphertext."""
        def found(layer, to):
            return sum(s["found"] for c in seen.doc["chans"] if c.get("medium") == "tcp" for s in c["streams"]
                       if s["layer"] == layer and s["out"] == to)
        self.assertEqual((found(1, True), found(1, False)), (out, back))
        self.assertEqual((found(0, True), found(0, False)), (0, 0))
        self.assertEqual(seen.stats["lost_events"], 0)
        self.assertEqual(seen.stats["tls_unbound_bytes"], 0)
        for c in seen.doc["chans"]:
            if c.get("medium") == "tcp":
                self.assertEqual(c["remote"], "127.0.0.1:%d" % self.port)

    def test_redis(self):
        self.serve(["redis-server", "--port", "0", "--tls-port", str(self.port), "--tls-cert-file", self.dir + "/crt",
                    "--tls-key-file", self.dir + "/key", "--tls-ca-cert-file", self.dir + "/crt", "--tls-auth-clients",
                    "no", "--save", "", "--dir", self.dir])
        out, seen = self.client(["redis-cli", "--tls", "--insecure", "-p", str(self.port)],
                                ["PING\n", 'SET key "%s"\n' % TEXT, "GET key\n"])
        self.assertIn("OK", out)
        self.check(seen, 1, 1)

    def test_gnutls(self):
        """A client of GnuTLS; its server answers a line by the bytes of the line in reverse order."""
        self.serve(["openssl", "s_server", "-accept", str(self.port), "-cert", self.dir + "/crt", "-key", self.dir + "/key",
                    "-quiet", "-rev"])
        out, seen = self.client(["gnutls-cli", "--insecure", "--logfile", "/dev/null", "-p", str(self.port), "127.0.0.1"],
                                ["PING\n", TEXT + "\n", TEXT.encode()[::-1] + b"\n"])
        self.assertIn(TEXT, out)
        self.check(seen, 1, 1)

    def test_psql(self):
        who = pwd.getpwnam("postgres")
        binaries = [d for d in sorted(os.listdir("/usr/lib/postgresql"))][-1]
        binaries = "/usr/lib/postgresql/%s/bin/" % binaries
        for f in (self.dir, self.dir + "/key", self.dir + "/crt"):
            os.chown(f, who.pw_uid, who.pw_gid)
        as_postgres = dict(user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd=self.dir)
        subprocess.run([binaries + "initdb", "-D", self.dir + "/data", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
                       check=True, stdout=subprocess.DEVNULL, **as_postgres)
        self.serve([binaries + "postgres", "-D", self.dir + "/data", "-p", str(self.port), "-k", self.dir, "-c", "ssl=on",
                    "-c", "ssl_cert_file=" + self.dir + "/crt", "-c", "ssl_key_file=" + self.dir + "/key"], **as_postgres)
        out, seen = self.client([binaries + "psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-d",
                                 "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=require" % self.port],
                                ["SELECT 1;\n", "CREATE TABLE t (x text);\n", "INSERT INTO t VALUES ('%s');\n" % TEXT,
                                 "SELECT x FROM t;\n"])
        self.assertIn(TEXT, out)
        self.check(seen, 1, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
