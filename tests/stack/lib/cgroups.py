"""The stack's two cgroup v2 trees: the node's, which is recorded, and the rest of the world's."""
import os
import secrets
import time
import uuid
from pathlib import Path

from lib.paths import cgroup2_mount


class Cgroups:
    def __init__(self, stack_id: str):
        mount = cgroup2_mount()
        self.node = mount / f"dflow-stack-{stack_id}"
        self.elsewhere = mount / f"dflow-elsewhere-{stack_id}"

    def make(self):
        self.node.mkdir()
        self.elsewhere.mkdir()

    def container(self) -> dict:
        """A new pod with one container, in kubelet's and containerd's shape."""
        pod_uid = str(uuid.uuid4())
        container_id = secrets.token_hex(32)
        path = (self.node / "kubepods.slice" / "kubepods-burstable.slice"
                / f"kubepods-burstable-pod{pod_uid.replace('-', '_')}.slice"
                / f"cri-containerd-{container_id}.scope")
        path.mkdir(parents=True)
        return {"cgroup": str(path), "pod_uid": pod_uid, "container_id": container_id}

    def station(self, name: str) -> str:
        path = self.elsewhere / name
        path.mkdir(exist_ok=True)
        return str(path)


def join(path: str):
    with open(os.path.join(path, "cgroup.procs"), "w") as procs:
        procs.write("0")


def pids(tree: Path) -> list[int]:
    found = []
    for directory, _, _ in os.walk(tree):
        try:
            found += map(int, Path(directory, "cgroup.procs").read_text().split())
        except OSError:
            continue
    return found


def destroy(tree: Path, patience_s: float = 10.0):
    """Kill all that is in the tree and remove it: only the stack's own processes are there."""
    if not tree.exists():
        return
    (tree / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + patience_s
    while pids(tree) and time.monotonic() < deadline:
        time.sleep(0.02)
    for directory, _, _ in sorted(os.walk(tree), reverse=True):
        for _ in range(50):  # a dying process can hold its cgroup a moment longer
            try:
                os.rmdir(directory)
                break
            except OSError:
                time.sleep(0.02)
