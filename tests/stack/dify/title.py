"""The auto-title: a side exit of the text, about a second after the chat began.

It runs in the process that ran the chat, goes to the workspace's default model (here at
another vendor), and carries no user.
"""
import hashlib
import json
import logging
import threading

import sqlalchemy as sa

import config
import db
import model_invoke
import redis_ext
from models import App, Conversation, TenantDefaultModel

logger = logging.getLogger(__name__)

DELAY_S = 1.0
TITLE_TTL_S = 3600
LONG_QUERY = 2000
CUT = 300

# What the model is asked, as in the captures.
PROMPT = (
    "You are asked to generate a concise chat title by decomposing the user\u2019s input into two"
    " parts: \u201cIntention\u201d and \u201cSubject\u201d.\n\n1. Detect Input Language\n"
    "Automatically identify the language of the user\u2019s input (e.g. English, Chinese, Italian,"
    " Espa\u00f1ol, Arabic, Japanese, French, and etc.).\n\n2. Generate Title\n"
    "- Combine Intention + Subject into a single, as-short-as-possible phrase.\n"
    "- The title must be natural, friendly, and in the same language as the input.\n"
    "- If the input is a direct question to the model, you may add an emoji at the end.\n\n"
    "3. Output Format\n"
    "Return **only** a valid JSON object with these exact keys and no additional text:\n{\n"
    "  \"Language Type\": \"<Detected language>\",\n"
    "  \"Your Reasoning\": \"<Brief explanation in that language>\",\n"
    "  \"Your Output\": \"<Intention + Subject>\"\n}\n\nUser Input:\n"
)


def start(conversation_id: str, query: str):
    """Name a new conversation in the background."""
    if not config.AUTO_TITLE:
        return
    timer = threading.Timer(DELAY_S, _run, (conversation_id, query))
    timer.daemon = True
    timer.start()


def _run(conversation_id: str, query: str):
    try:
        _name(conversation_id, query)
    except Exception:
        logger.exception("generate conversation name failed")


def _name(conversation_id: str, query: str):
    with db.session() as s:
        conversation = s.scalar(sa.select(Conversation).where(Conversation.id == conversation_id))
        tenant_id = db.fetch(sa.select(App).where(App.id == conversation.app_id)).tenant_id
        digest = hashlib.md5(query.encode()).hexdigest()[:16]
        cache_key = f"conv_name:{conversation_id}:{digest}"
        cached = redis_ext.client.get(cache_key)
        name = cached.decode() if cached else _generate(s, tenant_id, query)
        if not cached:
            redis_ext.client.setex(cache_key, TITLE_TTL_S, name)
        s.query(App).where(App.id == conversation.app_id).first()
        conversation.name = name
        s.commit()


def _generate(s, tenant_id: str, query: str) -> str:
    default = s.scalar(sa.select(TenantDefaultModel).where(
        TenantDefaultModel.tenant_id == tenant_id,
        TenantDefaultModel.model_type == "text-generation"))
    model = model_invoke.resolve(tenant_id, default.model_name, with_plugins=True)
    if len(query) > LONG_QUERY:
        query = query[:CUT] + "...[TRUNCATED]..." + query[-CUT:]
    messages = [model_invoke.prompt("user", PROMPT + query.replace("\n", " ") + "\n")]
    parameters = {"max_tokens": 500, "temperature": 1}
    answer = "".join(c.text for c in model_invoke.invoke(
        model, "unknown", messages, parameters, stream=False))
    name = json.loads(answer)["Your Output"].strip()
    return name if len(name) <= 75 else name[:75] + "..."
