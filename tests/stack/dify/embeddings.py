"""Embeddings through Dify's caches: pickled in Postgres for documents, base64 in Redis for queries.

Both hold the vector at length 1. The keys are hashes of the text, so no cache is found by its text.
"""
import array
import base64
import hashlib
import math
import pickle

import sqlalchemy as sa

import config
import db
import model_invoke
import redis_ext
from models import Embedding

QUERY_TTL_S = 600
MAX_CHUNKS = 10  # texts a call, as the model's schema says


def text_hash(text: str) -> str:
    return hashlib.sha256((text + "None").encode()).hexdigest()


def _unit(vector: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def of_query(model: model_invoke.Model, user_id: str, text: str) -> list[float]:
    key = f"{config.PROVIDER}_{model.name}_{text_hash(text)}"
    cached = redis_ext.client.get(key)
    if cached:
        redis_ext.client.expire(key, QUERY_TTL_S)
        return list(array.array("d", base64.b64decode(cached)))
    vector = _unit(model_invoke.embed(model, user_id, [text], "query")[0])
    redis_ext.client.setex(key, QUERY_TTL_S, base64.b64encode(array.array("d", vector)).decode())
    return vector


def _cached(model: model_invoke.Model, text: str) -> list[float] | None:
    row = db.fetch(sa.select(Embedding).where(
        Embedding.model_name == model.name, Embedding.hash == text_hash(text),
        Embedding.provider_name == config.PROVIDER).limit(1))
    return row and pickle.loads(row.embedding)


def of_documents(model: model_invoke.Model, user_id: str, texts: list[str]) -> list[list[float]]:
    vectors = [_cached(model, text) for text in texts]
    missing = [i for i, vector in enumerate(vectors) if vector is None]
    for at in range(0, len(missing), MAX_CHUNKS):
        batch = missing[at:at + MAX_CHUNKS]
        made = model_invoke.embed(model, user_id, [texts[i] for i in batch], "document")
        for i, vector in zip(batch, made, strict=True):
            vectors[i] = _unit(vector)
    with db.session() as s:
        for i in missing:
            s.add(Embedding(model_name=model.name, hash=text_hash(texts[i]),
                            provider_name=config.PROVIDER,
                            embedding=pickle.dumps(vectors[i], protocol=pickle.HIGHEST_PROTOCOL)))
        s.commit()
    return vectors
