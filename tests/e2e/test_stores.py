# SPDX-License-Identifier: Apache-2.0
"""Places say what a real Postgres and a real Redis said: store_api.py writes a query in many ways."""
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import pytest
from conftest import Recorder

HERE = pathlib.Path(__file__).parent
SCHEMA = """
CREATE TABLE messages (id uuid PRIMARY KEY, conversation_id uuid, query text, answer text);
CREATE TABLE copies (id uuid, conversation_id uuid, query text);
CREATE TABLE drafts (id uuid, query text);
CREATE FUNCTION keep_it(i uuid, c uuid, q text) RETURNS uuid LANGUAGE sql AS
    'INSERT INTO messages (id, conversation_id, query) VALUES (i, c, q) RETURNING id';
"""
# way → what must stand under `now`, by place; None: no name
WAYS = {
    "commit": {"messages.query": "present"},
    "autocommit": {"messages.query": "present"},
    "extended": {"messages.query": "present"},
    "rollback": {"messages.query": "not_kept"},
    "unique_violation": {"messages.query": "not_kept"},
    "aborted": {"messages.query": "not_kept"},
    "savepoint_undone": {"messages.query": "not_kept"},
    "savepoint_kept": {"messages.query": "present"},
    "pipeline": {"messages.query": "present"},
    "pipeline_fails": {"messages.query": "not_kept"},
    "copy_text": {"copies.query": "present"},
    "copy_binary": {"copies.query": "present"},
    "with_query": {"messages.query": "present"},
    "insert_select": {"messages.query": "present"},
    "merge": {"copies.*": "present"},
    "function": {None: "unknown"},
    "sql_prepare": {"messages.query": "present"},
    "delete_by_id": {"messages.query": "removed"},
    "delete_by_conversation": {"messages.query": "removed"},
    "delete_other_id": {"messages.query": "present"},
    "delete_undone": {"messages.query": "present"},
    "overwritten": {"messages.query": "removed"},
    "another_column": {"messages.query": "present"},
    "truncate": {"drafts.query": "removed"},
    "interleaved": {"messages.query": "present", "drafts.query": "not_kept"},
    "joined_in_the_middle": {"messages.query": "not_kept"},
    "cut_before_the_answer": {"messages.query": "unknown"},
    "left_alone": {"messages.query": "not_kept"},
    "redis_set": {"conv_name:{uuid}": "present"},
    "redis_del": {"conv_name:{uuid}": "removed"},
    "redis_overwritten": {"conv_name:{uuid}": "removed"},
    "redis_getdel": {"conv_name:{uuid}": "removed"},
    "redis_hdel": {"unacked": "removed"},
    "redis_hdel_other": {"unacked": "present"},
    "redis_expires": {"conv_name:{uuid}": "expired"},
    "redis_nx": {"conv_name:{uuid}": "not_kept"},
    "redis_exec": {"conv_name:{uuid}": "present"},
    "redis_exec_aborted": {"conv_name:{uuid}": "not_kept"},
    "redis_exec_one_fails": {"conv_name:{uuid}": "present", "*": "not_kept"},
    "redis_pipeline": {"conv_name:{uuid}": "present"},
    "redis_oom": {"conv_name:{uuid}": "not_kept"},
    "redis_script": {None: "unknown"},
    "redis_publish": {},
    "redis_flushall": {"conv_name:{uuid}": "removed"},
    "delete_whom": {"messages.query": "unknown"},
}
LATE = ("redis_flushall", "delete_whom")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wait_port(port):
    for _ in range(400):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@contextlib.contextmanager
def postgres(where):
    port, user = free_port(), pwd.getpwnam("postgres")
    os.chown(where, user.pw_uid, user.pw_gid)
    binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    subprocess.run([binaries / "initdb", "-D", f"{where}/db", "-A", "trust", "-U", "postgres"], check=True, user=user.pw_uid,
                   group=user.pw_gid, extra_groups=[], cwd=where, stdout=subprocess.DEVNULL)
    server = subprocess.Popen([binaries / "postgres", "-D", f"{where}/db", "-p", str(port), "-k", "", "-c", "fsync=off",
                               "-h", "127.0.0.1"], user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=where,
                              stderr=subprocess.DEVNULL)
    try:
        wait_port(port)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        for _ in range(100):
            if subprocess.run([binaries / "psql", url, "-qc", SCHEMA], stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def redis_server(where):
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", where,
                               "--maxmemory-policy", "noeviction"], stdout=subprocess.DEVNULL)
    try:
        wait_port(port)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def own_cgroup():
    with open("/proc/self/mountinfo") as f:
        root = next(line.split()[4] for line in f if " - cgroup2 " in line)
    path = pathlib.Path(root) / f"dflow-stores-{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):
                path.rmdir()
                break
            time.sleep(0.05)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """The API, as the only target; and the recorder, which comes after it."""
    where = tempfile.mkdtemp(prefix="dflow-stores-")
    os.chmod(where, 0o755)
    pathlib.Path(where, "pg").mkdir()
    with postgres(f"{where}/pg") as url, redis_server(where) as rport, own_cgroup() as cgroup:
        port = free_port()
        process = subprocess.Popen([sys.executable, HERE / "store_api.py", str(port), url, str(rport)],
                                   stdout=subprocess.PIPE,
                                   preexec_fn=lambda: (cgroup / "cgroup.procs").write_text(str(os.getpid())))
        try:
            assert process.stdout.readline() == b"here\n"

            class Target:
                info = {"cgroup": str(cgroup)}
            recorder = Recorder(Target, tmp_path_factory.mktemp("store") / "s.db")
            yield port, recorder
            assert recorder.stop() == 0
        finally:
            process.kill()
            process.wait()
    shutil.rmtree(where)


def ask(port, way):
    query = f"Where will this sentence be kept, and what does the store say of it? {way} {uuid.uuid4()} The end of it."
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    conn.request("POST", "/v1/chat-messages", json.dumps({"query": query, "inputs": {"way": way}, "user": "u"}),
                 {"Content-Type": "application/json"})
    response = conn.getresponse()
    body = response.read()
    assert response.status == 200, way
    conn.close()
    return json.loads(body)["message_id"]


@pytest.fixture(scope="module")
def answers(api):
    """All ways, one after the other; way → message_id. What empties a whole store comes when it is asked for."""
    return {way: ask(api[0], way) for way in WAYS if way not in LATE}


@pytest.mark.parametrize("way", WAYS)
def test_way(api, answers, way):
    trace = api[1].trace(answers.get(way) or ask(api[0], way))
    got = {p["place"]: p["now"] for p in trace["places"]}
    assert got == WAYS[way], trace.tree()
    for h in trace["hops"]:
        assert h["operation"] is None or not h["operation"].startswith("SELECT") or h["residency"] != "memory" \
            or h["direction"] == "response", h
