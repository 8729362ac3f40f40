"""From a model's name to tokens: provider look-ups, then the plugin daemon over HTTP.

The daemon's call carries the whole prompt and the provider's key in clear, json.dumps
spelled, on a new connection each time; only user_id goes along, never a message id.
"""
import base64
import hashlib
import json
from dataclasses import dataclass, field

import httpx
import sqlalchemy as sa

import config
import db
import redis_ext
from models import (
    Provider, ProviderModel, ProviderModelCredential, ProviderModelSetting,
    TenantPreferredModelProvider, naive_utc_now,
)

CREDENTIALS_TTL_S = 86400
SCHEMA_TTL_S = 3600
LAST_USED_TTL_S = 600


@dataclass
class Model:
    tenant_id: str
    name: str
    credentials: dict = field(default_factory=dict)

    def schema_key(self) -> str:
        digests = [hashlib.md5(f"{k}:{v}".encode()).hexdigest()
                   for k, v in sorted(self.credentials.items())]
        return (f"{self.tenant_id}:{config.PLUGIN_ID}:openai_api_compatible:llm:{self.name}"
                + ":".join(digests))


@dataclass
class Chunk:
    text: str
    usage: dict | None
    finish_reason: str | None
    tool_calls: list


def _daemon_headers() -> dict:
    return {"X-Api-Key": config.PLUGIN_DAEMON_KEY, "Accept-Encoding": "gzip, deflate, br"}


def _fetch_plugin_models(tenant_id: str):
    httpx.request(
        "GET",
        f"{config.PLUGIN_DAEMON_URL}/plugin/{tenant_id}/management/models?page=1&page_size=256",
        headers=_daemon_headers(), timeout=30,
    ).raise_for_status()


def _credential(row) -> dict:
    key = f"provider_model_credentials:tenant_id:{row.tenant_id}:id:{row.id}"
    cached = redis_ext.client.get(key)
    if cached:
        return json.loads(cached)
    credentials = json.loads(row.encrypted_config)
    credentials["api_key"] = base64.b64decode(credentials["api_key"]).decode()
    redis_ext.client.setex(key, CREDENTIALS_TTL_S, json.dumps(credentials))
    return credentials


def resolve(tenant_id: str, model_name: str, with_plugins: bool) -> Model:
    """Look a model up, in the order and with the queries of Dify's provider manager."""
    of_tenant = lambda table: sa.select(table).where(table.tenant_id == tenant_id)
    db.fetch_all(of_tenant(Provider).where(Provider.is_valid.is_(sa.true())))
    db.fetch_all(of_tenant(ProviderModel).where(ProviderModel.is_valid.is_(sa.true())))
    if with_plugins:
        _fetch_plugin_models(tenant_id)
    db.fetch_all(of_tenant(TenantPreferredModelProvider))
    db.fetch_all(of_tenant(ProviderModelSetting))
    redis_ext.client.get(f"tenant:{tenant_id}:model_load_balancing_enabled")
    rows = db.fetch_all(of_tenant(ProviderModelCredential))
    model = Model(tenant_id, model_name)
    with db.session() as s:
        for row in rows:
            row = s.scalar(sa.select(ProviderModelCredential)
                           .where(ProviderModelCredential.id == row.id)
                           .execution_options(populate_existing=True))
            credentials = _credential(row)
            if row.model_name == model_name:
                model.credentials = credentials
    if not model.credentials:
        raise LookupError(f"no credentials for model {model_name}")
    return model


def read_schema(model: Model, times: int = 1):
    """The model's schema is read from the cache again and again in one chat."""
    for _ in range(times):
        if redis_ext.client.get(model.schema_key()) is None:
            schema = {
                "model": model.name, "label": {"zh_Hans": model.name, "en_US": model.name},
                "model_type": "llm", "features": [], "fetch_from": "customizable-model",
                "model_properties": {"context_size": 32000, "mode": "chat"},
                "deprecated": False,
                "parameter_rules": [
                    {"name": name, "type": "float", "label": {"en_US": name}, "required": False}
                    for name in ("temperature", "top_p", "frequency_penalty", "max_tokens")
                ],
            }
            redis_ext.client.setex(model.schema_key(), SCHEMA_TTL_S, json.dumps(schema))


def prompt(role: str, content: str, tool_calls: list | None = None) -> dict:
    message = {"role": role, "content": content, "name": None}
    return {**message, "tool_calls": tool_calls or []} if role == "assistant" else message


def dispatch(tenant_id: str, what: str, plugin_id: str, body: dict):
    """Yield the data of each answer of one call to the plugin daemon."""
    headers = {"X-Plugin-ID": plugin_id, "Content-Type": "application/json", **_daemon_headers()}
    url = f"{config.PLUGIN_DAEMON_URL}/plugin/{tenant_id}/dispatch/{what}/invoke"
    with httpx.stream("POST", url, headers=headers, content=json.dumps(body),
                      timeout=300) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            answer = json.loads(line[5:])
            if answer["code"] != 0:
                raise RuntimeError(f"plugin daemon: {answer['message']}")
            yield answer["data"]


def _body(model: Model, user_id: str, kind: str, **data) -> dict:
    return {"user_id": user_id, "data": {
        "provider": "openai_api_compatible", "model_type": kind, "model": model.name,
        "credentials": model.credentials, **data}}


def invoke(model: Model, user_id: str, messages: list[dict], parameters: dict, stream: bool,
           tools: list[dict] | None = None):
    """Yield the chunks of one LLM call."""
    body = _body(model, user_id, "llm", prompt_messages=messages, model_parameters=parameters,
                 tools=tools, stop=None, stream=stream)
    for data in dispatch(model.tenant_id, "llm", config.PLUGIN_ID, body):
        delta = data["delta"]
        yield Chunk(delta["message"]["content"], delta["usage"], delta["finish_reason"],
                    delta["message"]["tool_calls"] or [])


def embed(model: Model, user_id: str, texts: list[str], input_type: str) -> list[list[float]]:
    body = _body(model, user_id, "text-embedding", texts=texts, input_type=input_type)
    return next(dispatch(model.tenant_id, "text_embedding", config.PLUGIN_ID, body))["embeddings"]


def rerank(model: Model, user_id: str, query: str, docs: list[str], top_n: int) -> list[dict]:
    body = _body(model, user_id, "rerank", query=query, docs=docs, score_threshold=0.0,
                 top_n=top_n)
    return next(dispatch(model.tenant_id, "rerank", config.PLUGIN_ID, body))["docs"]


def usage_with_times(usage: dict, started: float, first: float | None, ended: float) -> dict:
    return {
        **usage,
        "latency": round(ended - started, 3),
        "time_to_first_token": first and round(first - started, 3),
        "time_to_generate": first and round(ended - first, 3),
    }


def mark_provider_used(tenant_id: str):
    key = f"provider:last_used:{tenant_id}:{config.PROVIDER}"
    redis_ext.client.get(key)
    now = naive_utc_now()
    redis_ext.client.setex(key, LAST_USED_TTL_S, str(now.timestamp()))
    with db.session() as s:
        s.execute(sa.update(Provider).where(Provider.tenant_id == tenant_id,
                                            Provider.provider_name == config.PROVIDER)
                  .values(last_used=now))
        s.commit()
