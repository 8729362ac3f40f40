# SPDX-License-Identifier: Apache-2.0
"""The targets: each function moves bytes in one way and returns what it moved, by inode and direction.

    python3 programs.py NAME [ARG…]     prints the result as JSON
"""
import fcntl
import hashlib
import json
import mmap
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time


def inode(x):
    return os.fstat(x if isinstance(x, int) else x.fileno()).st_ino


def text(n, seed=0):
    return random.Random(seed).randbytes(n)


class Log:
    """What went through each end."""

    def __init__(self):
        self.bytes = {}

    def add(self, ino, out, data):
        self.bytes[(ino, out)] = self.bytes.get((ino, out), b"") + bytes(data)

    def result(self, **more):
        return dict(streams=[{"inode": i, "out": o, "len": len(b), "sha256": hashlib.sha256(b).hexdigest()}
                             for (i, o), b in self.bytes.items()], **more)


def tcp_pair(family=socket.AF_INET, proto=0, before_connect=None):
    server = socket.socket(family, socket.SOCK_STREAM, proto)
    server.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    server.listen()
    client = socket.socket(family, socket.SOCK_STREAM, proto)
    if before_connect:
        before_connect(client)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    server.close()
    return client, accepted


def read_exactly(sock, n, log=None, flags=0):
    got = b""
    while len(got) < n:
        data = sock.recv(min(65536, n - len(got)), flags)
        if not data:
            break
        got += data
    if log:
        log.add(inode(sock), False, got)
    return got


# ---- sockets ----

def tcp(family="4"):
    """Every call that moves bytes on a stream socket, in both directions."""
    log = Log()
    a, b = tcp_pair(socket.AF_INET if family == "4" else socket.AF_INET6)
    ia, ib = inode(a), inode(b)
    for i, send in enumerate([lambda d: a.sendall(d), lambda d: os.write(a.fileno(), d),
                              lambda d: os.writev(a.fileno(), [d[:10], d[10:300], d[300:]]),
                              lambda d: a.sendmsg([d[:1], d[1:700], b"", d[700:]])]):
        data = text(1000 + i, i)
        send(data)
        log.add(ia, True, data)
    log.add(ib, False, b.recv(900))
    log.add(ib, False, os.read(b.fileno(), 700))
    bufs = [bytearray(100), bytearray(500)]
    n = os.readv(b.fileno(), bufs)
    log.add(ib, False, b"".join(bufs)[:n])
    data, _, _, _ = b.recvmsg(800)
    log.add(ib, False, data)
    read_exactly(b, 4006 - 900 - 700 - n - len(data), log)
    data = text(3_000_000, 9)
    t = threading.Thread(target=b.sendall, args=(data,))
    t.start()
    log.add(ib, True, data)
    read_exactly(a, len(data), log)
    t.join()
    a.shutdown(socket.SHUT_WR)
    assert b.recv(10) == b""
    local, remote = a.getsockname(), a.getpeername()
    b.close()
    a.close()
    return log.result(client=ia, server=ib, local=local[:2], remote=remote[:2])


def fin():
    """One receive that takes the last bytes and the FIN."""
    log = Log()
    a, b = tcp_pair()
    data = text(1000)
    a.sendall(data)
    a.close()
    time.sleep(0.05)
    got = b.recv(4000, socket.MSG_WAITALL)
    assert got == data
    log.add(inode(b), False, got)
    assert b.recv(10) == b""
    b.sendall(b"x" * 10)
    log.add(inode(b), True, b"x" * 10)
    return log.result()


def peek():
    log = Log()
    a, b = tcp_pair()
    data = text(1000)
    a.sendall(data)
    log.add(inode(a), True, data)
    assert b.recv(500, socket.MSG_PEEK) == data[:500]
    log.add(inode(b), False, b.recv(700))
    assert b.recv(100, socket.MSG_PEEK) == data[700:800]
    read_exactly(b, 300, log)
    return log.result(peeker=inode(b))


def oob():
    log = Log()
    a, b = tcp_pair()
    a.sendall(b"before")
    a.send(b"!", socket.MSG_OOB)
    a.sendall(b"after.")
    log.add(inode(a), True, b"before!after.")
    time.sleep(0.05)
    assert b.recv(1, socket.MSG_OOB) == b"!"
    got = b.recv(100)
    got += b.recv(100)
    assert got == b"beforeafter."
    return log.result(receiver=inode(b))


def reset():
    """Addresses are gone after a reset; they were told at the first sight."""
    log = Log()
    a, b = tcp_pair()
    a.sendall(b"hello")
    log.add(inode(a), True, b"hello")
    log.add(inode(b), False, b.recv(5))
    ends = [a.getsockname(), a.getpeername()]
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ia = inode(a)
    a.close()
    time.sleep(0.05)
    try:
        b.recv(5)
    except ConnectionResetError:
        pass
    return log.result(client=ia, server=inode(b), local=ends[0], remote=ends[1])


def mptcp():
    """Not a tcp_sock: there are no positions to read, the order has to do."""
    log = Log()
    a, b = tcp_pair(proto=262)
    assert a.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == 262
    data = text(200_000)
    t = threading.Thread(target=a.sendall, args=(data,))
    t.start()
    log.add(inode(a), True, data)
    read_exactly(b, len(data), log)
    t.join()
    return log.result()


def wrap():
    """Sequence numbers pass 2^32 in the middle of a call."""
    def near_the_end(s):
        s.setsockopt(socket.IPPROTO_TCP, 19, 1)        # TCP_REPAIR
        s.setsockopt(socket.IPPROTO_TCP, 20, 2)        # TCP_REPAIR_QUEUE: send
        s.setsockopt(socket.IPPROTO_TCP, 21, struct.pack("I", 0xffffffff - 3000))  # TCP_QUEUE_SEQ
        s.setsockopt(socket.IPPROTO_TCP, 19, 0)
    log = Log()
    a, b = tcp_pair(before_connect=near_the_end)
    for i in range(10):
        data = text(1000, i)
        a.sendall(data)
        log.add(inode(a), True, data)
    read_exactly(b, 10_000, log)
    return log.result(client=inode(a))


def early():
    """Data in the SYN, and a send right after a connect that has not finished."""
    log = Log()
    server = socket.create_server(("127.0.0.1", 0))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    ends = []
    for _ in range(2):  # the second has the cookie
        c = socket.socket()
        c.sendto(b"fast" * 100, socket.MSG_FASTOPEN, server.getsockname())
        log.add(inode(c), True, b"fast" * 100)
        s, _ = server.accept()
        read_exactly(s, 400, log)
        ends += [c, s]
    c = socket.socket()
    c.setblocking(False)
    try:
        c.connect(server.getsockname())
    except BlockingIOError:
        pass
    c.send(b"eager" * 50)
    log.add(inode(c), True, b"eager" * 50)
    s, _ = server.accept()
    read_exactly(s, 250, log)
    return log.result(clients=[inode(ends[0]), inode(ends[2]), inode(c)], servers=[inode(ends[1]), inode(ends[3]), inode(s)])


def writers(n_threads="4", n="500"):
    """Concurrent writers of one socket: the sender's positions can be wrong, the receiver's are right."""
    log = Log()
    a, b = tcp_pair()
    n, n_threads = int(n), int(n_threads)
    def write(i):
        for k in range(n):
            a.send(b"%d" % i * 200)
    threads = [threading.Thread(target=write, args=(i,)) for i in range(n_threads)]
    for t in threads:
        t.start()
    read_exactly(b, n * n_threads * 200, log)
    for t in threads:
        t.join()
    return log.result(sender=inode(a), receiver=inode(b), total=n * n_threads * 200)


def swapped(rounds="30"):
    """Another thread puts another socket on the fd while a receive waits on it."""
    log = Log()
    for i in range(int(rounds)):
        a, b = tcp_pair()
        c, d = tcp_pair()
        fd, ino, other = b.fileno(), inode(b), inode(d)
        got = []
        keep = os.dup(fd)
        t = threading.Thread(target=lambda: got.append(os.read(fd, 100)))
        t.start()
        time.sleep(0.01)
        os.dup2(d.fileno(), fd)
        a.send(b"for b %4d" % i)
        t.join()
        log.add(ino, False, got[0])
        c.send(b"for d")
        log.add(other, False, d.recv(100))
        os.close(keep)
        for s in (a, b, c, d):
            s.close()
    return log.result()


def closed(rounds="30"):
    """Another thread closes the fd while a receive waits on it."""
    log = Log()
    for i in range(int(rounds)):
        a, b = tcp_pair()
        fd, ino = b.fileno(), inode(b)
        got = []
        t = threading.Thread(target=lambda: got.append(os.read(fd, 100)))
        t.start()
        time.sleep(0.01)
        os.close(b.detach())
        a.send(b"for b %4d" % i)
        t.join()
        log.add(ino, False, got[0])
        a.close()
    return log.result()


def reused():
    """The number of a closed fd comes back from accept, in a process with threads."""
    log = Log()
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    server = socket.create_server(("127.0.0.1", 0))
    accepted = []
    for i in range(10):
        a, b = tcp_pair()
        b.setblocking(False)
        try:
            b.recv(10)
        except BlockingIOError:
            pass
        number = b.fileno()
        c = socket.create_connection(server.getsockname())
        b.close()
        s, _ = server.accept()
        assert s.fileno() == number
        c.send(b"round %d" % i)
        log.add(inode(c), True, b"round %d" % i)
        log.add(inode(s), False, s.recv(100))
        accepted.append(inode(s))
        for x in (a, c, s):
            x.close()
    return log.result(accepted=accepted)


def vanishing(n="200"):
    """Another thread gives pages back while they are sent."""
    a, b = tcp_pair()
    m = mmap.mmap(-1, 65536, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    m[:] = b"v" * 65536
    stop = []
    def forget():
        while not stop:
            m.madvise(mmap.MADV_DONTNEED)
            time.sleep(0)
    t = threading.Thread(target=forget)
    t.start()
    reader = threading.Thread(target=read_exactly, args=(b, 65536 * int(n)))
    reader.start()
    for _ in range(int(n)):
        a.sendall(m)
    reader.join()
    stop.append(1)
    t.join()
    return {"sender": inode(a), "receiver": inode(b), "total": 65536 * int(n)}


def vectors():
    """A writev of 1,000 pieces, and a readv of as many."""
    log = Log()
    a, b = tcp_pair()
    parts = [text(1 + i % 40, i) for i in range(1000)]
    n = os.writev(a.fileno(), parts)
    assert n == sum(map(len, parts))
    log.add(inode(a), True, b"".join(parts))
    time.sleep(0.05)
    bufs = [bytearray(1 + i % 23) for i in range(1000)]
    n = os.readv(b.fileno(), bufs)
    log.add(inode(b), False, b"".join(bufs)[:n])
    read_exactly(b, sum(map(len, parts)) - n, log)
    return log.result()


def large(n="16000000"):
    a, b = socket.socketpair()
    a.close()
    b.close()
    a, b = tcp_pair()
    n = int(n)
    t = threading.Thread(target=read_exactly, args=(b, n))
    t.start()
    sent = []
    data = memoryview(text(n))
    while sum(sent) < n:
        sent.append(os.write(a.fileno(), data[sum(sent):]))
    t.join()
    return {"sender": inode(a), "sent": sent, "receiver": inode(b)}


def udp():
    log = Log()
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b.bind(("127.0.0.1", 0))
    a.sendto(b"question one", b.getsockname())
    data, peer = b.recvfrom(1000)
    b.sendto(b"answer one", peer)
    a.recvfrom(1000)
    a.connect(b.getsockname())
    a.send(b"question two")
    b.recvfrom(1000)
    b.sendmsg([b"answer ", b"two"], [], 0, peer)
    a.recv(1000)
    log.add(inode(a), True, b"question onequestion two")
    log.add(inode(b), False, b"question onequestion two")
    log.add(inode(b), True, b"answer oneanswer two")
    log.add(inode(a), False, b"answer oneanswer two")
    return log.result(a=a.getsockname(), b=b.getsockname(), ia=inode(a), ib=inode(b))


def unix():
    log = Log()
    path = tempfile.mktemp(prefix="dflow-test-")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(b"before accept")
    accepted, _ = server.accept()
    log.add(inode(client), True, b"before accept")
    log.add(inode(accepted), False, accepted.recv(100))
    data = text(100_000)
    t = threading.Thread(target=accepted.sendall, args=(data,))
    t.start()
    log.add(inode(accepted), True, data)
    read_exactly(client, len(data), log)
    t.join()
    x, y = socket.socketpair()
    x.send(b"pair")
    log.add(inode(x), True, b"pair")
    log.add(inode(y), False, y.recv(100))
    os.unlink(path)
    return log.result(path=path, client=inode(client), server=inode(accepted), pair=[inode(x), inode(y)])


# ---- pipes and files ----

def pipes():
    log = Log()
    r, w = os.pipe()
    ino = inode(r)
    data = text(1_000_000)
    def write():
        left = memoryview(data)
        while left:
            left = left[os.write(w, left[:77_777]):]
        os.close(w)
    t = threading.Thread(target=write)
    t.start()
    log.add(ino, True, data)
    got = b""
    while True:
        d = os.read(r, 50_000)
        if not d:
            break
        got += d
    assert got == data
    log.add(ino, False, got)
    t.join()
    os.close(r)
    out = subprocess.run(["/bin/sh", "-c", "read x; echo got $x; echo err >&2"], input=b"line\n", capture_output=True)
    assert out.stdout == b"got line\n"
    return log.result()


def files():
    log = Log()
    d = tempfile.mkdtemp(prefix="dflow-test-")
    fd = os.open(d + "/plain", os.O_RDWR | os.O_CREAT)
    ino = inode(fd)
    os.write(fd, b"0123456789" * 100)
    os.writev(fd, [b"abc", b"def"])
    os.pwrite(fd, b"XY", 1)
    os.pwritev(fd, [b"P", b"Q"], 20)
    data = bytearray(b"0123456789" * 100 + b"abcdef")
    data[1:3] = b"XY"
    data[20:22] = b"PQ"
    log.add(ino, True, data)
    os.lseek(fd, 0, 0)
    assert os.read(fd, 500) == data[:500]
    buf = bytearray(100)
    assert os.preadv(fd, [buf], 500) == 100
    assert os.pread(fd, 1000, 600) == data[600:]
    log.add(ino, False, data)
    append = os.open(d + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    other = os.open(d + "/log", os.O_WRONLY | os.O_APPEND)
    os.write(append, b"one\n")
    os.write(other, b"two\n")
    os.write(append, b"three\n")
    log.add(inode(append), True, b"one\ntwo\nthree\n")
    names = [d + "/plain", d + "/log"]
    inodes = [ino, inode(append)]
    for f in (fd, append, other):
        os.close(f)
    subprocess.run(["rm", "-r", d], check=True)
    return log.result(paths=names, inodes=inodes)


def unread():
    """Bytes that pass inside the kernel."""
    a, b = tcp_pair()
    f = tempfile.TemporaryFile()
    f.write(text(50_000))
    f.flush()
    assert os.sendfile(a.fileno(), f.fileno(), 0, 50_000) == 50_000
    read_exactly(b, 50_000)
    r, w = os.pipe()
    a.sendall(text(3000, 1))
    time.sleep(0.05)
    assert os.splice(b.fileno(), w, 3000) == 3000
    out = os.read(r, 3000)
    assert out == text(3000, 1)
    g = tempfile.TemporaryFile()
    assert os.copy_file_range(f.fileno(), g.fileno(), 20_000, 0, 0) == 20_000
    return {"sender": inode(a), "receiver": inode(b), "pipe": inode(r), "file": inode(f), "copy": inode(g),
            "spliced": hashlib.sha256(out).hexdigest()}


# ---- processes ----

def family():
    """fork and exec: the children are targets too, and gone before anybody can look."""
    log = Log()
    r, w = os.pipe()
    pids = []
    for i in range(20):
        pid = os.fork()
        if not pid:
            os.write(w, b"child %4d\n" % i)
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            os.execv("/bin/echo", ["echo", "-n", "argument-%d" % i])
        pids.append(pid)
        os.waitpid(pid, 0)
    log.add(inode(w), True, b"".join(b"child %4d\n" % i for i in range(20)))
    return log.result(pids=pids, me=os.getpid())


def existing():
    """Open before dflow comes: a connection, a pipe, a file."""
    log = Log()
    server = socket.create_server(("127.0.0.1", 0))
    a = socket.create_connection(server.getsockname())
    b, _ = server.accept()
    r, w = os.pipe()
    a.sendall(b"long ago")
    b.recv(100)
    os.write(w, b"long ago")
    os.read(r, 100)
    print("here", flush=True)
    sys.stdin.readline()
    a.sendall(b"from now on")
    log.add(inode(a), True, b"from now on")
    log.add(inode(b), False, b.recv(100))
    os.write(w, b"piped")
    log.add(inode(w), True, b"piped")
    log.add(inode(r), False, os.read(r, 100))
    return log.result(client=inode(a), server=inode(b), pipe=inode(r), local=a.getsockname(), remote=a.getpeername())


def flood(n="200000", size="64"):
    """More events than a small ring holds."""
    a, b = socket.socketpair()
    data = b"f" * int(size)
    a.send(b"first")
    b.recv(10)
    print("here", flush=True)
    sys.stdin.readline()
    for _ in range(int(n)):
        a.send(data)
        b.recv(4096)
    return {"a": inode(a), "b": inode(b), "total": int(n) * int(size)}


if __name__ == "__main__":
    if sys.argv[1] not in ("existing", "flood") and not sys.argv[1].startswith("late"):
        sys.stdin.readline()
    if sys.argv[1].startswith("ways") or sys.argv[1] == "late_ways":
        import ways_programs as programs
    elif sys.argv[1].startswith(("tls", "late")):
        import tls_programs as programs
    elif sys.argv[1] in globals():
        programs = sys.modules[__name__]
    else:
        import raw_programs as programs
    print(json.dumps(getattr(programs, sys.argv[1])(*sys.argv[2:])))
