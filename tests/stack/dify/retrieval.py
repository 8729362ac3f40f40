"""Retrieval: the query's vector, the nearest rows of pgvector, rerank, the segments' own rows."""
import json

import sqlalchemy as sa

import db
import embeddings
import model_invoke
import vector_store
from models import Dataset, DatasetQuery, Document, DocumentSegment

TOP_K = 4


def search(tenant_id: str, app_id: str, user_id: str, dataset_ids: list[str],
           rerank_model: str, query: str) -> list[dict]:
    """The result of a knowledge retrieval node: text, title and metadata of each segment."""
    found = []
    for dataset_id in dataset_ids:
        dataset = db.fetch(sa.select(Dataset).where(
            Dataset.tenant_id == tenant_id, Dataset.id == dataset_id))
        model = model_invoke.resolve(tenant_id, dataset.embedding_model, with_plugins=False)
        vector = embeddings.of_query(model, user_id, query)
        found += vector_store.search(vector_store.collection_of(dataset.id), vector, TOP_K)
    if not found:
        return []
    found = _rerank(tenant_id, user_id, rerank_model, query, found)
    _keep_query(app_id, user_id, dataset_ids, query)
    return _with_segments(found)


def _rerank(tenant_id: str, user_id: str, name: str, query: str, found: list[dict]) -> list[dict]:
    model = model_invoke.resolve(tenant_id, name, with_plugins=False)
    ranked = model_invoke.rerank(model, user_id, query, [x["text"] for x in found], TOP_K)
    return [{**found[doc["index"]],
             "metadata": {**found[doc["index"]]["metadata"], "score": doc["score"]}}
            for doc in ranked]


def _keep_query(app_id: str, user_id: str, dataset_ids: list[str], query: str):
    with db.session() as s:
        for dataset_id in dataset_ids:
            s.add(DatasetQuery(
                dataset_id=dataset_id, source="app", source_app_id=app_id,
                content=json.dumps([{"content_type": "text_query", "content": query}]),
                created_by_role="end_user", created_by=user_id))
        s.commit()


def _with_segments(found: list[dict]) -> list[dict]:
    """What goes on is not the vector store's text but that of the segments in Postgres."""
    order = {x["metadata"]["doc_id"]: position for position, x in enumerate(found)}
    with db.session() as s:
        documents = {d.id: d for d in s.scalars(sa.select(Document).where(
            Document.id.in_({x["metadata"]["document_id"] for x in found}),
            Document.enabled.is_(sa.true()), Document.archived.is_(sa.false())))}
        segments = s.scalars(sa.select(DocumentSegment).where(
            DocumentSegment.enabled.is_(sa.true()), DocumentSegment.status == "completed",
            DocumentSegment.index_node_id.in_(list(order)))).all()
        s.execute(sa.update(DocumentSegment).where(
            DocumentSegment.id.in_([x.id for x in segments]))
            .values(hit_count=DocumentSegment.hit_count + 1))
        s.commit()
        datasets = {x.id: x for x in s.scalars(sa.select(Dataset).where(
            Dataset.id.in_({x.dataset_id for x in segments})))}
    segments.sort(key=lambda x: order[x.index_node_id])
    return [_result(position, x, documents[x.document_id], datasets[x.dataset_id],
                    found[order[x.index_node_id]]["metadata"]["score"])
            for position, x in enumerate(segments, start=1)]


def _result(position: int, segment: DocumentSegment, document: Document, dataset: Dataset,
            score: float) -> dict:
    return {
        "metadata": {
            "_source": "knowledge", "dataset_id": dataset.id, "dataset_name": dataset.name,
            "document_id": document.id, "document_name": document.name,
            "data_source_type": document.data_source_type, "segment_id": segment.id,
            "retriever_from": "workflow", "score": score, "child_chunks": [],
            "segment_hit_count": segment.hit_count, "segment_word_count": segment.word_count,
            "segment_position": segment.position,
            "segment_index_node_hash": segment.index_node_hash,
            "doc_metadata": document.doc_metadata, "position": position},
        "title": document.name, "files": None, "content": segment.content, "summary": None}


def resources(result: list[dict]) -> list[dict]:
    """The retriever resources of the message's metadata, as the service API shows them."""
    return [{"position": x["metadata"]["position"], "dataset_id": x["metadata"]["dataset_id"],
             "dataset_name": x["metadata"]["dataset_name"],
             "document_id": x["metadata"]["document_id"],
             "document_name": x["metadata"]["document_name"],
             "data_source_type": x["metadata"]["data_source_type"],
             "segment_id": x["metadata"]["segment_id"], "retriever_from": "workflow",
             "score": x["metadata"]["score"], "content": x["content"]} for x in result]
