"""The rows of a workflow run: spelled by json.dumps in TEXT columns, written more than once.

Dify writes a finished node twice: first its sorted variables, then, after looking for an
offloaded copy, the same in their own order. Both are on the wire, so both are here.
"""
import json
from uuid import uuid4

import sqlalchemy as sa

import db
from models import WorkflowNodeExecution, WorkflowRun, naive_utc_now


def start_run(chat) -> None:
    with db.session() as s:
        s.get(WorkflowRun, chat.workflow_run_id)
        s.expunge_all()
        s.get(WorkflowRun, chat.workflow_run_id)
        workflow = chat.workflow
        s.add(WorkflowRun(
            id=chat.workflow_run_id, tenant_id=workflow.tenant_id, app_id=workflow.app_id,
            workflow_id=workflow.id, type="chat", triggered_from="app-run",
            version=workflow.version, graph=json.dumps(json.loads(workflow.graph)),
            inputs=json.dumps(chat.run_inputs), status="running", outputs="{}",
            elapsed_time=0, total_tokens=0, total_steps=0, created_by_role="end_user",
            created_by=chat.end_user_id, created_at=naive_utc_now(), exceptions_count=0))
        s.commit()


def finish_run(chat, outputs: dict, elapsed_s: float, tokens: int, steps: int) -> None:
    with db.session() as s:
        run = s.get(WorkflowRun, chat.workflow_run_id)
        run.status = "succeeded"
        run.outputs = json.dumps(outputs)
        run.elapsed_time = round(elapsed_s, 6)
        run.total_tokens, run.total_steps = tokens, steps
        run.finished_at = naive_utc_now()
        s.commit()


def start_node(chat, node: dict, index: int) -> str:
    node_execution_id = str(uuid4())
    with db.session() as s:
        s.get(WorkflowNodeExecution, node_execution_id)
        workflow = chat.workflow
        s.add(WorkflowNodeExecution(
            id=node_execution_id, tenant_id=workflow.tenant_id, app_id=workflow.app_id,
            workflow_id=workflow.id, triggered_from="workflow-run",
            workflow_run_id=chat.workflow_run_id, index=index,
            node_execution_id=node_execution_id, node_id=node["id"],
            node_type=node["data"]["type"], title=node["data"]["title"], status="running",
            elapsed_time=0.0,
            execution_metadata=json.dumps({"iteration_id": None, "loop_id": None}),
            created_at=naive_utc_now(), created_by_role="end_user", created_by=chat.end_user_id))
        s.commit()
    return node_execution_id


def finish_node(node_execution_id: str, inputs: dict, process_data: dict, outputs: dict,
                elapsed_s: float, metadata: dict | None) -> None:
    dump = lambda value: json.dumps(value, sort_keys=True)
    with db.session() as s:
        row = s.get(WorkflowNodeExecution, node_execution_id)
        row.inputs, row.process_data, row.outputs = dump(inputs), dump(process_data), dump(outputs)
        row.status = "succeeded"
        row.elapsed_time = round(elapsed_s, 6)
        row.execution_metadata = metadata and json.dumps(metadata)
        row.finished_at = naive_utc_now()
        s.commit()
    _write_unsorted(node_execution_id, inputs, process_data, outputs)


def _write_unsorted(node_execution_id: str, inputs: dict, process_data: dict, outputs: dict):
    with db.session() as s:
        s.scalar(sa.select(WorkflowNodeExecution)
                 .where(WorkflowNodeExecution.id == node_execution_id)
                 .options(sa.orm.selectinload(WorkflowNodeExecution.offload_data)))
    with db.session() as s:
        row = s.get(WorkflowNodeExecution, node_execution_id)
        assert row.offload_data == []
        row.inputs, row.process_data, row.outputs = (
            json.dumps(inputs), json.dumps(process_data), json.dumps(outputs))
        # Nothing is sent where the order of keys happens to be the sorted one.
        s.commit()
