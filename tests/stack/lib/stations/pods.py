"""The node's pods: api, worker, and the plugin daemon with its plugin."""
import json
import secrets
from pathlib import Path

from lib import net, procs
from lib.paths import BIN, HERE, VENV
from lib.stations import dns, pgvector, postgres, redis, s3

CA_FILE = "/etc/ssl/certs/dify-private-ca.pem"
DAEMON_PORT, API_PORT = 5002, 5001
# All that Dify's worker listens on: one BRPOP names them, in four priorities each.
QUEUES = [
    "schedule_poller", "app_deletion", "api_token", "plugin", "retention", "ops_trace",
    "triggered_workflow_dispatcher", "trigger_refresh_executor", "priority_dataset",
    "conversation", "workflow_storage", "dataset_summary", "priority_pipeline", "dataset", "mail",
    "workflow", "pipeline", "schedule_executor", "workflow_based_app_execution",
]
# The names that Kubernetes' generator would give.
NAMES = {"api": "dify-api-6f7d9c5b4-x2m8q", "worker": "dify-worker-7c98d5f6b9-k4zjt",
         "plugind": "dify-plugin-daemon-5b8c7d9f4-p7r2w"}


def _tls_env() -> dict:
    """Each client library has its own way to be told of a private authority."""
    return {"SSL_CERT_FILE": CA_FILE, "REQUESTS_CA_BUNDLE": CA_FILE, "AWS_CA_BUNDLE": CA_FILE}


def dify_env(stack, chats: int = 1) -> dict:
    """The environment of the API and the worker, which run so many chats at once."""
    options = stack.options
    tls = options["redis_tls"] == "on"
    return {
        "PATH": f"{VENV}/bin:/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TZ": "UTC",
        "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "DB_HOST": dns.POSTGRES, "DB_PORT": str(postgres.PORT), "DB_PASSWORD": postgres.PASSWORD,
        "DB_SSLMODE": "" if options["pg_sslmode"] == "prefer" else options["pg_sslmode"],
        "SQLALCHEMY_POOL_SIZE": str(max(30, 4 * chats)),
        "PGVECTOR_HOST": dns.PGVECTOR, "PGVECTOR_PORT": str(pgvector.PORT),
        "PGVECTOR_PASSWORD": pgvector.PASSWORD,
        "PGVECTOR_MAX_CONNECTION": str(max(5, chats)),
        "REDIS_HOST": dns.REDIS, "REDIS_PORT": str(redis.TLS_PORT if tls else redis.PORT),
        "REDIS_PASSWORD": redis.PASSWORD, "REDIS_USE_SSL": "true" if tls else "false",
        "PLUGIN_DAEMON_URL": f"http://{dns.DAEMON}:{DAEMON_PORT}",
        "PLUGIN_DAEMON_KEY": stack.daemon_key,
        "S3_ENDPOINT": f"https://{dns.S3}", "S3_BUCKET_NAME": s3.BUCKET,
        "S3_ACCESS_KEY": s3.ACCESS_KEY, "S3_SECRET_KEY": s3.SECRET_KEY,
        "LOG_LEVEL": options["log_level"], "LOG_FILE": "/app/logs/server.log",
        "STACK_SSE_ESCAPE": "ascii" if options["escape"] == "ascii" else "utf8",
        "STACK_AUTO_TITLE": options["auto_title"], **_tls_env(),
    }


def daemon_env(stack) -> dict:
    return {
        "PATH": f"{VENV}/bin:/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "TZ": "UTC",
        "SERVER_KEY": stack.daemon_key, "LISTEN": f":{DAEMON_PORT}",
        "MODELS_FILE": "/app/models.json",
        # DB_SSL_MODE=disable is the AWS sample's own setting for the daemon.
        "DB_URL": f"postgres://{postgres.USER}:{postgres.PASSWORD}@{dns.POSTGRES}"
                  f":{postgres.PORT}/dify_plugin?sslmode=disable",
        "REDIS_ADDR": f"{dns.REDIS}:{redis.PORT}", "REDIS_PASSWORD": redis.PASSWORD,
        "PLUGIN_PYTHON": str(VENV / "bin" / "python"), "PLUGIN_DIR": "/app/plugin",
        # Go's default from 1.24 on, which go.mod's older version would turn off.
        "GODEBUG": "multipathtcp=2",
        "PYTHONDONTWRITEBYTECODE": "1",
        "STACK_LLM_ESCAPE": "utf8" if stack.options["escape"] == "utf8" else "ascii",
        **_tls_env(),
    }


def _has_text(path: Path) -> bool:
    """There, and written: it is empty for a moment."""
    return path.exists() and path.read_text() != ""


def _start(stack, name: str, container: str, command: list, env: dict, cwd: str,
           copies: list) -> dict:
    about = stack.cgroups.container()
    home = stack.directory(f"pods/{name}")
    logs = stack.state / "var/log/pods" / f"dify_{NAMES[name]}_{about['pod_uid']}" / container
    logs.mkdir(parents=True)
    (home / "rootfs").mkdir()
    app_logs = stack.directory(f"app/{name}/logs")
    spec = {
        **about, "netns": stack.ns(name), "hostname": NAMES[name], "cwd": cwd,
        "command": [str(part) for part in command], "env": env,
        "rootfs": str(home / "rootfs"), "pid_file": str(home / "pid"),
        "binds": [[str(app_logs), "/app/logs"]], "copies": copies,
        "files": {
            "/etc/resolv.conf": f"nameserver {net.VPC['dns']}\n"
                                "search dify.svc.cluster.local svc.cluster.local cluster.local\n",
            "/etc/hosts": f"127.0.0.1 localhost\n{net.PODS[name]} {NAMES[name]}\n",
            "/etc/hostname": NAMES[name] + "\n",
            CA_FILE: stack.authority.ca.read_text(),
        },
    }
    (home / "spec.json").write_text(json.dumps(spec, indent=1))
    log = logs / "0.log"
    shim = stack.spawn_container(name, home / "spec.json", log)
    procs.wait_for(f"pod {name}", lambda: _has_text(home / "pid"), shim, str(log))
    return {"pid": int((home / "pid").read_text()), "shim": shim, "log": str(log),
            "app_log": str(app_logs / "server.log"), "container_id": about["container_id"],
            "cgroup": about["cgroup"], "pod_uid": about["pod_uid"], "pod": NAMES[name],
            "netns": stack.ns(name), "address": net.PODS[name]}


def start_daemon(stack) -> dict:
    return _start(stack, "plugind", "plugin-daemon", [BIN / "daemon"], daemon_env(stack), "/app",
                  [[str(HERE / "plugin"), "/app/plugin"],
                   [str(HERE / "daemon" / "models.json"), "/app/models.json"]])


def start_worker(stack) -> dict:
    command = [VENV / "bin" / "celery", "-A", "celery_entrypoint.celery", "worker", "-P", "gevent",
               "-c", stack.options["celery_concurrency"], "--loglevel",
               stack.options["log_level"], "-Q", ",".join(QUEUES), "--prefetch-multiplier=1"]
    env = dify_env(stack, stack.options["celery_concurrency"])
    return _start(stack, "worker", "worker", command, env, "/app/api",
                  [[str(HERE / "dify"), "/app/api"]])


def start_api(stack) -> dict:
    command = [VENV / "bin" / "gunicorn", "--bind", f"0.0.0.0:{API_PORT}", "--workers", "1",
               "--worker-class", "gevent", "--worker-connections",
               stack.options["api_connections"], "--timeout", "200", "app:app"]
    env = dify_env(stack, stack.options["api_connections"])
    return _start(stack, "api", "api", command, env, "/app/api",
                  [[str(HERE / "dify"), "/app/api"]])


def new_daemon_key() -> str:
    return secrets.token_urlsafe(42)
