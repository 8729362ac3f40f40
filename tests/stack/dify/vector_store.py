"""Dify's pgvector store: psycopg2 without SQLAlchemy, on a database of its own.

One table for each dataset, named after it; on the wire the name has 64 characters, of which
Postgres keeps 63. A vector goes in as ARRAY[…] and is searched for as a literal '[…]'.
"""
import json
from contextlib import contextmanager

import psycopg2.extras
import psycopg2.pool

import config
import redis_ext

_pool = None


@contextmanager
def _cursor():
    global _pool
    if _pool is None:
        _pool = psycopg2.pool.ThreadedConnectionPool(
            config.PGVECTOR_MIN_CONNECTION, config.PGVECTOR_MAX_CONNECTION,
            host=config.PGVECTOR_HOST, port=config.PGVECTOR_PORT, user=config.PGVECTOR_USER,
            password=config.PGVECTOR_PASSWORD, database=config.PGVECTOR_DATABASE)
    connection = _pool.getconn()
    try:
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        _pool.putconn(connection)


def collection_of(dataset_id: str) -> str:
    return f"Vector_index_{dataset_id.replace('-', '_')}_Node"


def _create(collection: str, dimensions: int):
    key = f"vector_indexing_{collection}"
    with redis_ext.client.lock(f"{key}_lock", timeout=20):
        if redis_ext.client.get(key):
            return
        table = f"embedding_{collection}"
        with _cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
            if not cursor.fetchone():
                cursor.execute("CREATE EXTENSION vector")
            cursor.execute(f"""
CREATE TABLE IF NOT EXISTS {table} (
    id UUID PRIMARY KEY,
    text TEXT NOT NULL,
    meta JSONB NOT NULL,
    embedding vector({dimensions}) NOT NULL
) using heap;
""")
            cursor.execute(f"CREATE INDEX IF NOT EXISTS embedding_cosine_v1_idx ON {table}\n"
                           "USING hnsw (embedding vector_cosine_ops) "
                           "WITH (m = 16, ef_construction = 64);")
        redis_ext.client.set(key, 1, ex=3600)


def add(collection: str, rows: list[tuple[str, str, dict, list[float]]]):
    """Rows of id, text, metadata and vector."""
    _create(collection, len(rows[0][3]))
    with _cursor() as cursor:
        psycopg2.extras.execute_values(
            cursor, f"INSERT INTO embedding_{collection} (id, text, meta, embedding) VALUES %s",
            [(node_id, text, json.dumps(meta), vector) for node_id, text, meta, vector in rows])


def search(collection: str, vector: list[float], top_k: int) -> list[dict]:
    with _cursor() as cursor:
        cursor.execute(
            f"SELECT meta, text, embedding <=> %s AS distance FROM embedding_{collection}"
            f"  ORDER BY distance LIMIT {top_k}", (json.dumps(vector),))
        return [{"text": text, "metadata": {**meta, "score": 1 - distance}}
                for meta, text, distance in cursor]
