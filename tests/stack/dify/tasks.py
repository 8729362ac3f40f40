"""The Celery tasks: one runs a streaming workflow chat and publishes its events, one indexes a document."""
import json
import logging
import ssl
from dataclasses import dataclass

import orjson
from celery import Celery

import config
import indexing
import redis_ext
import workflow_app

logger = logging.getLogger(__name__)

QUEUE = "workflow_based_app_execution"
_tls = {"ssl_cert_reqs": ssl.CERT_NONE} if config.REDIS_USE_SSL else None

celery = Celery("dify", broker=config.redis_url(1), broker_use_ssl=_tls, task_ignore_result=True)
celery.conf.update(
    broker_connection_retry_on_startup=True,
    # The handlers of logs.py stay: the log file and stdout, one write each.
    worker_hijack_root_logger=False,
    timezone="UTC",
)


@dataclass
class AppExecutionParams:
    """The payload of the task; its repr is what the worker's log shows."""

    app_id: str
    workflow_id: str
    tenant_id: str
    app_mode: str
    user: dict
    args: dict
    invoke_from: str
    streaming: bool
    call_depth: int
    root_node_id: str | None
    workflow_run_id: str

    def dumps(self) -> str:
        """Raw UTF-8, as pydantic writes it; Celery's own JSON around it spells \\uXXXX."""
        return json.dumps(self.__dict__, ensure_ascii=False, separators=(",", ":"))


@celery.task(name="tasks.app_generate.workflow_execute_task.workflow_based_app_execution_task",
             queue=QUEUE, ignore_result=True)
def workflow_based_app_execution_task(payload: str):
    params = AppExecutionParams(**orjson.loads(payload))
    logger.info("workflow_based_app_execution_task run with params: %s", params)
    channel = redis_ext.channel_of(params.app_mode, params.workflow_run_id)
    try:
        chat = workflow_app.Chatflow(params.app_id, params.workflow_id,
                                     params.user["end_user_id"], params.args,
                                     params.workflow_run_id)
        for event in chat.events():
            redis_ext.broadcast.publish(channel, orjson.dumps(event))
    except Exception as error:
        # Without this the API's stream would wait for an end that never comes.
        logger.exception("workflow run failed")
        redis_ext.broadcast.publish(channel, orjson.dumps(
            {"event": "error", "code": "internal_server_error", "status": 500,
             "message": type(error).__name__, "workflow_run_id": params.workflow_run_id}))


@celery.task(name="tasks.document_indexing_task.priority_document_indexing_task",
             queue="priority_dataset", ignore_result=True)
def priority_document_indexing_task(tenant_id: str, dataset_id: str, document_ids: list[str]):
    logger.info("priority document indexing task received: %s - %s - %s", tenant_id, dataset_id,
                document_ids)
    indexing.run(dataset_id, document_ids)
