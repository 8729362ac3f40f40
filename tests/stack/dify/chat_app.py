"""The basic chat app: runs wholly in the API process, and puts no text into Redis."""
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
import storage
import title
from models import App, AppModelConfig, Conversation, Message, MessageFile, naive_utc_now

TASK_TTL_S = 1800
POLL_S = 1.0
SYSTEM_PROMPT = "You are a careful assistant.\n"


class BasicChat:
    """One message: a worker thread runs the model, this one writes rows and yields events."""

    def __init__(self, app: App, end_user, args: dict, streaming: bool):
        self.app, self.end_user, self.args, self.streaming = app, end_user, args, streaming
        self.query = args["query"]
        self.task_id, self.message_id = str(uuid4()), str(uuid4())
        self.started = time.perf_counter()
        self._queue: queue.Queue = queue.Queue()
        self._prepare()

    def _prepare(self):
        with db.session() as s:
            by_id = sa.select(AppModelConfig).where(
                AppModelConfig.id == self.app.app_model_config_id)
            self.config = s.scalar(by_id)
            s.expunge_all()
            s.scalar(by_id)
            records.check_annotation(self.app.id)
            records.check_annotation(self.app.id)
            s.query(App).where(App.id == self.app.id).first()
        self.model = model_invoke.resolve(
            self.app.tenant_id, self.config.model_id, with_plugins=True)
        model_invoke.read_schema(self.model, times=2)
        conversation_id = self.args.get("conversation_id")
        conversation = conversation_id and records.find_conversation(
            self.app, self.end_user.id, conversation_id)
        self.files = records.find_files(self.app.tenant_id, self.args.get("files") or [])
        self.conversation, self.message = records.create_message(
            self.app, self.end_user.id, conversation or None, self.message_id, str(uuid4()),
            self.query, self.args.get("inputs") or {}, self.model.name, config.PROVIDER,
            self.args.get("files") or [])
        if not conversation:
            title.start(self.conversation.id, self.query)
        with db.session() as s:
            s.get(Conversation, self.conversation.id)
            s.get(Message, self.message.id)
        redis_ext.client.setex(f"generate_task_belong:{self.task_id}", TASK_TTL_S,
                               f"end-user-{self.end_user.id}")

    def _work(self):
        """The worker thread: prompt, model, chunks into the queue."""
        try:
            records.reload_message(self.conversation.id, self.message.id)
            # Dify counts the tokens of the prompt once before it builds it: all reads twice.
            db.fetch(sa.select(App).where(App.id == self.app.id))
            db.fetch(sa.select(App).where(App.id == self.app.id))
            records.history(self.conversation.id, self.message.id)
            records.check_annotation(self.app.id)
            db.fetch(sa.select(App).where(App.id == self.app.id))
            earlier = records.history(self.conversation.id, self.message.id)
            model_invoke.read_schema(self.model, times=3)
            self.prompts = self._prompts(earlier)
            for chunk in model_invoke.invoke(self.model, self.end_user.id, self.prompts,
                                             {"temperature": 0.7}, self.streaming):
                self._queue.put(chunk)
            self._queue.put(None)
        except Exception as error:  # handed to the request's thread, which answers with it
            self._queue.put(error)

    def _prompts(self, earlier: list[Message]) -> list[dict]:
        prompts = [model_invoke.prompt("system", SYSTEM_PROMPT)]
        for message in earlier:
            prompts.append(model_invoke.prompt("user", message.query))
            prompts.append(model_invoke.prompt("assistant", message.answer))
        texts = [storage.load(f.key).decode("utf-8", "replace") for f in self.files]
        prompts.append(model_invoke.prompt("user", "\n\n".join([*texts, self.query])))
        return prompts

    def _chunks(self):
        threading.Thread(target=self._work, daemon=True).start()
        while True:
            try:
                item = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                redis_ext.client.get(f"generate_task_stopped:{self.task_id}")
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def _finish(self, answer: str, usage: dict):
        redis_ext.client.delete(f"generate_task_belong:{self.task_id}")
        redis_ext.client.get(f"generate_task_stopped:{self.task_id}")
        self.usage = usage
        self.metadata = {"annotation_reply": None, "retriever_resources": [], "usage": usage}
        with db.session() as s:
            message = s.scalar(sa.select(Message).where(Message.id == self.message.id))
            s.scalar(sa.select(Conversation).where(Conversation.id == self.conversation.id))
            model_invoke.mark_provider_used(self.app.tenant_id)
            message.message = [{"role": p["role"], "text": p["content"], "files": []}
                               for p in self.prompts]
            message.message_tokens = usage["prompt_tokens"]
            message.answer = answer
            message.answer_tokens = usage["completion_tokens"]
            message.provider_response_latency = time.perf_counter() - self.started
            message.message_metadata = (
                '{"annotation_reply":null,"retriever_resources":[],"usage":null}')
            message.updated_at = naive_utc_now()
            s.commit()
        db.fetch_all(sa.select(MessageFile).where(MessageFile.message_id == self.message.id))

    def _event(self, name: str, **more) -> dict:
        return {"event": name, "conversation_id": self.conversation.id,
                "message_id": self.message.id, "created_at": int(time.time()),
                "task_id": self.task_id, "id": self.message.id, **more}

    def events(self):
        answer, usage, first, started = "", {}, None, time.perf_counter()
        for chunk in self._chunks():
            first = first or time.perf_counter()
            answer += chunk.text
            usage = chunk.usage or usage
            if self.streaming:
                yield self._event("message", answer=chunk.text, from_variable_selector=None)
        usage = model_invoke.usage_with_times(
            usage, started, first if self.streaming else None, time.perf_counter())
        self._finish(answer, usage)
        self.answer = answer
        yield self._event("message_end", metadata=self.metadata, files=[])

    def blocking(self) -> dict:
        for _ in self.events():
            pass
        return {"event": "message", "task_id": self.task_id, "id": self.message.id,
                "message_id": self.message.id, "conversation_id": self.conversation.id,
                "mode": self.app.mode, "answer": self.answer, "metadata": self.metadata,
                "created_at": int(time.time())}
