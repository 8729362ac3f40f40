"""A document on its way into a dataset: extract, split, rows, embeddings, vector store.

The API takes the file and enqueues; the worker reads it back from S3 and does the rest. The file's
text is in S3 whole, then in pieces in document_segments, in the embedding calls, and in pgvector.
"""
import hashlib
import json
import random
import re
import time
from uuid import uuid4

import sqlalchemy as sa

import db
import embeddings
import model_invoke
import storage
import vector_store
from models import Dataset, DatasetProcessRule, Document, DocumentSegment, UploadFile
from models import naive_utc_now

RULES = {"pre_processing_rules": [{"id": "remove_extra_spaces", "enabled": True},
                                  {"id": "remove_urls_emails", "enabled": False}],
         "segmentation": {"delimiter": "\n", "max_tokens": 500, "chunk_overlap": 50}}
MAX_CHARACTERS = 500


def add_document(dataset: Dataset, file: UploadFile, user_id: str) -> Document:
    """The rows of a new document, written by the API."""
    batch = time.strftime("%Y%m%d%H%M%S") + str(random.randint(100000, 999999))
    with db.session() as s:
        position = s.scalar(sa.select(sa.func.max(Document.position))
                            .where(Document.dataset_id == dataset.id)) or 0
        rule = DatasetProcessRule(dataset_id=dataset.id, mode="automatic",
                                  rules=json.dumps(RULES), created_by=user_id)
        s.add(rule)
        s.flush()
        document = Document(
            tenant_id=dataset.tenant_id, dataset_id=dataset.id, position=position + 1,
            data_source_type="upload_file",
            data_source_info=json.dumps({"upload_file_id": file.id}),
            dataset_process_rule_id=rule.id, batch=batch, name=file.name, created_from="api",
            created_by=user_id, doc_form="text_model", doc_language="English", is_paused=False)
        s.add(document)
        s.commit()
        s.refresh(document)
    return document


def split(text: str) -> list[str]:
    """Paragraphs, joined as long as they fit together."""
    pieces: list[str] = []
    for paragraph in re.split(r"\n\n+", text):
        paragraph = re.sub(r"[\t\f\r\x20\u00a0]{2,}", " ", paragraph).strip()
        if not paragraph:
            continue
        if pieces and len(pieces[-1]) + len(paragraph) + 2 <= MAX_CHARACTERS:
            pieces[-1] += "\n\n" + paragraph
        else:
            pieces.append(paragraph)
    return pieces


def run(dataset_id: str, document_ids: list[str]):
    for document_id in document_ids:
        dataset = db.fetch(sa.select(Dataset).where(Dataset.id == dataset_id).limit(1))
        document = db.fetch(sa.select(Document).where(
            Document.id == document_id, Document.dataset_id == dataset_id).limit(1))
        try:
            _index(dataset, document)
        except Exception as error:
            _mark(document.id, indexing_status="error", error=type(error).__name__,
                  stopped_at=naive_utc_now())
            raise


def _mark(document_id: str, **values):
    with db.session() as s:
        s.execute(sa.update(Document).where(Document.id == document_id).values(**values))
        s.commit()


def _extract(document: Document) -> str:
    _mark(document.id, indexing_status="parsing", processing_started_at=naive_utc_now())
    db.fetch(sa.select(DatasetProcessRule).where(
        DatasetProcessRule.id == document.dataset_process_rule_id))
    file_id = json.loads(document.data_source_info)["upload_file_id"]
    file = db.fetch(sa.select(UploadFile).where(UploadFile.id == file_id))
    text = storage.load(file.key).decode("utf-8", "replace")
    _mark(document.id, indexing_status="splitting", word_count=len(text),
          parsing_completed_at=naive_utc_now())
    return text


def _save_segments(dataset: Dataset, document: Document, texts: list[str]) -> list[dict]:
    segments = []
    with db.session() as s:
        for position, text in enumerate(texts, start=1):
            node_id, digest = str(uuid4()), hashlib.sha256(text.encode()).hexdigest()
            s.scalar(sa.select(DocumentSegment).where(
                DocumentSegment.dataset_id == dataset.id,
                DocumentSegment.index_node_id == node_id))
            s.add(DocumentSegment(
                tenant_id=dataset.tenant_id, dataset_id=dataset.id, document_id=document.id,
                index_node_id=node_id, index_node_hash=digest, position=position, content=text,
                word_count=len(text), tokens=0, enabled=False, created_by=document.created_by))
            s.flush()
            s.commit()
            segments.append({"node_id": node_id, "hash": digest, "text": text})
    return segments


def _index(dataset: Dataset, document: Document):
    segments = _save_segments(dataset, document, split(_extract(document)))
    now = naive_utc_now()
    _mark(document.id, indexing_status="indexing", cleaning_completed_at=now,
          splitting_completed_at=now)
    with db.session() as s:
        s.execute(sa.update(DocumentSegment).where(DocumentSegment.document_id == document.id)
                  .values(status="indexing", indexing_at=now))
        s.commit()
    model = model_invoke.resolve(dataset.tenant_id, dataset.embedding_model, with_plugins=True)
    vectors = embeddings.of_documents(model, document.created_by, [x["text"] for x in segments])
    vector_store.add(vector_store.collection_of(dataset.id), [
        (x["node_id"], x["text"], {"doc_id": x["node_id"], "doc_hash": x["hash"],
                                   "document_id": document.id, "dataset_id": dataset.id}, vector)
        for x, vector in zip(segments, vectors, strict=True)])
    now = naive_utc_now()
    with db.session() as s:
        s.execute(sa.update(DocumentSegment).where(
            DocumentSegment.document_id == document.id, DocumentSegment.dataset_id == dataset.id,
            DocumentSegment.index_node_id.in_([x["node_id"] for x in segments]))
            .values(status="completed", enabled=True, completed_at=now))
        s.commit()
    _mark(document.id, indexing_status="completed", tokens=0, completed_at=now)
