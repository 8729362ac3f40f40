# SPDX-License-Identifier: Apache-2.0
"""nginx under wrk on loopback in a namespace of its own, with and without dflow recording nginx's cgroup."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import conftest  # noqa: E402
import pairs  # noqa: E402

SECONDS = 4
CGROUPS = pathlib.Path("/sys/fs/cgroup/unified")
if not CGROUPS.exists():
    CGROUPS = pathlib.Path("/sys/fs/cgroup")


class Nginx:
    """One worker, a 612-byte page, in a cgroup and a network namespace that are removed again."""

    def __init__(self, tmp):
        self.name = f"dflow-bench-{os.getpid()}"
        self.cgroup = CGROUPS / self.name
        self.cgroup.mkdir()
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.inside("ip", "link", "set", "lo", "up")
        (tmp / "index.html").write_text("x" * 612)
        (tmp / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {tmp}/pid; error_log {tmp}/error.log;
            events {{ worker_connections 256; }}
            http {{ access_log off; sendfile off; keepalive_requests 100000000;
                    server {{ listen 127.0.0.1:8080; root {tmp}; }} }}""")
        tmp.chmod(0o755)
        # not `ip netns exec`: that mounts another /sys, without the cgroups
        self.proc = subprocess.Popen(["nsenter", f"--net=/run/netns/{self.name}", "sh", "-ec",
                                      f"echo $$ > {self.cgroup}/cgroup.procs; exec nginx -c {tmp}/nginx.conf"])
        time.sleep(1)

    def inside(self, *cmd):
        return subprocess.run(["ip", "netns", "exec", self.name, *cmd], check=True, capture_output=True, text=True).stdout

    def requests_per_second(self):
        out = self.inside("wrk", "-t1", "-c32", f"-d{SECONDS}s", "http://127.0.0.1:8080/index.html")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))

    def close(self):
        self.proc.terminate()
        self.proc.wait(timeout=20)
        subprocess.run(["ip", "netns", "del", self.name], check=True)
        for _ in range(50):
            try:
                return self.cgroup.rmdir()
            except OSError:
                time.sleep(0.1)


class Target:
    def __init__(self, cgroup):
        self.info = {"cgroup": str(cgroup)}


def main():
    args = pairs.arguments(__doc__, 5)
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="dflow-bench-"))
    nginx = Nginx(tmp)
    lost = []

    def one_run(recorded):
        if not recorded:
            return nginx.requests_per_second()
        recorder = conftest.Recorder(Target(nginx.cgroup), tmp / "s.db")
        figure = nginx.requests_per_second()
        recorder.stop()
        lost.append(int(re.search(r"lost (\d+) events", recorder.log[-1]).group(1)))
        return figure

    try:
        figures = pairs.measure(one_run, args.pairs)
    finally:
        nginx.close()
        shutil.rmtree(tmp)
    pairs.report("nginx", "requests/s", figures, args.o, seconds=SECONDS, lost_events=sum(lost))


main()
