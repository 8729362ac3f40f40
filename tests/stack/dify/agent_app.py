"""The agent chat app: the model asks for a tool, the plugin daemon runs it, the model answers.

It runs wholly in the API process, like the basic chat. What the tool gives goes into the next
prompt, into message_agent_thoughts.observation and, as an event, to the client.
"""
import json
import time

import sqlalchemy as sa

import db
import model_invoke
import records
from chat_app import BasicChat
from models import App, MessageAgentThought

MAX_STEPS = 5
PROVIDER, PLUGIN_ID, TOOL = "directory", "langgenius/directory", "directory_search"
TOOLS = [{"name": TOOL, "description": "Looks a question up in the company's directory.",
          "parameters": {"type": "object", "required": ["query"], "properties": {
              "query": {"type": "string", "description": "what to look for"}}}}]


class AgentChat(BasicChat):
    """Streaming only, as in Dify."""

    def _work(self):
        try:
            records.reload_message(self.conversation.id, self.message.id)
            db.fetch(sa.select(App).where(App.id == self.app.id))
            self.prompts = self._prompts(records.history(self.conversation.id, self.message.id))
            for position in range(1, MAX_STEPS + 1):
                if not self._step(position):
                    break
            self._queue.put(None)
        except Exception as error:  # handed to the request's thread, which answers with it
            self._queue.put(error)

    def _step(self, position: int) -> bool:
        """One turn of the model; true when it asked for a tool, which then has answered."""
        thought = self._new_thought(position)
        self._queue.put(thought)
        text, calls = "", []
        for chunk in model_invoke.invoke(self.model, self.end_user.id, self.prompts,
                                         {"temperature": 0.7}, True, TOOLS):
            text += chunk.text
            calls += chunk.tool_calls
            self._queue.put(chunk)
        thought = self._save(thought.id, thought=text, answer=text,
                             tool=";".join(c["function"]["name"] for c in calls),
                             tool_input=json.dumps({c["function"]["name"]:
                                                    json.loads(c["function"]["arguments"])
                                                    for c in calls}, ensure_ascii=False))
        self._queue.put(thought)
        if not calls:
            return False
        self.prompts.append(model_invoke.prompt("assistant", text, calls))
        observed = {}
        for call in calls:
            result = self._call_tool(json.loads(call["function"]["arguments"]))
            observed[call["function"]["name"]] = result
            self.prompts.append({"role": "tool", "content": result,
                                 "name": call["function"]["name"], "tool_call_id": call["id"]})
        self._queue.put(self._save(thought.id,
                                   observation=json.dumps(observed, ensure_ascii=False)))
        return True

    def _call_tool(self, parameters: dict) -> str:
        """Text as it is, JSON as json.dumps spells it; the ids of the chat go along."""
        body = {"user_id": self.end_user.id, "conversation_id": self.conversation.id,
                "app_id": self.app.id, "message_id": self.message.id,
                "data": {"provider": PROVIDER, "tool": TOOL, "credentials": {},
                         "credential_type": "unauthorized", "tool_parameters": parameters}}
        parts = []
        for message in model_invoke.dispatch(self.app.tenant_id, "tool", PLUGIN_ID, body):
            if message["type"] == "text":
                parts.append(message["message"]["text"])
            elif message["type"] == "json":
                parts.append(json.dumps(message["message"]["json_object"], ensure_ascii=False))
        return "".join(parts)

    def _new_thought(self, position: int) -> MessageAgentThought:
        with db.session() as s:
            row = MessageAgentThought(
                message_id=self.message.id, position=position, thought="", tool="", tool_input="",
                message="", message_token=0, message_unit_price=0, message_price_unit=0,
                message_files="[]", answer="", answer_token=0, answer_unit_price=0,
                answer_price_unit=0, tokens=0, total_price=0, currency="USD", latency=0,
                created_by_role="end_user", created_by=self.end_user.id)
            s.add(row)
            s.commit()
            s.refresh(row)
        return row

    def _save(self, thought_id: str, **values) -> MessageAgentThought:
        with db.session() as s:
            row = s.scalar(sa.select(MessageAgentThought).where(
                MessageAgentThought.id == thought_id))
            for name, value in values.items():
                setattr(row, name, value)
            s.commit()
            s.refresh(row)
        return row

    def _thought_event(self, row: MessageAgentThought) -> dict:
        event = self._event("agent_thought")
        return event | {"id": row.id, "position": row.position, "thought": row.thought,
                        "observation": row.observation or "", "tool": row.tool,
                        "tool_labels": {}, "tool_input": row.tool_input, "message_files": []}

    def events(self):
        answer, usage, first, started = "", {}, None, time.perf_counter()
        for item in self._chunks():
            if isinstance(item, MessageAgentThought):
                yield self._thought_event(item)
                continue
            first = first or time.perf_counter()
            answer += item.text
            usage = item.usage or usage
            yield self._event("agent_message", answer=item.text)
        usage = model_invoke.usage_with_times(usage, started, first, time.perf_counter())
        self._finish(answer, usage)
        self.answer = answer
        yield self._event("message_end", metadata=self.metadata, files=[])
