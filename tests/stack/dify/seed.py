"""Fill a new database: one workspace, a chat app, an advanced-chat app, two model vendors.

Reads its settings as JSON from stdin and prints the apps' keys as JSON. It runs once, before
the API starts, and not in a recorded container: it stands for an operator's set-up.
"""
import base64
import json
import secrets
import sys
from uuid import uuid4

import db
import models as m
from config import PROVIDER

FEATURES = {
    "file_upload": {"enabled": False}, "opening_statement": "",
    "retriever_resource": {"enabled": True}, "sensitive_word_avoidance": {"enabled": False},
    "speech_to_text": {"enabled": False}, "suggested_questions": [],
    "suggested_questions_after_answer": {"enabled": False},
    "text_to_speech": {"enabled": False, "voice": "", "language": ""},
}


def _node(name: str, kind: str, title: str, x: int, **data) -> dict:
    return {"data": {"desc": "", "title": title, "type": kind, "variables": [], **data},
            "height": 90, "id": name, "position": {"x": x, "y": 200},
            "positionAbsolute": {"x": x, "y": 200}, "sourcePosition": "right",
            "targetPosition": "left", "type": "custom", "width": 244}


def _edge(source: dict, target: dict) -> dict:
    data = {"isInIteration": False, "isInLoop": False, "sourceType": source["data"]["type"],
            "targetType": target["data"]["type"]}
    return {"data": data, "id": f"{source['id']}-{target['id']}", "source": source["id"],
            "sourceHandle": "source", "target": target["id"], "targetHandle": "target",
            "type": "custom", "zIndex": 0}


def _graph(model: str) -> dict:
    nodes = [
        _node("start", "start", "Start", 80),
        _node("doc", "document-extractor", "Document Extractor", 230,
              variable_selector=["sys", "files"]),
        _node("llm", "llm", "LLM", 380,
              context={"enabled": False, "variable_selector": []},
              memory={"query_prompt_template": "{{#sys.query#}}\n\n{{#sys.files#}}",
                      "role_prefix": {"assistant": "", "user": ""},
                      "window": {"enabled": False, "size": 10}},
              model={"completion_params": {"temperature": 0.7}, "mode": "chat", "name": model,
                     "provider": PROVIDER},
              prompt_template=[{"id": "p1", "role": "system",
                                "text": "You are a careful assistant."}],
              structured_output_enabled=False, vision={"enabled": False}),
        _node("answer", "answer", "Answer", 680, answer="{{#llm.text#}}"),
    ]
    return {"edges": [_edge(a, b) for a, b in zip(nodes, nodes[1:])], "nodes": nodes,
            "viewport": {"x": 0, "y": 0, "zoom": 1}}


def _credentials(vendor: dict) -> str:
    # Dify encrypts the key with the workspace's RSA key; who reads the database is not traced.
    return json.dumps({
        "display_name": vendor["model"],
        "api_key": base64.b64encode(vendor["api_key"].encode()).decode(),
        "endpoint_url": vendor["url"], "mode": "chat", "context_size": "32000",
        "max_tokens_to_sample": "4096", "agent_thought_support": "not_supported",
        "compatibility_mode": "strict", "token_param_name": "auto",
        "function_calling_type": "no_call", "stream_function_calling": "not_supported",
        "vision_support": "no_support", "structured_output_support": "not_supported",
        "stream_mode_auth": "not_use", "stream_mode_delimiter": "\\n\\n"})


def _providers(tenant_id: str, vendors: list[dict]) -> list:
    rows = [m.Provider(tenant_id=tenant_id, provider_name=PROVIDER, provider_type="custom",
                       is_valid=True, quota_used=0)]
    for vendor in vendors:
        about = dict(tenant_id=tenant_id, provider_name=PROVIDER, model_name=vendor["model"],
                     model_type="text-generation")
        credential = m.ProviderModelCredential(
            id=str(uuid4()), credential_name="default", encrypted_config=_credentials(vendor),
            **about)
        rows += [credential, m.ProviderModel(credential_id=credential.id, is_valid=True, **about)]
    rows.append(m.TenantDefaultModel(
        tenant_id=tenant_id, provider_name=PROVIDER, model_name=vendors[-1]["model"],
        model_type="text-generation"))
    return rows


def _app(tenant_id: str, mode: str, name: str, limit: int) -> tuple[m.App, m.ApiToken]:
    app = m.App(id=str(uuid4()), tenant_id=tenant_id, name=name, description="", mode=mode,
                status="normal", enable_site=True, enable_api=True, api_rpm=0, api_rph=0,
                max_active_requests=limit)
    token = m.ApiToken(app_id=app.id, tenant_id=tenant_id, type="app",
                       token="app-" + secrets.token_hex(12))
    return app, token


def main():
    settings = json.load(sys.stdin)
    m.Base.metadata.create_all(db.engine)
    tenant_id = str(uuid4())
    llm_model = settings["vendors"][0]["model"]
    limit = settings["max_active_requests"]
    chat, chat_token = _app(tenant_id, "chat", "Basic chat", limit)
    chat_config = m.AppModelConfig(id=str(uuid4()), app_id=chat.id, provider=PROVIDER,
                                   model_id=llm_model, pre_prompt="You are a careful assistant.")
    chat.app_model_config_id = chat_config.id
    flow, flow_token = _app(tenant_id, "advanced-chat", "Workflow chat", limit)
    workflow = m.Workflow(
        id=str(uuid4()), tenant_id=tenant_id, app_id=flow.id, type="chat",
        version=m.naive_utc_now().isoformat(" "), marked_name="", marked_comment="",
        graph=json.dumps(_graph(llm_model)), features=json.dumps(FEATURES), created_by=tenant_id)
    flow.workflow_id = workflow.id
    with db.session() as s:
        s.add_all([m.Tenant(id=tenant_id, name="stack"), chat, chat_token, chat_config,
                   flow, flow_token, workflow, *_providers(tenant_id, settings["vendors"])])
        s.commit()
        print(json.dumps({"tenant_id": tenant_id,
                          "chat": {"app_id": chat.id, "api_key": chat_token.token},
                          "workflow": {"app_id": flow.id, "workflow_id": workflow.id,
                                       "api_key": flow_token.token}}))


if __name__ == "__main__":
    main()
