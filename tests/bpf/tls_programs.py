# SPDX-License-Identifier: Apache-2.0
"""TLS targets: real OpenSSL below Python's ssl, and copies of libssl driven through ctypes."""
import ctypes
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from programs import Log, inode, read_exactly, tcp_pair, text

SETTLE = 0.3  # probes are attached when the library is mapped; a first call in that moment is not seen


def certificate():
    d = tempfile.mkdtemp(prefix="dflow-test-")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", d + "/key", "-out", d + "/crt",
                    "-days", "2", "-subj", "/CN=localhost"], check=True, stderr=subprocess.DEVNULL)
    return d


class Tls(Log):
    """Connections between this process's two ends, with what went through each in plaintext."""

    def __init__(self):
        super().__init__()
        import ssl
        self.ssl = ssl
        self.dir = certificate()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(self.dir + "/crt", self.dir + "/key")
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        time.sleep(SETTLE)

    def pair(self, small=False):
        a, b = tcp_pair()
        if small:
            a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        out = []
        t = threading.Thread(target=lambda: out.append(self.server.wrap_socket(b, server_side=True)))
        t.start()
        a = self.client.wrap_socket(a)
        t.join()
        return a, out[0]

    def pump(self, src, dst, data, piece=65536):
        self.add(inode(src), True, data)
        t = threading.Thread(target=src.sendall, args=(data,))
        t.start()
        got = b""
        while len(got) < len(data):
            d = dst.recv(piece)
            assert d
            got += d
        assert got == data
        self.add(inode(dst), False, got)
        t.join()

    def result(self, **more):
        shutil.rmtree(self.dir)
        return super().result(**more)


def tls():
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, text(1_000_000))
    log.pump(b, a, text(50_000, 1), 100)
    log.pump(a, b, b"small")
    keys = dict(client=inode(a), server=inode(b))
    a.close()
    b.close()
    return log.result(**keys)


def tls_many():
    """TLS objects come under the address of freed ones."""
    log = Tls()
    for i in range(30):
        a, b = log.pair()
        log.pump(a, b, text(3000, i))
        a.close()
        b.close()
    return log.result()


def tls_nonblocking():
    """WANT_WRITE: one text, many tries."""
    log = Tls()
    a, b = log.pair(small=True)
    data = text(3_000_000)
    a.setblocking(False)
    tries = 0
    t = threading.Thread(target=lambda: log.add(inode(b), False, read_exactly(b, len(data))))
    while True:
        try:
            n = a.send(data)
            break
        except log.ssl.SSLWantWriteError:
            tries += 1
            if tries == 3:
                t.start()
            time.sleep(0.005)
    assert n == len(data)
    log.add(inode(a), True, data)
    t.join()
    return log.result(tries=tries)


def tls_broken():
    """The connection dies in a write that is never confirmed; the peer had read some of it."""
    log = Tls()
    a, b = log.pair(small=True)
    data = text(3_000_000)
    a.setblocking(False)
    try:
        a.send(data)
        raise AssertionError("it fit")
    except log.ssl.SSLWantWriteError:
        pass
    b.settimeout(0.3)
    got = b""
    try:
        while True:
            got += b.recv(65536)
    except TimeoutError:
        pass
    assert got and data.startswith(got)
    keys = dict(sender=inode(a), receiver=inode(b), got=len(got), got_sha=hashlib.sha256(got).hexdigest(),
                sha=hashlib.sha256(data).hexdigest(), total=len(data))
    b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    b.close()
    return log.result(**keys)


def tls_memory_bio():
    """Memory BIOs, as asyncio uses them: no system call is nested, and addresses of freed objects return."""
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, b"on a socket" * 10)
    dead = inode(a)
    a.close()
    b.close()
    del a, b
    texts = []
    for i in range(8):
        bios = [log.ssl.MemoryBIO() for _ in range(4)]
        c = log.client.wrap_bio(bios[0], bios[1])
        s = log.server.wrap_bio(bios[1], bios[0], server_side=True)
        done = [False, False]
        while not all(done):
            for k, o in enumerate((c, s)):
                try:
                    o.do_handshake()
                    done[k] = True
                except log.ssl.SSLWantReadError:
                    pass
        data = b"in memory %d " % i * 100
        texts.append(hashlib.sha256(data).hexdigest())
        c.write(data)
        assert s.read(10_000) == data
        del c, s
    return log.result(dead=dead, texts=texts)


def tls_fork():
    """A child inherits the mapped library, but its probes are its own."""
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, b"parent" * 100)
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        time.sleep(SETTLE)
        child = Log()
        c, d = log.pair()
        log.bytes = {}
        log.pump(c, d, b"child" * 1000)
        os.write(w, json.dumps(Log.result(log)).encode())
        os._exit(0)
    os.close(w)
    os.waitpid(pid, 0)
    streams = json.loads(os.read(r, 100_000))["streams"]
    did = log.result()
    did["streams"] += streams
    return did


def tls_cli():
    """openssl s_server and s_client, started as children."""
    d = certificate()
    s = socket.create_server(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    server = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", str(port), "-cert", d + "/crt", "-key", d + "/key"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(SETTLE)
    client = subprocess.Popen(["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" % port], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(SETTLE)
    question, answer = b"question " * 50 + b"\n", b"answer " * 50 + b"\n"
    client.stdin.write(question)
    client.stdin.flush()
    assert server.stdout.readline() == question
    server.stdin.write(answer)
    server.stdin.flush()
    assert client.stdout.readline() == answer
    for p in (client, server):
        p.kill()
        p.wait()
    shutil.rmtree(d)
    return dict(client=client.pid, server=server.pid, question=hashlib.sha256(question).hexdigest(),
                answer=hashlib.sha256(answer).hexdigest())


# ---- another libssl in the same process, as the wheels of psycopg2 bring one ----

def library(path):
    lib = ctypes.CDLL(path)
    for name in ("TLS_client_method", "TLS_server_method", "SSL_CTX_new", "SSL_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    return lib


def connect_with(lib, method, fd, d, server):
    ctx = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(method())))
    if server:
        lib.SSL_CTX_use_certificate_file(ctx, (d + "/crt").encode(), 1)
        lib.SSL_CTX_use_PrivateKey_file(ctx, (d + "/key").encode(), 1)
    ssl = ctypes.c_void_p(lib.SSL_new(ctx))
    lib.SSL_set_fd(ssl, fd)
    r = lib.SSL_accept(ssl) if server else lib.SSL_connect(ssl)
    assert r == 1
    return ssl


def tls_two():
    """Python's libssl and a second one, mapped late, in one process."""
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, b"python's" * 100)
    where = tempfile.mkdtemp(prefix="dflow-test-")
    system = subprocess.run("ldconfig -p | sed -n 's/.*libssl.so.3 .*=> //p' | head -1", shell=True, capture_output=True,
                            text=True, check=True).stdout.strip()
    copy = where + "/libssl-5e41a3.so.3"
    shutil.copy(system, copy)
    lib = library(copy)
    time.sleep(SETTLE)
    c, d = tcp_pair()
    out = []
    t = threading.Thread(target=lambda: out.append(connect_with(lib, lib.TLS_server_method, d.fileno(), log.dir, True)))
    t.start()
    x = connect_with(lib, lib.TLS_client_method, c.fileno(), log.dir, False)
    t.join()
    y = out[0]
    data = b"the wheel's" * 1000
    assert lib.SSL_write(x, data, len(data)) == len(data)
    log.add(inode(c), True, data)
    buf = ctypes.create_string_buffer(20_000)
    got = b""
    while len(got) < len(data):
        n = lib.SSL_read(y, buf, 20_000)
        assert n > 0
        got += buf.raw[:n]
    log.add(inode(d), False, got)
    log.pump(b, a, b"python's again" * 100)
    shutil.rmtree(where)
    return log.result()


def late_tls():
    """A TLS connection that is older than dflow."""
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, b"long ago")
    log.bytes = {}
    print("here", flush=True)
    sys.stdin.readline()
    log.pump(a, b, b"from now on" * 1000)
    log.pump(b, a, b"and back" * 1000)
    return log.result()


def late_tls_slow():
    """As late_tls, with time between the first system call that is seen and the first call of the library."""
    log = Tls()
    a, b = log.pair()
    log.pump(a, b, b"long ago")
    log.bytes = {}
    print("here", flush=True)
    sys.stdin.readline()
    time.sleep(3 * SETTLE)
    log.pump(a, b, b"from now on" * 1000)
    log.pump(b, a, b"and back" * 1000)
    return log.result()


def tls_retired(n="10"):
    """Processes with TLS that come and go: their probes must not hold up the rest."""
    r = []
    for _ in range(int(n)):
        p = subprocess.run([sys.executable, "-c", "import ssl, time; time.sleep(0.1)"])
        r.append(p.returncode)
    a, b = tcp_pair()
    log = Log()
    a.sendall(b"after all")
    log.add(inode(a), True, b"after all")
    return log.result()
