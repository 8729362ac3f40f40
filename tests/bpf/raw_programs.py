# SPDX-License-Identifier: Apache-2.0
"""Targets that make system calls which Python has no function for; see programs.py."""
import ctypes
import hashlib
import os
import socket
import time

from programs import Log, inode, read_exactly, tcp_pair, text

LIBC = ctypes.CDLL(None, use_errno=True)


def trunc():
    """MSG_TRUNC throws the bytes away: what is in the buffer is not theirs."""
    a, b = tcp_pair()
    data = text(1000)
    a.sendall(data)
    buf = bytearray(b"stale" * 200)
    c = (ctypes.c_char * 1000).from_buffer(buf)
    assert LIBC.recv(b.fileno(), c, 600, socket.MSG_TRUNC) == 600
    rest = b.recv(1000)
    assert rest == data[600:]
    return {"inode": inode(b), "kept": hashlib.sha256(b"\0" * 600 + rest).hexdigest()}


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Iovec)),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def messages(kind="udp"):
    """sendmmsg and recvmmsg: several messages in one call."""
    log = Log()
    if kind == "udp":
        a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        b.bind(("127.0.0.1", 0))
        a.connect(b.getsockname())
    else:
        a, b = tcp_pair()
    parts = [text(100 + i, i) for i in range(20)]
    out = (Mmsghdr * 20)()
    keep = []
    for i, p in enumerate(parts):
        v = (Iovec * 2)(Iovec(p[:50], 50), Iovec(p[50:], len(p) - 50))
        keep.append(v)
        out[i].hdr.iov, out[i].hdr.iovlen = v, 2
    assert LIBC.sendmmsg(a.fileno(), out, 20, 0) == 20
    log.add(inode(a), True, b"".join(parts))
    time.sleep(0.05)
    into = (Mmsghdr * 20)()
    bufs = [ctypes.create_string_buffer(70) for _ in range(40)]
    for i in range(20):
        v = (Iovec * 2)(Iovec(ctypes.cast(bufs[2 * i], ctypes.c_char_p), 70),
                        Iovec(ctypes.cast(bufs[2 * i + 1], ctypes.c_char_p), 70))
        keep.append(v)
        into[i].hdr.iov, into[i].hdr.iovlen = v, 2
    n = LIBC.recvmmsg(b.fileno(), into, 20, 0x40, None)  # MSG_DONTWAIT
    assert n > 0, ctypes.get_errno()
    for i in range(n):
        got = (bufs[2 * i].raw + bufs[2 * i + 1].raw)[:into[i].len]
        log.add(inode(b), False, got)
    if kind == "tcp":
        read_exactly(b, sum(map(len, parts)) - sum(into[i].len for i in range(n)), log)
    return log.result(received=n)

