# SPDX-License-Identifier: Apache-2.0
"""
A small API for test_stores.py: POST /v1/chat-messages with a query writes it to a real Postgres and a real Redis in one
of many ways, and tells its message_id. `inputs.way` names the way.
"""
import json
import os
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import redis

PG, REDIS = sys.argv[2], int(sys.argv[3])
INSERT = "INSERT INTO messages (id, conversation_id, query) VALUES (%s, %s, %s)"


def pg(autocommit=False, client=True):
    return psycopg.connect(PG, autocommit=autocommit,
                           cursor_factory=psycopg.ClientCursor if client else psycopg.Cursor)


def rd(**kw):
    return redis.Redis(port=REDIS, **kw)


old = pg()  # connections that are older than the recorder: one is in the middle of a transaction
old.execute("SELECT 1")


class Undo(Exception):
    pass


def commit(i, c, q):
    with pg() as conn:
        conn.execute(INSERT, (i, c, q))


def autocommit(i, c, q):
    with pg(autocommit=True) as conn:
        conn.execute(INSERT, (i, c, q))


def extended(i, c, q):
    with pg(client=False) as conn:
        for _ in range(7):  # from the sixth on psycopg prepares it
            conn.execute("SELECT %s::text", (i,))
        conn.execute(INSERT, (i, c, q), prepare=True)


def rollback(i, c, q):
    with pg() as conn:
        conn.execute(INSERT, (i, c, q))
        conn.rollback()


def unique_violation(i, c, q):
    commit(i, c, "short")
    try:
        autocommit(i, c, q)
    except psycopg.errors.UniqueViolation:
        pass


def aborted(i, c, q):
    with pg() as conn:
        conn.execute(INSERT, (i, c, q))
        try:
            conn.execute(INSERT, (i, c, "again"))
        except psycopg.errors.UniqueViolation:
            pass
        conn.execute("COMMIT")  # answered by ROLLBACK


def savepoint_undone(i, c, q):
    with pg() as conn:
        conn.execute("SELECT 1")
        try:
            with conn.transaction():
                conn.execute(INSERT, (i, c, q))
                raise Undo
        except Undo:
            pass


def savepoint_kept(i, c, q):
    with pg() as conn:
        with conn.transaction():
            with conn.transaction():
                conn.execute(INSERT, (i, c, q))
            try:
                with conn.transaction():
                    conn.execute(INSERT, (str(uuid.uuid4()), c, "something short"))
                    raise Undo
            except Undo:
                pass


def pipeline(i, c, q):
    with pg(client=False) as conn, conn.pipeline():
        conn.execute(INSERT, (i, c, q))
        conn.execute("UPDATE messages SET answer = 'x' WHERE id = %s", (i,))


def pipeline_fails(i, c, q):
    try:
        with pg(client=False) as conn, conn.pipeline():
            conn.execute(INSERT, (i, c, q))
            conn.execute("SELECT 1/0")
    except psycopg.errors.DivisionByZero:
        pass


def copy_text(i, c, q):
    with pg() as conn, conn.cursor().copy("COPY copies (id, conversation_id, query) FROM STDIN") as copy:
        copy.write_row((i, c, q))


def copy_binary(i, c, q):
    with pg() as conn, conn.cursor().copy(
            "COPY copies (id, conversation_id, query) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "uuid", "text"])
        copy.write_row((uuid.UUID(i), uuid.UUID(c), q))


def with_query(i, c, q):
    with pg() as conn:
        conn.execute("WITH x AS (INSERT INTO messages (id, conversation_id, query) VALUES (%s, %s, %s) RETURNING id) "
                     "SELECT id FROM x", (i, c, q))


def insert_select(i, c, q):
    with pg() as conn:
        conn.execute("INSERT INTO messages (id, conversation_id, query) SELECT %s, %s, %s", (i, c, q))


def merge(i, c, q):
    with pg() as conn:
        conn.execute("MERGE INTO copies m USING (VALUES (%s::uuid, %s::uuid, %s)) AS v (id, c, q) ON m.id = v.id "
                     "WHEN NOT MATCHED THEN INSERT (id, conversation_id, query) VALUES (v.id, v.c, v.q)", (i, c, q))


def function(i, c, q):
    with pg() as conn:
        conn.execute("SELECT keep_it(%s, %s, %s)", (i, c, q))


def sql_prepare(i, c, q):
    with pg() as conn:
        conn.execute("PREPARE p (uuid, uuid, text) AS INSERT INTO messages (id, conversation_id, query) "
                     "VALUES ($1, $2, $3)")
        conn.execute("EXECUTE p (%s, %s, %s)", (i, c, q))


def delete_by_id(i, c, q):
    commit(i, c, q)
    with pg() as conn:
        conn.execute("DELETE FROM messages WHERE messages.id = %s", (i,))


def delete_by_conversation(i, c, q):
    commit(i, c, q)
    with pg(client=False) as conn:
        conn.execute("DELETE FROM messages WHERE messages.conversation_id = %s", (c,))


def delete_whom(i, c, q):
    commit(i, c, q)
    commit(str(uuid.uuid4()), str(uuid.uuid4()), "short")
    with pg() as conn:
        conn.execute("DELETE FROM messages WHERE conversation_id IN (SELECT conversation_id FROM messages "
                     "WHERE query = 'short')")


def delete_other_id(i, c, q):
    commit(i, c, q)
    other = str(uuid.uuid4())
    commit(other, str(uuid.uuid4()), "short")
    with pg() as conn:
        conn.execute("DELETE FROM messages WHERE messages.id = %s", (other,))


def delete_undone(i, c, q):
    commit(i, c, q)
    with pg() as conn:
        conn.execute("DELETE FROM messages WHERE messages.id = %s", (i,))
        conn.rollback()


def overwritten(i, c, q):
    commit(i, c, q)
    with pg() as conn:
        conn.execute("UPDATE messages SET query = 'x' WHERE messages.id = %s", (i,))


def another_column(i, c, q):
    commit(i, c, q)
    with pg() as conn:
        conn.execute("UPDATE messages SET answer = 'x' WHERE messages.id = %s", (i,))


def truncate(i, c, q):
    with pg() as conn:
        conn.execute("INSERT INTO drafts (id, query) VALUES (%s, %s)", (i, q))
    with pg() as conn:
        conn.execute("TRUNCATE drafts")


def interleaved(i, c, q):
    one, two = pg(), pg()
    one.execute(INSERT, (i, c, q))
    two.execute("INSERT INTO drafts (id, query) VALUES (%s, %s)", (i, q))
    one.execute("SELECT 1")
    two.rollback()
    one.commit()
    one.close(), two.close()


def joined_in_the_middle(i, c, q):
    old.execute(INSERT, (i, c, q))
    old.rollback()


def cut_before_the_answer(i, c, q):
    conn = pg()
    conn.execute(INSERT, (i, c, q))
    conn.pgconn.send_query(b"SELECT pg_sleep(0.2)")
    time.sleep(0.05)
    os.close(conn.pgconn.socket)


def left_alone(i, c, q):
    conn = pg()
    conn.execute(INSERT, (i, c, q))
    conn.close()


def redis_set(i, c, q):
    rd().set("conv_name:" + i, q)


def redis_del(i, c, q):
    rd().set("conv_name:" + i, q)
    rd().delete("other", "conv_name:" + i)


def redis_overwritten(i, c, q):
    rd().set("conv_name:" + i, q)
    rd().set("conv_name:" + i, "x")


def redis_getdel(i, c, q):
    rd().setex("conv_name:" + i, 600, q)
    rd().getdel("conv_name:" + i)


def redis_hdel(i, c, q):
    r = rd()
    r.hset("unacked", "tag-" + i, q)
    r.hset("unacked", "tag-other", "x")
    r.hdel("unacked", "tag-" + i)


def redis_hdel_other(i, c, q):
    r = rd()
    r.hset("unacked", "tag-" + i, q)
    r.hset("unacked", "tag-other", "x")
    r.hdel("unacked", "tag-other")


def redis_expires(i, c, q):
    r = rd()
    r.set("conv_name:" + i, q)
    r.expire("conv_name:" + i, 1)
    time.sleep(1.5)


def redis_nx(i, c, q):
    rd().set("conv_name:" + i, "x")
    rd().set("conv_name:" + i, q, nx=True)


def redis_exec(i, c, q):
    with rd().pipeline() as p:
        p.set("conv_name:" + i, q)
        p.execute()


def redis_exec_aborted(i, c, q):
    with rd().pipeline() as p:
        p.watch("watched")
        rd().set("watched", i)
        p.multi()
        p.set("conv_name:" + i, q)
        try:
            p.execute()
        except redis.WatchError:
            pass


def redis_exec_one_fails(i, c, q):
    rd().set("a-string", "x")
    with rd().pipeline() as p:
        p.set("conv_name:" + i, q)
        p.lpush("a-string", q)
        p.execute(raise_on_error=False)


def redis_pipeline(i, c, q):
    with rd(protocol=3).pipeline(transaction=False) as p:
        p.set("conv_name:" + i, q)
        p.get("nothing")
        p.execute()


def redis_oom(i, c, q):
    r = rd()
    r.config_set("maxmemory", "1mb")
    try:
        r.set("conv_name:" + i, q)
    except redis.exceptions.OutOfMemoryError:
        pass
    finally:
        r.config_set("maxmemory", "0")


def redis_script(i, c, q):
    rd().eval("return redis.call('set', KEYS[1], ARGV[1])", 1, "conv_name:" + i, q)


def redis_flushall(i, c, q):
    rd().set("conv_name:" + i, q)
    rd().flushall()


def redis_publish(i, c, q):
    rd().publish("channel:" + i, q)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message, conversation = str(uuid.uuid4()), str(uuid.uuid4())
        globals()[body["inputs"]["way"]](message, conversation, body["query"])
        out = json.dumps({"event": "message", "message_id": message, "answer": ""}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def log_message(self, *args):
        pass


print("here", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
