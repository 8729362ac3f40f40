"""The few system calls that Python 3.11's os module lacks."""
import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def setns(path: str, kind: int):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(fd, kind), f"setns {path}")
    finally:
        os.close(fd)


def unshare(flags: int):
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str = ""):
    encode = lambda text: text.encode() if text is not None else None
    _check(_libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags),
                       encode(data)), f"mount {target}")


def pivot_root(new_root: str):
    """Make new_root the root, and let go of the old one."""
    os.chdir(new_root)
    SYS_PIVOT_ROOT = 155 if os.uname().machine == "x86_64" else 41
    _check(_libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    MNT_DETACH = 2
    _check(_libc.umount2(b".", MNT_DETACH), "umount old root")
    os.chdir("/")


def sethostname(name: str):
    _check(_libc.sethostname(name.encode(), len(name)), "sethostname")


def die_with_parent(signal: int):
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")
