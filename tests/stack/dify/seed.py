"""Fill a new database: one workspace with its apps, an empty dataset, two model vendors.

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


CONTEXT = ("Use the following context as your learned knowledge, inside <context></context> XML "
           "tags.\n\n<context>\n{{#context#}}\n</context>\n\nYou are a careful assistant.")


def _document_node() -> dict:
    return _node("doc", "document-extractor", "Document Extractor", 230,
                 variable_selector=["sys", "files"])


def _knowledge_node(dataset_id: str, rerank_model: str) -> dict:
    return _node("knowledge", "knowledge-retrieval", "Knowledge Retrieval", 230,
                 query_variable_selector=["sys", "query"], dataset_ids=[dataset_id],
                 retrieval_mode="multiple", multiple_retrieval_config={
                     "top_k": 4, "score_threshold": None, "reranking_enable": True,
                     "reranking_mode": "reranking_model",
                     "reranking_model": {"provider": PROVIDER, "model": rerank_model}})


def _graph(model: str, before: dict, system: str) -> dict:
    nodes = [
        _node("start", "start", "Start", 80),
        before,
        _node("llm", "llm", "LLM", 380,
              context={"enabled": False, "variable_selector": []},
              memory={"query_prompt_template": "{{#sys.query#}}\n\n{{#sys.files#}}",
                      "role_prefix": {"assistant": "", "user": ""},
                      "window": {"enabled": False, "size": 10}},
              model={"completion_params": {"temperature": 0.7}, "mode": "chat", "name": model,
                     "provider": PROVIDER},
              prompt_template=[{"id": "p1", "role": "system", "text": system}],
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
    models = [(v, v["model"], "text-generation") for v in vendors]
    models += [(vendors[0], vendors[0]["embedding_model"], "embeddings"),
               (vendors[0], vendors[0]["rerank_model"], "reranking")]
    for vendor, model, kind in models:
        about = dict(tenant_id=tenant_id, provider_name=PROVIDER, model_name=model,
                     model_type=kind)
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


def _workflow(app: m.App, graph: dict) -> m.Workflow:
    workflow = m.Workflow(
        id=str(uuid4()), tenant_id=app.tenant_id, app_id=app.id, type="chat",
        version=m.naive_utc_now().isoformat(" "), marked_name="", marked_comment="",
        graph=json.dumps(graph), features=json.dumps(FEATURES), created_by=app.tenant_id)
    app.workflow_id = workflow.id
    return workflow


def _config(app: m.App, model: str) -> m.AppModelConfig:
    config = m.AppModelConfig(id=str(uuid4()), app_id=app.id, provider=PROVIDER, model_id=model,
                              pre_prompt="You are a careful assistant.")
    app.app_model_config_id = config.id
    return config


def _dataset(tenant_id: str, vendor: dict) -> tuple[m.Dataset, m.ApiToken]:
    dataset = m.Dataset(id=str(uuid4()), tenant_id=tenant_id, name="Handbook", description="",
                        data_source_type="upload_file", indexing_technique="high_quality",
                        embedding_model=vendor["embedding_model"],
                        embedding_model_provider=PROVIDER, created_by=str(uuid4()))
    token = m.ApiToken(tenant_id=tenant_id, type="dataset",
                       token="dataset-" + secrets.token_hex(12))
    return dataset, token


def main():
    settings = json.load(sys.stdin)
    m.Base.metadata.create_all(db.engine)
    tenant_id, vendor = str(uuid4()), settings["vendors"][0]
    dataset, dataset_token = _dataset(tenant_id, vendor)
    rows = [m.Tenant(id=tenant_id, name="stack"), dataset, dataset_token,
            *_providers(tenant_id, settings["vendors"])]
    made = {"tenant_id": tenant_id,
            "dataset": {"dataset_id": dataset.id, "api_key": dataset_token.token}}
    for name, mode, title, extra in (
            ("chat", "chat", "Basic chat", lambda app: _config(app, vendor["model"])),
            ("agent", "agent-chat", "Agent", lambda app: _config(app, vendor["model"])),
            ("workflow", "advanced-chat", "Workflow chat", lambda app: _workflow(app, _graph(
                vendor["model"], _document_node(), "You are a careful assistant."))),
            ("knowledge", "advanced-chat", "Knowledge chat", lambda app: _workflow(app, _graph(
                vendor["model"], _knowledge_node(dataset.id, vendor["rerank_model"]), CONTEXT)))):
        app, token = _app(tenant_id, mode, title, settings["max_active_requests"])
        rows += [app, token, extra(app)]
        made[name] = {"app_id": app.id, "workflow_id": app.workflow_id, "api_key": token.token}
    with db.session() as s:
        s.add_all(rows)
        s.commit()
        print(json.dumps(made))


if __name__ == "__main__":
    main()
