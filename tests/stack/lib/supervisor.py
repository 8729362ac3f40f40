"""The process that owns a running stack: it starts all, watches, and takes all down at SIGTERM."""
import json
import os
import signal
import ssl
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

from lib import cgroups, net, procs, registry
from lib.paths import HERE, VENV, StackError
from lib.stack import Stack, destroy
from lib.stations import alb, dns, pgvector, pods, postgres, redis, s3, vendors


class Stop(Exception):
    pass


class Supervisor:
    def __init__(self, name: str, state: Path, options: dict, lock: int, report: int):
        self.name, self.lock = name, lock
        self._report = os.fdopen(report, "w")
        self.stack = Stack(state, options)

    def tell(self, **message):
        """One JSON line to `up`: progress, the result, or an error."""
        self._report.write(json.dumps(message) + "\n")
        self._report.flush()

    def run(self):
        registry.write(self.name, self.stack.record())
        try:
            up = self._start()
            registry.write(self.name, {**self.stack.record(), "up": up})
            self.tell(up=up)
            self._report.close()
            self._watch()
        except Stop:
            pass
        except StackError as error:
            self._fail(str(error))
        except Exception:
            self._fail(traceback.format_exc())
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            destroy(self.stack.record())
            registry.forget(self.name)
            registry.release(self.name, self.lock)

    def _fail(self, text: str):
        """The logs are about to go, so their ends go with the error."""
        tails = ""
        log_files = [*self.stack.state.glob("log/*.log"),
                     *self.stack.state.glob("var/log/pods/*/*/0.log")]
        for path in log_files:
            lines = path.read_text(errors="replace").splitlines()[-8:]
            if lines:
                tails += f"\n--- {path.relative_to(self.stack.state)}\n" + "\n".join(lines)
        try:
            self.tell(error=text, logs=tails)
        except (OSError, ValueError):
            pass  # `up` is gone, or has its answer

    # -- start -----------------------------------------------------------------------------

    def _start(self) -> dict:
        stack = self.stack
        began = time.monotonic()
        step = lambda text: self.tell(progress=f"{time.monotonic() - began:5.1f} s  {text}")
        step("namespaces, cgroups, certificates")
        stack.prepare()
        step("dns, redis, s3, vendors, postgres, pgvector")
        dns.start(stack)
        about = {"redis": redis.start(stack), "s3": s3.start(stack)}
        about["vendors"] = vendors.start(stack)
        about["alb"] = alb.start(stack)
        about["postgres"] = postgres.start(stack)
        about["pgvector"] = pgvector.start(stack)
        step("workspace, apps, models")
        apps = self._seed(about["vendors"])
        step("waiting for them")
        stack.wait_for_all()
        step("plugin daemon, worker, api")
        running = {"daemon": pods.start_daemon(stack), "worker": pods.start_worker(stack),
                   "api": pods.start_api(stack)}
        self._wait_for_pods(running)
        step("ready")
        return self._describe(about, apps, running)

    def _seed(self, made_vendors: list) -> dict:
        seed = self.stack.spawn("seed", [VENV / "bin" / "python", HERE / "dify" / "seed.py"],
                                netns="postgres", env=pods.dify_env(self.stack),
                                stdin=subprocess.PIPE)
        self.stack.processes.pop("seed")  # it ends, and that is no failure
        settings = {"vendors": made_vendors,
                    "max_active_requests": self.stack.options["max_active_requests"]}
        seed.communicate(json.dumps(settings).encode(), timeout=60)
        text = Path(self.stack.log("seed")).read_text()
        if seed.returncode != 0:
            raise StackError(f"seed: {text}")
        return json.loads(text.splitlines()[-1])

    def _wait_for_pods(self, running: dict):
        def wait(what, ready, pod):
            procs.wait_for(what, ready, pod["shim"], pod["log"], seconds=60)

        client, daemon = self.stack.ns("client"), self.stack.ns("plugind")
        wait("plugin daemon", lambda: procs.in_netns(daemon, _daemon_healthy), running["daemon"])
        wait("worker", lambda: " ready." in Path(running["worker"]["log"]).read_text(),
             running["worker"])
        ca = self.stack.authority.ca
        wait("api", lambda: procs.in_netns(client, lambda: _api_healthy(ca)), running["api"])

    def _describe(self, about: dict, apps: dict, running: dict) -> dict:
        stack = self.stack
        for pod in running.values():
            pod.pop("shim")
            pod["pids"] = cgroups.pids(Path(pod["cgroup"]))
        daemon = running["daemon"]
        return {
            "url": f"https://{dns.PUBLIC}", "ca": str(stack.authority.ca),
            "cgroup": str(stack.cgroups.node), "api_key": apps["workflow"]["api_key"],
            "api_keys": {name: app["api_key"] for name, app in apps.items()
                         if isinstance(app, dict)},
            "state": str(stack.state), "id": stack.id, "name": self.name,
            "supervisor_pid": os.getpid(), "api_pid": running["api"]["pid"],
            "worker_pid": running["worker"]["pid"], "daemon_pid": daemon["pid"],
            "plugin_pid": next((p for p in daemon["pids"] if p != daemon["pid"]), None),
            "logs": {name: pod["log"] for name, pod in running.items()},
            "app_logs": {name: running[name]["app_log"] for name in ("api", "worker")},
            "pods": running, "cgroup_elsewhere": str(stack.cgroups.elsewhere),
            "netns": {name: stack.ns(name) for name in net.ALL},
            "addresses": {"alb": net.VPC["alb"], "alb_public": net.ALB_PUBLIC,
                          "client": net.CLIENT, "nat_public": net.NAT_PUBLIC,
                          "api": f"{net.PODS['api']}:{pods.API_PORT}",
                          "worker": net.PODS["worker"],
                          "plugin-daemon": f"{net.PODS['plugind']}:{pods.DAEMON_PORT}",
                          "dns": f"{net.VPC['dns']}:53",
                          **{name: about[name]["address"] for name in ("redis", "postgres", "pgvector", "s3")},
                          "redis_tls": about["redis"]["tls_address"],
                          **{v["host"]: v["address"] for v in about["vendors"]}},
            "redis": about["redis"], "postgres": about["postgres"], "s3": about["s3"],
            "vendors": about["vendors"], "apps": apps, "options": stack.options,
        }

    # -- run -------------------------------------------------------------------------------

    def _watch(self):
        gone: set[str] = set()
        while True:
            time.sleep(1)
            for name in set(self.stack.dead()) - gone:
                gone.add(name)
                print(f"{name} ended with {self.stack.processes[name].returncode}", flush=True)


def _daemon_healthy() -> bool:
    with socket.create_connection(("127.0.0.1", pods.DAEMON_PORT), timeout=2) as s:
        s.sendall(b"GET /health/check HTTP/1.0\r\n\r\n")
        return b" 200 " in s.recv(100)


def _api_healthy(ca: Path) -> bool:
    """Through the load balancer, as a client would."""
    context = ssl.create_default_context(cafile=str(ca))
    with socket.create_connection((net.ALB_PUBLIC, 443), timeout=2) as plain:
        with context.wrap_socket(plain, server_hostname=dns.PUBLIC) as s:
            s.sendall(f"GET /health HTTP/1.1\r\nHost: {dns.PUBLIC}\r\n"
                      "Connection: close\r\n\r\n".encode())
            return b" 200 " in s.recv(100)


def _stop_on_signals():
    def stop(*_):
        raise Stop

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)


def _stop_when_up_dies(alive: int, is_ready):
    """`up` holds the other end until it has its answer."""
    def watch():
        os.read(alive, 1)
        if not is_ready():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main(name: str, state: Path, options: dict, lock: int, report: int, alive: int):
    os.setsid()
    with open(state / "supervisor.log", "ab") as out, open("/dev/null") as null:
        os.dup2(null.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    supervisor = Supervisor(name, state, options, lock, report)
    _stop_on_signals()
    _stop_when_up_dies(alive, lambda: supervisor._report.closed)
    supervisor.run()
    sys.exit(0)
