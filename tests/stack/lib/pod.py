"""The container runtime's shim: one pod with one container, as a Kubernetes node runs it.

usage: pod.py SPEC.json STDOUT_FD STDERR_FD

The container gets its own cgroup, PID, mount, UTS and IPC namespaces, its pod's network
namespace, and an overlay of the host's root as its image: like the containers of one image,
all pods then share the libraries' real inodes under different mounts. The shim itself stays
outside and waits.
"""
import json
import os
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib import cgroups, kernel  # noqa: E402


def build_root(spec: dict):
    """Mount the overlay; its upper side is a tmpfs that lives and dies with this namespace."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    work = spec["rootfs"]
    kernel.mount("tmpfs", work, "tmpfs", data="size=256m,mode=755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{work}/{name}")
    root = f"{work}/root"
    kernel.mount("overlay", root, "overlay",
                 data=f"lowerdir=/,upperdir={work}/upper,workdir={work}/work")
    for path in ("dev", "sys"):
        kernel.mount(f"/{path}", f"{root}/{path}", flags=kernel.MS_BIND | kernel.MS_REC)
    kernel.mount("proc", f"{root}/proc", "proc")
    # Code is copied: what a program writes beside it must not reach the work tree.
    for source, target in spec["copies"]:
        if os.path.isdir(source):
            shutil.copytree(source, root + target)
        else:
            os.makedirs(os.path.dirname(root + target), exist_ok=True)
            shutil.copy(source, root + target)
    for source, target in spec["binds"]:
        os.makedirs(root + target, exist_ok=True)
        kernel.mount(source, root + target, flags=kernel.MS_BIND | kernel.MS_REC)
    for path, text in spec["files"].items():
        place = Path(root + path)
        if place.is_symlink():
            place.unlink()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def become_container(spec: dict, stdout_fd: int, stderr_fd: int):
    cgroups.join(spec["cgroup"])
    kernel.setns(f"/run/netns/{spec['netns']}", kernel.CLONE_NEWNET)
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC)
    kernel.sethostname(spec["hostname"])
    kernel.pivot_root(build_root(spec))
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(stdout_fd, 1)
    os.dup2(stderr_fd, 2)
    os.setsid()
    os.chdir(spec["cwd"])
    os.execve(spec["command"][0], spec["command"], spec["env"])


def main(spec_path: str, stdout_fd: int, stderr_fd: int):
    spec = json.loads(Path(spec_path).read_text())
    kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        # The end of the shim is the end of its container, however the shim ends.
        kernel.die_with_parent(signal.SIGKILL)
        try:
            become_container(spec, stdout_fd, stderr_fd)
        except Exception as error:
            os.write(stderr_fd, f"container did not start: {error}\n".encode())
            os._exit(127)
    os.close(stdout_fd)
    os.close(stderr_fd)
    Path(spec["pid_file"]).write_text(str(pid))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
