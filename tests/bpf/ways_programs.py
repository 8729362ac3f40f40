# SPDX-License-Identifier: Apache-2.0
"""Targets that use other ways out than sockets, pipes and files; see programs.py."""
import ctypes
import fcntl
import mmap
import os
import pty
import socket
import struct
import subprocess
import sys
import tempfile
import time

from raw_programs import LIBC, Iovec

TEXT = b"The text that is looked for, in a way that nobody thought of 0123456789"


def me(**more):
    return dict(pid=os.getpid(), **more)


LIBC.syscall.restype = ctypes.c_long


def call(nr, *args):
    r = LIBC.syscall(nr, *args)
    assert r >= 0, (nr, ctypes.get_errno())
    return r


def page(size=4096):
    return mmap.mmap(-1, size)  # shared, writable, without a name


# ---- text in arguments: seen ----

def ways_arguments():
    p = subprocess.run(["/bin/true", TEXT], env={"SECRET": "environment " + TEXT.decode()}, check=True)
    return me(code=p.returncode)


def ways_names():
    d = tempfile.mkdtemp()
    os.symlink(b"symlink " + TEXT, d + "/a")
    os.close(os.open(d + "/plain", os.O_CREAT | os.O_WRONLY))
    os.rename(d + "/plain", os.path.join(d.encode(), b"rename " + TEXT))
    os.mkdir(os.path.join(d.encode(), b"mkdir " + TEXT))
    os.close(os.open(os.path.join(d.encode(), b"open " + TEXT), os.O_CREAT | os.O_WRONLY))
    os.link(os.path.join(d.encode(), b"open " + TEXT), os.path.join(d.encode(), b"link " + TEXT))
    os.setxattr(d + "/.", "user.note", b"xattr " + TEXT)
    s = socket.socket(socket.AF_UNIX)
    s.bind(b"\0bind " + TEXT)
    os.memfd_create("memfd " + TEXT.decode())
    subprocess.run(["rm", "-r", d], check=True)
    return me(kinds=["symlink", "rename", "mkdir", "open", "link", "xattr", "bind", "memfd"])


def ways_queues():
    q = call(68, 0, 0o1600)  # msgget(IPC_PRIVATE)
    message = struct.pack("l", 1) + b"msgsnd " + TEXT
    call(69, q, message, len(message) - 8, 0)
    call(71, q, 0, 0)  # msgctl(IPC_RMID)
    name = ("/dflow-%d" % os.getpid()).encode()
    attr = struct.pack("8l", 0, 1, 256, 0, 0, 0, 0, 0)
    m = call(240, name[1:], os.O_CREAT | os.O_RDWR, 0o600, attr)  # mq_open
    call(242, m, b"mq_send " + TEXT, len(TEXT) + 8, 0, None)
    call(241, name[1:])
    return me(kinds=["msgsnd", "mq_send"])


def ways_keys():
    call(248, b"user", b"describe " + TEXT, b"add_key " + TEXT, len(TEXT) + 8, -2)
    LIBC.prctl(15, b"prctl " + TEXT[:9], 0, 0, 0)
    return me()


def ways_terminal():
    """A program whose output is a terminal, as in a container with tty: true."""
    master, slave = pty.openpty()
    subprocess.run(["/bin/echo", "-n", b"terminal " + TEXT], stdout=slave, check=True)
    assert os.read(master, 200) == b"terminal " + TEXT
    return me()


def ways_comm():
    with open("/proc/self/comm", "w") as f:
        f.write("dflow-name-1234")
    return me()


# ---- ways that are told as blind ----

def ways_io_uring():
    params = ctypes.create_string_buffer(120)
    ring = call(425, 4, params)
    rings = mmap.mmap(ring, 4096, offset=0)  # IORING_OFF_SQ_RING: shared memory with the kernel only
    rings.close()
    return me()


def ways_aio():
    context = ctypes.c_ulong()
    call(206, 4, ctypes.byref(context))
    f = tempfile.TemporaryFile()
    buf = ctypes.create_string_buffer(TEXT)
    cb = struct.pack("QIiHhIQQqQII", 0, 0, 0, 1, 0, f.fileno(), ctypes.addressof(buf), len(TEXT), 0, 0, 0, 0)
    one = ctypes.create_string_buffer(cb, len(cb))
    call(209, context, 1, ctypes.byref(ctypes.c_void_p(ctypes.addressof(one))))
    return me()


def other_process():
    """A child that waits, with its own copy of TEXT."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(w)
        os.read(r, 1)
        os._exit(0)
    return pid, w


def vector():
    buf = ctypes.create_string_buffer(TEXT)
    return Iovec(ctypes.cast(buf, ctypes.c_char_p), len(TEXT))


def ways_process_vm():
    pid, w = other_process()
    v = vector()
    call(311, pid, ctypes.byref(v), 1, ctypes.byref(v), 1, 0)
    os.close(w)
    return me()


def ways_process_vm_self():
    v = vector()
    call(310, os.getpid(), ctypes.byref(v), 1, ctypes.byref(v), 1, 0)
    return me()


def ways_proc_mem():
    pid, w = other_process()
    buf = ctypes.create_string_buffer(TEXT)
    fd = os.open("/proc/%d/mem" % pid, os.O_RDWR)
    os.pwrite(fd, TEXT, ctypes.addressof(buf) & ~0xfff)
    os.close(w)
    return me()


def ways_ptrace():
    pid, w = other_process()
    call(101, 16, pid, 0, 0)  # PTRACE_ATTACH
    os.waitpid(pid, 0)
    call(101, 17, pid, 0, 0)
    os.close(w)
    return me()


def ways_pidfd():
    pid, w = other_process()
    fd = call(434, pid, 0)
    call(438, fd, 0, 0)  # pidfd_getfd
    os.close(w)
    return me()


def ways_fd_passing():
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [0])
    return me()


def ways_raw():
    a = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    a.sendto(TEXT, ("127.0.0.1", 0))
    return me()


def ways_packet():
    a = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    a.sendto(TEXT, ("lo", 0x88b5))
    return me()


def ways_netlink():
    """As the resolver of the C library asks for addresses; and a message of 200 bytes with text."""
    a = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    a.send(struct.pack("IHHIIB3x", 20, 22, 0x301, 1, 0, 0))
    a.recv(65536)
    b = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)  # NETLINK_USERSOCK
    c = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
    c.bind((0, 0))
    b.sendto(b"netlink " + TEXT, (c.getsockname()[0], 0))
    return me()


def ways_memfd():
    fd = os.memfd_create("x")
    os.ftruncate(fd, 4096)
    m = mmap.mmap(fd, 4096)
    m[:len(TEXT)] = TEXT
    return me()


def ways_shm_open():
    path = "/dev/shm/dflow-%d" % os.getpid()
    with open(path, "w+b") as f:
        f.truncate(4096)
        os.unlink(path)
        m = mmap.mmap(f.fileno(), 4096)
        m[:len(TEXT)] = TEXT
    return me()


def ways_sysv():
    shm = call(29, 0, 4096, 0o1600)
    call(30, shm, None, 0)
    call(31, shm, 0, 0)
    return me()


def ways_file_map():
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as f:
        f.truncate(200)
        m = mmap.mmap(f.fileno(), 200)
        m[:len(TEXT)] = TEXT
        m.flush()
    return me()


def ways_mprotect():
    """Mapped to be read, then made writable."""
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as f:
        f.truncate(4096)
        LIBC.mmap.restype = ctypes.c_void_p
        at = LIBC.mmap(None, 4096, 1, 1, f.fileno(), 0)
        assert LIBC.mprotect(ctypes.c_void_p(at), 4096, 3) == 0
        ctypes.memmove(at, TEXT, len(TEXT))
    return me()


def ways_device():
    with open("/dev/kmsg", "wb", buffering=0) as f:
        f.write(b"<7>dflow test: a message to a device\n")
    return me()


def ways_unknown():
    """No kernel has calls of these numbers: seccomp makes them succeed, as a kernel to come would."""
    program = b"".join(struct.pack("HBBI", *i) for i in (
        (0x20, 0, 0, 0),            # load the number
        (0x35, 0, 1, 490),          # from 490 on:
        (0x06, 0, 0, 0x00050000),   # SECCOMP_RET_ERRNO of 0
        (0x06, 0, 0, 0x7fff0000)))  # SECCOMP_RET_ALLOW
    assert LIBC.prctl(38, 1, 0, 0, 0) == 0
    assert LIBC.prctl(22, 2, struct.pack("HxxxxxxP", 4, ctypes.cast(program, ctypes.c_void_p).value), 0, 0) == 0
    call(499, TEXT, len(TEXT))
    call(7000, TEXT, len(TEXT))
    return me()


# ---- shared memory without a name ----

def ways_anon_alone():
    """One process's own page: it hides nothing, also when children exec."""
    m = page()
    m[:len(TEXT)] = TEXT
    subprocess.run(["/bin/true"], check=True)
    pid = os.fork()
    if not pid:
        os.execv("/bin/true", ["true"])
    os.waitpid(pid, 0)
    time.sleep(0.8)
    return me()


def ways_anon_small():
    """Locks and counters, as nginx and semaphores have them."""
    page(1280)
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return me()


def ways_anon_forked():
    m = page()
    pid = os.fork()
    if not pid:
        m[:len(TEXT)] = TEXT
        os._exit(0)
    os.waitpid(pid, 0)
    return me(child=pid)


def ways_anon_lives():
    page()
    m = page()
    pid = os.fork()
    if not pid:
        m[:len(TEXT)] = TEXT
        time.sleep(30)
        os._exit(0)
    time.sleep(1.2)
    os.kill(pid, 9)
    return me(child=pid)


def ways_honest():
    """What programs do all day, and no way out."""
    f = tempfile.NamedTemporaryFile()
    fcntl.flock(f, fcntl.LOCK_EX)
    fcntl.ioctl(f.fileno(), 0x541B, b"\0" * 4)  # FIONREAD
    with open("/dev/null", "wb") as null:
        null.write(TEXT)
    with open("/proc/self/oom_score_adj", "w") as o:
        o.write("0")
    r = os.eventfd(0)
    os.eventfd_write(r, 1)
    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE) if f.write(b"x") and not f.flush() else None
    m.close()
    socket.getaddrinfo("localhost", 80)
    s = socket.create_server(("127.0.0.1", 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    subprocess.run([sys.executable, "-c", "import threading; threading.Thread(target=print).start()"], check=True,
                   stdout=subprocess.DEVNULL)
    return me()


# ---- open before dflow comes ----

def late_ways():
    ring = call(425, 4, ctypes.create_string_buffer(120))
    own, shared = page(8192), page()
    path = tempfile.NamedTemporaryFile(dir="/var/tmp")
    path.truncate(4096)
    mapped = mmap.mmap(path.fileno(), 4096)
    child = os.fork()
    if not child:
        own.close()
        time.sleep(60)
        os._exit(0)
    print("here", flush=True)
    sys.stdin.readline()
    os.kill(child, 9)
    return me(child=child, keep=[ring, len(mapped), len(shared)])
