"""Dify's tables, with its names and column order: both are on the wire in every query.

Only the columns that Dify 1.13.3 itself names in the queries of a chat are here. A column
is `name:type`, with text as the default type and `=` before a server-side default.
"""
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, relationship


class Base(DeclarativeBase):
    pass


NOW = sa.func.current_timestamp()

TYPES = {
    # as_uuid=False keeps Dify's str ids and the '…'::UUID casts that it sends.
    "uuid": lambda: postgresql.UUID(as_uuid=False),
    "json": sa.JSON,
    "int": sa.Integer,
    "float": sa.Float,
    "num": sa.Numeric,
    "bool": sa.Boolean,
    "ts": sa.DateTime,
    "text": sa.Text,
    "bytes": sa.LargeBinary,
}


def column(spec: str):
    name, _, rest = spec.partition(":")
    kind, _, default = rest.partition("=")
    extra = {}
    if name == "id" and not kind:
        kind = "uuid"
        extra = {"default": lambda: str(uuid4())}
    if name in ("created_at", "updated_at") and not kind:
        kind = "ts"
        extra["server_default"] = NOW
        if name == "updated_at":
            extra["onupdate"] = NOW
    if default:
        extra["server_default"] = sa.text(default)
    return name, sa.Column(name, TYPES[kind or "text"](), primary_key=name == "id", **extra)


def table(cls: str, name: str, columns: str, **more):
    attributes = dict(column(c) for c in columns.split())
    return type(cls, (Base,), {"__tablename__": name, **attributes, **more})


App = table(
    "App", "apps",
    "id tenant_id:uuid name description mode icon_type icon icon_background"
    " app_model_config_id:uuid workflow_id:uuid status enable_site:bool enable_api:bool"
    " api_rpm:int api_rph:int is_demo:bool=false is_public:bool=false is_universal:bool=false"
    " max_active_requests:int tracing created_by:uuid created_at updated_by:uuid updated_at"
    " use_icon_as_answer_icon:bool=false",
)
ApiToken = table(
    "ApiToken", "api_tokens",
    "id app_id:uuid tenant_id:uuid type token last_used_at:ts created_at",
)
Tenant = table(
    "Tenant", "tenants",
    "id name encrypt_public_key plan:text='basic' status:text='normal' custom_config"
    " created_at updated_at",
)
EndUser = table(
    "EndUser", "end_users",
    "id tenant_id:uuid app_id:uuid type external_user_id name is_anonymous:bool=true session_id"
    " created_at updated_at",
)
Workflow = table(
    "Workflow", "workflows",
    "id tenant_id:uuid app_id:uuid type version marked_name marked_comment graph features"
    " created_by:uuid created_at updated_by:uuid updated_at environment_variables:text='{}'"
    " conversation_variables:text='{}' rag_pipeline_variables:text='{}'",
)
Conversation = table(
    "Conversation", "conversations",
    "id app_id:uuid app_model_config_id:uuid model_provider override_model_configs model_id mode"
    " name summary inputs:json introduction system_instruction system_instruction_tokens:int"
    " status invoke_from from_source from_end_user_id:uuid from_account_id:uuid read_at:ts"
    " read_account_id:uuid dialogue_count:int created_at updated_at is_deleted:bool=false",
)
Message = table(
    "Message", "messages",
    "id app_id:uuid model_provider model_id override_model_configs conversation_id:uuid"
    " inputs:json query message:json message_tokens:int message_unit_price:num"
    " message_price_unit:num answer answer_tokens:int answer_unit_price:num"
    " answer_price_unit:num parent_message_id:uuid provider_response_latency:float"
    " total_price:num currency status error message_metadata invoke_from from_source"
    " from_end_user_id:uuid from_account_id:uuid created_at updated_at agent_based:bool=false"
    " workflow_run_id:uuid app_mode",
)
MessageFile = table(
    "MessageFile", "message_files",
    "id message_id:uuid type transfer_method created_by_role created_by:uuid belongs_to url"
    " upload_file_id:uuid created_at",
)
UploadFile = table(
    "UploadFile", "upload_files",
    "id tenant_id:uuid storage_type key name size:int extension mime_type created_by_role"
    " created_by:uuid created_at used:bool used_by:uuid used_at:ts hash source_url",
)
AppModelConfig = table(
    "AppModelConfig", "app_model_configs",
    "id app_id:uuid provider model_id configs:json created_by:uuid created_at updated_by:uuid"
    " updated_at opening_statement suggested_questions suggested_questions_after_answer"
    " speech_to_text text_to_speech more_like_this model user_input_form dataset_query_variable"
    " pre_prompt agent_mode sensitive_word_avoidance retriever_resource prompt_type"
    " chat_prompt_config completion_prompt_config dataset_configs external_data_tools file_upload",
)
AppAnnotationSetting = table(
    "AppAnnotationSetting", "app_annotation_settings",
    "id app_id:uuid score_threshold:float collection_binding_id:uuid created_user_id:uuid"
    " created_at updated_user_id:uuid updated_at",
)
ConversationVariable = table(
    "ConversationVariable", "workflow_conversation_variables",
    "id conversation_id:uuid app_id:uuid data created_at updated_at",
)
MessageAgentThought = table(
    "MessageAgentThought", "message_agent_thoughts",
    "id message_id:uuid message_chain_id:uuid position:int thought tool"
    " tool_labels_str:text='{}' tool_meta_str:text='{}' tool_input observation"
    " tool_process_data message message_token:int message_unit_price:num"
    " message_price_unit:num message_files answer answer_token:int answer_unit_price:num"
    " answer_price_unit:num tokens:int total_price:num currency latency:float"
    " created_by_role created_by:uuid created_at",
)
Dataset = table(
    "Dataset", "datasets",
    "id tenant_id:uuid name description provider:text='vendor' permission:text='only_me'"
    " data_source_type indexing_technique index_struct created_by:uuid created_at updated_by:uuid"
    " updated_at embedding_model embedding_model_provider keyword_number:int"
    " collection_binding_id:uuid retrieval_model:json built_in_field_enabled:bool=false"
    " icon_info:json runtime_mode:text='general' pipeline_id:uuid chunk_structure"
    " enable_api:bool=true is_multimodal:bool=false summary_index_setting:json",
)
DatasetProcessRule = table(
    "DatasetProcessRule", "dataset_process_rules",
    "id dataset_id:uuid mode:text='automatic' rules created_by:uuid created_at",
)
Document = table(
    "Document", "documents",
    "id tenant_id:uuid dataset_id:uuid position:int data_source_type data_source_info"
    " dataset_process_rule_id:uuid batch name created_from created_by:uuid created_api_request_id:uuid"
    " created_at processing_started_at:ts file_id word_count:int parsing_completed_at:ts"
    " cleaning_completed_at:ts splitting_completed_at:ts tokens:int indexing_latency:float"
    " completed_at:ts is_paused:bool=false paused_by:uuid paused_at:ts error stopped_at:ts"
    " indexing_status:text='waiting' enabled:bool=true disabled_at:ts disabled_by:uuid"
    " archived:bool=false archived_reason archived_by:uuid archived_at:ts updated_at doc_type"
    " doc_metadata:json doc_form:text='text_model' doc_language need_summary:bool=false",
)
DocumentSegment = table(
    "DocumentSegment", "document_segments",
    "id tenant_id:uuid dataset_id:uuid document_id:uuid position:int content answer word_count:int"
    " tokens:int keywords:json index_node_id index_node_hash hit_count:int=0 enabled:bool=true"
    " disabled_at:ts disabled_by:uuid status:text='waiting' created_by:uuid created_at"
    " updated_by:uuid updated_at indexing_at:ts completed_at:ts error stopped_at:ts",
)
Embedding = table(
    "Embedding", "embeddings",
    "id model_name hash embedding:bytes created_at provider_name",
)
DatasetQuery = table(
    "DatasetQuery", "dataset_queries",
    "id dataset_id:uuid content source source_app_id:uuid created_by_role created_by:uuid"
    " created_at",
)
Provider = table(
    "Provider", "providers",
    "id tenant_id:uuid provider_name provider_type is_valid:bool last_used:ts credential_id:uuid"
    " quota_type quota_limit:int quota_used:int created_at updated_at",
)
ProviderModel = table(
    "ProviderModel", "provider_models",
    "id tenant_id:uuid provider_name model_name model_type credential_id:uuid is_valid:bool"
    " created_at updated_at",
)
TenantPreferredModelProvider = table(
    "TenantPreferredModelProvider", "tenant_preferred_model_providers",
    "id tenant_id:uuid provider_name preferred_provider_type created_at updated_at",
)
TenantDefaultModel = table(
    "TenantDefaultModel", "tenant_default_models",
    "id tenant_id:uuid provider_name model_name model_type created_at updated_at",
)
ProviderModelSetting = table(
    "ProviderModelSetting", "provider_model_settings",
    "id tenant_id:uuid provider_name model_name model_type enabled:bool"
    " load_balancing_enabled:bool created_at updated_at",
)
ProviderModelCredential = table(
    "ProviderModelCredential", "provider_model_credentials",
    "id tenant_id:uuid provider_name model_name model_type credential_name encrypted_config"
    " created_at updated_at",
)
WorkflowRun = table(
    "WorkflowRun", "workflow_runs",
    "id tenant_id:uuid app_id:uuid workflow_id:uuid type triggered_from version graph inputs"
    " status outputs error elapsed_time:float total_tokens:int total_steps:int created_by_role"
    " created_by:uuid created_at:ts finished_at:ts exceptions_count:int",
)
WorkflowNodeExecution = table(
    "WorkflowNodeExecution", "workflow_node_executions",
    "id tenant_id:uuid app_id:uuid workflow_id:uuid triggered_from workflow_run_id:uuid index:int"
    " predecessor_node_id node_execution_id node_id node_type title inputs process_data outputs"
    " status error elapsed_time:float execution_metadata created_at:ts created_by_role"
    " created_by:uuid finished_at:ts",
)


class WorkflowNodeExecutionOffload(Base):
    """Where node inputs over a size limit would be in S3; looked up with every node."""

    __tablename__ = "workflow_node_execution_offload"
    id = sa.Column(TYPES["uuid"](), primary_key=True, default=lambda: str(uuid4()))
    created_at = sa.Column(sa.DateTime, server_default=NOW)
    tenant_id = sa.Column(TYPES["uuid"]())
    app_id = sa.Column(TYPES["uuid"]())
    node_execution_id = sa.Column(TYPES["uuid"]())
    type = sa.Column(sa.Text)
    file_id = sa.Column(TYPES["uuid"]())


WorkflowNodeExecution.offload_data = relationship(
    WorkflowNodeExecutionOffload,
    primaryjoin=WorkflowNodeExecution.id == WorkflowNodeExecutionOffload.node_execution_id,
    foreign_keys=WorkflowNodeExecutionOffload.node_execution_id,
    uselist=True,
    viewonly=True,
)


def naive_utc_now() -> datetime:
    return datetime.utcnow()
