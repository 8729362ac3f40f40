"""The API: chats, file uploads and documents of datasets, for a gunicorn gevent worker."""
import hashlib
import json
import time
from uuid import uuid4

import orjson
import sqlalchemy as sa
from flask import Flask, Response, jsonify, request

import agent_app
import chat_app
import config
import db
import indexing
import logs
import rate_limit
import records
import redis_ext
import storage
import tasks
import workflow_app
from models import (
    ApiToken, App, Dataset, Document, DocumentSegment, Tenant, UploadFile, Workflow, naive_utc_now,
)

API_TOKEN_TTL_S = 600
TOKEN_ACTIVE_TTL_S = 3600
PING_S = 10
TERMINAL = ("workflow_finished", "error")

logs.setup()
storage.init()
app = Flask(__name__)
app.json.ensure_ascii = True  # blocking replies are \uXXXX in every version
app.json.sort_keys = False


def _authenticate() -> App:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    found = _cached_token(token)
    active_key = f"api_token_active:app:{token}"
    redis_ext.client.set(active_key, naive_utc_now().isoformat(), ex=TOKEN_ACTIVE_TTL_S)
    with db.session() as s:
        found_app = s.query(App).where(App.id == found["app_id"]).first()
        s.query(Tenant).where(Tenant.id == found_app.tenant_id).first()
        return found_app


def _cached_token(token: str) -> dict:
    key = f"api_token:app:{token}"
    if cached := redis_ext.client.get(key):
        return json.loads(cached)
    row = db.fetch(sa.select(ApiToken).where(ApiToken.token == token, ApiToken.type == "app"))
    if row is None:
        raise records.ChatError(401, "unauthorized", "Access token is invalid")
    found = {"id": row.id, "app_id": row.app_id, "tenant_id": row.tenant_id, "type": row.type,
             "token": row.token, "last_used_at": None, "created_at": row.created_at.isoformat()}
    redis_ext.client.setex(key, API_TOKEN_TTL_S, json.dumps(found, separators=(",", ":")))
    return found


@app.errorhandler(records.ChatError)
def _refuse(error):
    body = {"code": error.code, "message": str(error), "status": error.status}
    return jsonify(body), error.status


@app.after_request
def _headers(response):
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "X-Env, X-Trace-Id, X-Version"
    response.headers["X-Version"] = config.VERSION
    response.headers["X-Env"] = "PRODUCTION"
    response.headers["Vary"] = "Cookie"
    return response


@app.get("/health")
def health():
    return {"status": "ok", "version": config.VERSION}


def _arguments() -> dict:
    body = request.get_json(force=True)
    query = body.get("query")
    if not isinstance(query, str) or not query:
        raise records.ChatError(400, "invalid_param", "query is required")
    args = {"inputs": body.get("inputs") or {}, "query": query.replace("\x00", ""),
            "response_mode": body.get("response_mode") or "blocking",
            "retriever_from": "dev",
            "auto_generate_name": body.get("auto_generate_name", True)}
    for name in ("files", "conversation_id", "workflow_id"):
        if body.get(name):
            args[name] = body[name]
    return args


@app.post("/v1/chat-messages")
def chat_messages():
    the_app = _authenticate()
    args = _arguments()
    user = request.get_json(force=True).get("user") or "DEFAULT-USER"
    end_user = records.find_end_user(the_app, user)
    limit = rate_limit.RateLimit(the_app)
    limit.enter()
    try:
        answer = _generate(the_app, end_user, args)
    except BaseException:
        limit.exit()
        raise
    if args["response_mode"] == "streaming":
        return Response(limit.around(answer), mimetype="text/event-stream")
    limit.exit()
    return jsonify(answer)


def _generate(the_app: App, end_user, args: dict):
    """The events of a streaming chat, or the reply of a blocking one."""
    streaming = args["response_mode"] == "streaming"
    if the_app.mode == "agent-chat":
        if not streaming:
            raise records.ChatError(400, "invalid_param",
                                    "Agent Chat App does not support blocking mode")
        return _as_sse(agent_app.AgentChat(the_app, end_user, args, streaming).events())
    if the_app.mode == "chat":
        chat = chat_app.BasicChat(the_app, end_user, args, streaming)
        return _as_sse(chat.events()) if streaming else chat.blocking()
    with db.session() as s:
        s.query(Workflow).where(
            Workflow.tenant_id == the_app.tenant_id, Workflow.app_id == the_app.id,
            Workflow.id == the_app.workflow_id).first()
    run_id = str(uuid4())
    if streaming:
        return _relay(the_app, end_user, args, run_id)
    return workflow_app.Chatflow(
        the_app.id, the_app.workflow_id, end_user.id, args, run_id).blocking()


def _line(event: bytes | dict) -> bytes:
    parsed = orjson.loads(event) if isinstance(event, bytes) else event
    body = json.dumps(parsed).encode() if config.SSE_ESCAPE_ASCII else orjson.dumps(parsed)
    return b"data: " + body + b"\n\n"


def _as_sse(events):
    for event in events:
        yield _line(event)


def _relay(the_app: App, end_user, args: dict, run_id: str):
    """Subscribe, then enqueue, then pass on what the worker publishes."""
    yield b"event: ping\n\n"
    subscription = redis_ext.Subscription(redis_ext.channel_of(the_app.mode, run_id))
    try:
        tasks.workflow_based_app_execution_task.delay(tasks.AppExecutionParams(
            app_id=the_app.id, workflow_id=the_app.workflow_id, tenant_id=the_app.tenant_id,
            app_mode=the_app.mode, user={"TYPE": "end_user", "end_user_id": end_user.id},
            args=args, invoke_from="service-api", streaming=True, call_depth=0,
            root_node_id=None, workflow_run_id=run_id).dumps())
        last = time.monotonic()
        while True:
            event = subscription.receive(timeout=1)
            if event is not None:
                last = time.monotonic()
                yield _line(event)
                if orjson.loads(event)["event"] in TERMINAL:
                    break
            elif time.monotonic() - last > PING_S:
                last = time.monotonic()
                yield b"event: ping\n\n"
    finally:
        subscription.close()


def _save_file(tenant_id: str, role: str, user_id: str) -> UploadFile:
    """The posted file into S3, and its row."""
    file = request.files.get("file")
    if file is None:
        raise records.ChatError(400, "no_file_uploaded", "Please upload your file.")
    content = file.read()
    extension = file.filename.rsplit(".", 1)[-1].lower() if "." in file.filename else ""
    key = f"upload_files/{tenant_id}/{uuid4()}.{extension}"
    storage.save(key, content)
    with db.session() as s:
        row = UploadFile(
            tenant_id=tenant_id, storage_type="s3", key=key, name=file.filename,
            size=len(content), extension=extension, mime_type=file.mimetype,
            created_by_role=role, created_by=user_id, used=False,
            hash=hashlib.sha3_256(content).hexdigest(), source_url="")
        s.add(row)
        s.commit()
    return row


@app.post("/v1/files/upload")
def upload():
    the_app = _authenticate()
    end_user = records.find_end_user(the_app, request.form.get("user") or "DEFAULT-USER")
    row = _save_file(the_app.tenant_id, "end_user", end_user.id)
    return jsonify({"id": row.id, "name": row.name, "size": row.size, "extension": row.extension,
                    "mime_type": row.mime_type, "created_by": end_user.id,
                    "created_at": int(time.time()), "preview_url": None, "source_url": ""}), 201


def _find_dataset(dataset_id: str) -> Dataset:
    """The dataset, for a key of its workspace."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    row = db.fetch(sa.select(ApiToken).where(ApiToken.token == token, ApiToken.type == "dataset"))
    if row is None:
        raise records.ChatError(401, "unauthorized", "Access token is invalid")
    dataset = db.fetch(sa.select(Dataset).where(
        Dataset.tenant_id == row.tenant_id, Dataset.id == dataset_id))
    if dataset is None:
        raise records.ChatError(404, "not_found", "Dataset not found.")
    return dataset


def _document(document: Document) -> dict:
    return {"id": document.id, "position": document.position,
            "data_source_type": document.data_source_type,
            "data_source_info": json.loads(document.data_source_info),
            "dataset_process_rule_id": document.dataset_process_rule_id, "name": document.name,
            "created_from": document.created_from, "created_by": document.created_by,
            "indexing_status": document.indexing_status, "error": document.error,
            "enabled": document.enabled, "word_count": document.word_count,
            "doc_form": document.doc_form}


@app.post("/v1/datasets/<dataset_id>/document/create-by-file")
def create_document(dataset_id: str):
    dataset = _find_dataset(dataset_id)
    row = _save_file(dataset.tenant_id, "account", dataset.created_by)
    document = indexing.add_document(dataset, row, dataset.created_by)
    tasks.priority_document_indexing_task.delay(dataset.tenant_id, dataset.id, [document.id])
    return jsonify({"document": _document(document), "batch": document.batch})


@app.get("/v1/datasets/<dataset_id>/documents/<batch>/indexing-status")
def indexing_status(dataset_id: str, batch: str):
    dataset = _find_dataset(dataset_id)
    documents = db.fetch_all(sa.select(Document).where(
        Document.dataset_id == dataset.id, Document.batch == batch))
    return jsonify({"data": [
        {"id": d.id, "indexing_status": d.indexing_status, "error": d.error,
         "total_segments": db.fetch(sa.select(sa.func.count(DocumentSegment.id)).where(
             DocumentSegment.document_id == d.id))} for d in documents]})
