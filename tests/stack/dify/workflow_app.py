"""The advanced-chat app: start → (knowledge retrieval) → (document extractor) → LLM → answer.

Streaming runs in the Celery worker, blocking in the API; the code is the same. An engine
thread runs the nodes, the caller's thread writes the message and yields events: greenlets of
one OS thread in both processes.
"""
import json
import queue
import threading
import time
from uuid import uuid4

import sqlalchemy as sa

import config
import db
import model_invoke
import records
import redis_ext
import retrieval
import storage
import title
import workflow_records
from models import App, Conversation, ConversationVariable, EndUser, Message, Workflow
from models import naive_utc_now

TASK_TTL_S = 1800
POLL_S = 1.0


class Chatflow:
    def __init__(self, app_id: str, workflow_id: str, end_user_id: str, args: dict,
                 workflow_run_id: str, conversation: Conversation | None = None):
        self.app_id, self.workflow_id, self.end_user_id = app_id, workflow_id, end_user_id
        self.args, self.workflow_run_id = args, workflow_run_id
        self.query = args["query"]
        self.task_id, self.message_id = str(uuid4()), str(uuid4())
        self._queue: queue.Queue = queue.Queue()
        self.started = time.perf_counter()
        self.steps = self.tokens = 0
        self.usage: dict = {}
        self.knowledge: list[dict] = []  # what was retrieved
        self._prepare()

    # -- before the first event ------------------------------------------------------------

    def _prepare(self):
        with db.session() as s:
            self.workflow = s.get(Workflow, self.workflow_id)
            self.app = s.get(App, self.app_id)
            s.commit()
        with db.session() as s:
            self.end_user = s.scalar(sa.select(EndUser).where(EndUser.id == self.end_user_id))
            s.commit()
        conversation_id = self.args.get("conversation_id")
        conversation = records.find_conversation(
            self.app, self.end_user_id, conversation_id) if conversation_id else None
        self.first_turn = conversation is None
        files = self.args.get("files") or []
        self.files = records.find_files(self.workflow.tenant_id, files)
        self.conversation, self.message = records.create_message(
            self.app, self.end_user_id, conversation, self.message_id, str(uuid4()), self.query,
            self.args.get("inputs") or {}, None, None, files)
        self._keep_features()
        self.dialogue_count = self._count_messages()
        if self.first_turn:
            title.start(self.conversation.id, self.query)
        redis_ext.client.setex(f"generate_task_belong:{self.task_id}", TASK_TTL_S,
                               f"end-user-{self.end_user_id}")
        self.run_inputs = {
            "sys.files": [{"id": f.id, "name": f.name, "size": f.size} for f in self.files],
            "sys.user_id": self.end_user.session_id,
            "sys.app_id": self.app_id,
            "sys.workflow_id": self.workflow_id,
            "sys.workflow_run_id": self.workflow_run_id,
            "sys.query": self.query,
            "sys.dialogue_count": self.dialogue_count,
        }

    def _keep_features(self):
        with db.session() as s:
            row = s.get(Conversation, self.conversation.id)
            row.override_model_configs = self.workflow.features
            s.commit()

    def _count_messages(self) -> int:
        with db.session() as s:
            s.scalar(sa.select(Conversation).where(Conversation.id == self.conversation.id))
            of_conversation = sa.select(Message).where(
                Message.conversation_id == self.conversation.id)
            return len(s.scalars(of_conversation.order_by(Message.created_at.desc())).all())

    # -- the engine thread -----------------------------------------------------------------

    def _run_engine(self):
        try:
            self._load_again()
            workflow_records.start_run(self)
            self._queue.put(("workflow_started", {}))
            nodes = {n["data"]["type"]: n for n in json.loads(self.workflow.graph)["nodes"]}
            self._node(nodes["start"], self._start_node)
            documents = ""
            if node := nodes.get("knowledge-retrieval"):
                self._node(node, lambda: self._retrieve_node(node["data"]))
            if self.files:
                extracted = self._node(nodes["document-extractor"], self._extract_node)
                documents = "\n\n".join(extracted["text"])
            answer = self._node(nodes["llm"], lambda: self._llm_node(documents))["text"]
            outputs = {"answer": answer, "files": []}
            self._node(nodes["answer"], lambda: ({}, {}, outputs, None))
            elapsed = time.perf_counter() - self.started
            workflow_records.finish_run(self, outputs, elapsed, self.tokens, self.steps)
            self._queue.put(("workflow_finished", {"outputs": outputs, "elapsed": elapsed}))
        except Exception as error:  # handed to the caller's thread, which answers with it
            self._queue.put(("error", {"error": error}))

    def _load_again(self):
        """Each thread of Dify reads its own copies of the rows."""
        with db.session() as s:
            s.get(Workflow, self.workflow_id)
        records.reload_message(self.conversation.id, self.message.id)
        with db.session() as s:
            s.get(Message, self.message.id)
        with db.session() as s:
            s.scalar(sa.select(Workflow).where(
                Workflow.tenant_id == self.workflow.tenant_id, Workflow.app_id == self.app_id,
                Workflow.id == self.workflow_id))
            s.scalar(sa.select(EndUser).where(EndUser.id == self.end_user_id))
            s.scalar(sa.select(App).where(App.id == self.app_id))
        db.fetch(sa.select(App).where(App.id == self.app_id))
        records.check_annotation(self.app_id)
        with db.session() as s:
            s.scalars(sa.select(ConversationVariable).where(
                ConversationVariable.app_id == self.app_id,
                ConversationVariable.conversation_id == self.conversation.id)).all()
            s.commit()
        llm = next(n["data"] for n in json.loads(self.workflow.graph)["nodes"]
                   if n["data"]["type"] == "llm")
        self.model_name = llm["model"]["name"]
        self.llm = llm
        self.model = model_invoke.resolve(
            self.workflow.tenant_id, self.model_name, with_plugins=True)
        model_invoke.read_schema(self.model)
        model_invoke.resolve(self.workflow.tenant_id, self.model_name, with_plugins=False)
        model_invoke.read_schema(self.model, times=2)
        db.fetch(sa.select(Conversation).where(Conversation.app_id == self.app_id,
                                               Conversation.id == self.conversation.id))

    def _node(self, node: dict, run):
        self.steps += 1
        index = self.steps
        self._take_commands()
        started = time.perf_counter()
        created = int(time.time())
        node_execution_id = workflow_records.start_node(self, node, index)
        about = {"id": node_execution_id, "node": node, "created_at": created}
        self._queue.put(("node_started", about))
        inputs, process_data, outputs, metadata = run()
        elapsed = time.perf_counter() - started
        self._queue.put(("node_finished", {
            **about, "inputs": inputs, "process_data": process_data, "outputs": outputs,
            "metadata": metadata, "elapsed": elapsed}))
        workflow_records.finish_node(
            node_execution_id, inputs, process_data, outputs, elapsed, metadata)
        return outputs

    def _take_commands(self):
        """Look for a stop command, as the graph engine does between nodes."""
        key = f"workflow:{self.task_id}:commands:pending"
        with redis_ext.client.pipeline() as pipe:
            pipe.get(key)
            pipe.delete(key)
            pipe.execute()

    def _start_node(self):
        inputs = dict(self.run_inputs)
        count = inputs.pop("sys.dialogue_count")
        inputs |= {"sys.conversation_id": self.conversation.id, "sys.dialogue_count": count}
        return inputs, {}, dict(inputs), None

    def _extract_node(self):
        texts = [storage.load(f.key).decode("utf-8", "replace") for f in self.files]
        inputs = {"variable_selector": ["sys", "files"],
                  "files": [{"id": f.id, "name": f.name} for f in self.files]}
        return inputs, {"documents": texts}, {"text": texts}, None

    def _retrieve_node(self, data: dict):
        self.knowledge = retrieval.search(
            self.workflow.tenant_id, self.app_id, self.end_user_id, data["dataset_ids"],
            data["multiple_retrieval_config"]["reranking_model"]["model"], self.query)
        return {"query": self.query}, {}, {"result": self.knowledge}, None

    def _llm_node(self, documents: str):
        context = "\n".join(x["content"] for x in self.knowledge)
        system = self.llm["prompt_template"][0]["text"].replace("{{#context#}}", context)
        prompts = [model_invoke.prompt("system", system)]
        with db.session() as s:
            s.scalar(sa.select(App).where(App.id == self.app_id))
        for message in records.history(self.conversation.id, self.message.id):
            prompts.append(model_invoke.prompt("user", message.query))
            prompts.append(model_invoke.prompt("assistant", message.answer))
        user = f"{documents}\n\n{self.query}\n\n" if documents else f"{self.query}\n\n"
        prompts.append(model_invoke.prompt("user", user))
        model_invoke.read_schema(self.model, times=3)
        started, first, answer, usage = time.perf_counter(), None, "", {}
        for chunk in model_invoke.invoke(self.model, self.end_user_id, prompts,
                                         self.llm["model"]["completion_params"], stream=True):
            first = first or time.perf_counter()
            answer += chunk.text
            usage = chunk.usage or usage
            finish_reason = chunk.finish_reason
            self._queue.put(("message", {"text": chunk.text}))
        self._queue.put(("message", {"text": ""}))
        usage = model_invoke.usage_with_times(usage, started, first, time.perf_counter())
        self.usage, self.tokens = usage, usage["total_tokens"]
        process_data = {
            "model_mode": "chat",
            "prompts": [{"role": p["role"], "text": p["content"], "files": []} for p in prompts],
            "usage": usage, "finish_reason": finish_reason,
            "model_provider": config.PROVIDER, "model_name": self.model_name,
        }
        outputs = {"text": answer, "reasoning_content": "", "usage": usage,
                   "finish_reason": finish_reason}
        metadata = {"total_tokens": usage["total_tokens"], "total_price": "0", "currency": "USD"}
        return {}, process_data, outputs, metadata

    # -- the caller's thread ---------------------------------------------------------------

    def events(self):
        """Yield the SSE events of the run, in Dify's order."""
        threading.Thread(target=self._run_engine, daemon=True).start()
        self.answer = ""
        self.created_at = int(time.time())
        handlers = {"workflow_started": self._on_started, "node_started": self._on_node_started,
                    "node_finished": self._on_node_finished, "message": self._on_message,
                    "workflow_finished": self._on_finished}
        while True:
            try:
                name, about = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                redis_ext.client.get(f"generate_task_stopped:{self.task_id}")
                continue
            if name == "error":
                raise about["error"]
            yield from handlers[name](about)
            if name == "workflow_finished":
                return

    def _event(self, name: str, run_id: bool, **more) -> dict:
        event = {"event": name, "conversation_id": self.conversation.id,
                 "message_id": self.message.id, "created_at": self.created_at,
                 "task_id": self.task_id}
        if run_id:
            event["workflow_run_id"] = self.workflow_run_id
        return event | more

    def _on_started(self, _):
        redis_ext.client.get(f"generate_task_stopped:{self.task_id}")
        with db.session() as s:
            message = s.scalar(sa.select(Message).where(Message.id == self.message.id))
            message.workflow_run_id = self.workflow_run_id
            s.commit()
        yield self._event("workflow_started", True, data={
            "id": self.workflow_run_id, "workflow_id": self.workflow_id,
            "inputs": self.run_inputs, "created_at": self.created_at, "reason": "initial"})

    def _node_data(self, about: dict) -> dict:
        data = about["node"]["data"]
        return {"id": about["id"], "node_id": about["node"]["id"], "node_type": data["type"],
                "title": data["title"], "index": 1, "predecessor_node_id": None}

    def _on_node_started(self, about):
        yield self._event("node_started", True, data={
            **self._node_data(about), "inputs": None, "inputs_truncated": False,
            "created_at": about["created_at"], "extras": {}, "iteration_id": None,
            "loop_id": None, "agent_strategy": None})

    def _on_node_finished(self, about):
        yield self._event("node_finished", True, data={
            **self._node_data(about),
            "inputs": about["inputs"], "inputs_truncated": False,
            "process_data": about["process_data"], "process_data_truncated": False,
            "outputs": about["outputs"], "outputs_truncated": False,
            "status": "succeeded", "error": None, "elapsed_time": round(about["elapsed"], 6),
            "execution_metadata": about["metadata"], "created_at": about["created_at"],
            "finished_at": int(time.time()), "files": [], "iteration_id": None, "loop_id": None})

    def _on_message(self, about):
        self.answer += about["text"]
        yield self._event("message", False, id=self.message.id, answer=about["text"],
                          from_variable_selector=["llm", "text"])

    def _on_finished(self, about):
        self.metadata = {"annotation_reply": None,
                         "retriever_resources": retrieval.resources(self.knowledge),
                         "usage": self.usage}
        with db.session() as s:
            message = s.scalar(sa.select(Message).where(Message.id == self.message.id))
            message.message_tokens = self.usage["prompt_tokens"]
            message.answer = self.answer
            message.answer_tokens = self.usage["completion_tokens"]
            message.provider_response_latency = time.perf_counter() - self.started
            message.message_metadata = json.dumps(self.metadata)
            message.updated_at = naive_utc_now()
            s.commit()
        yield self._event("message_end", False, id=self.message.id, metadata=self.metadata,
                          files=[])
        yield self._event("workflow_finished", True, data={
            "id": self.workflow_run_id, "workflow_id": self.workflow_id, "status": "succeeded",
            "outputs": about["outputs"], "error": None,
            "elapsed_time": round(about["elapsed"], 6), "total_tokens": self.tokens,
            "total_steps": self.steps,
            "created_by": {"id": self.end_user_id, "user": self.end_user.session_id},
            "created_at": self.created_at, "finished_at": int(time.time()),
            "exceptions_count": 0, "files": []})

    def blocking(self) -> dict:
        for _ in self.events():
            pass
        return {"event": "message", "task_id": self.task_id, "id": self.message.id,
                "message_id": self.message.id, "conversation_id": self.conversation.id,
                "mode": "advanced-chat", "answer": self.answer, "metadata": self.metadata,
                "created_at": int(time.time())}
