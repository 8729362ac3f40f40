"""What both kinds of app do to Postgres around a chat: conversation, message, files, history."""
import sqlalchemy as sa

import db
from models import (
    App, AppAnnotationSetting, Conversation, EndUser, Message, MessageFile, UploadFile,
    naive_utc_now,
)

ZERO_UUID = "00000000-0000-0000-0000-000000000000"
NAME_LENGTH = 20
HISTORY_LIMIT = 500


class ChatError(Exception):
    """A request that cannot be served, with its HTTP status and Dify's error code."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status, self.code = status, code


def find_conversation(app: App, end_user_id: str, conversation_id: str) -> Conversation:
    with db.session() as s:
        found = s.query(Conversation).where(
            Conversation.id == conversation_id,
            Conversation.app_id == app.id,
            Conversation.from_source == "api",
            Conversation.from_end_user_id == end_user_id,
            Conversation.from_account_id.is_(None),
            Conversation.is_deleted.is_(sa.false()),
        ).first()
    if found is None:
        raise ChatError(404, "not_found", "Conversation Not Exists.")
    return found


def create_message(app: App, end_user_id: str, conversation: Conversation | None, message_id: str,
                   conversation_id: str, query: str, inputs: dict, model: str | None,
                   provider: str | None, files: list[dict]) -> tuple[Conversation, Message]:
    """INSERT the message, and the conversation before its first one."""
    with db.session() as s:
        s.query(App).where(App.id == app.id).first()
        if conversation is None:
            conversation = Conversation(
                id=conversation_id, app_id=app.id,
                app_model_config_id=app.app_model_config_id if model else None,
                model_provider=provider, model_id=model, mode=app.mode,
                name=query[:NAME_LENGTH] + ("…" if len(query) > NAME_LENGTH else ""),
                inputs=inputs, introduction="", system_instruction="",
                system_instruction_tokens=0, status="normal", invoke_from="service-api",
                from_source="api", from_end_user_id=end_user_id, dialogue_count=0,
            )
            s.add(conversation)
            s.flush()
            s.refresh(conversation)
        else:
            s.add(conversation)
            conversation.updated_at = naive_utc_now()
        message = Message(
            id=message_id, app_id=app.id, model_provider=provider, model_id=model,
            conversation_id=conversation.id, inputs=inputs, query=query, message="",
            message_tokens=0, message_unit_price=0, message_price_unit=0, answer="",
            answer_tokens=0, answer_unit_price=0, answer_price_unit=0, parent_message_id=ZERO_UUID,
            provider_response_latency=0, total_price=0, currency="USD", status="normal",
            invoke_from="service-api", from_source="api", from_end_user_id=end_user_id,
            app_mode=app.mode,
        )
        s.add(message)
        s.flush()
        s.refresh(message)
        for file in files:
            s.add(MessageFile(
                message_id=message.id, type=file["type"], transfer_method="local_file",
                created_by_role="end_user", created_by=end_user_id, belongs_to="user",
                upload_file_id=file["upload_file_id"]))
        s.commit()
    return conversation, message


def find_files(tenant_id: str, files: list[dict]) -> list[UploadFile]:
    """The rows of the files that a request names by their upload ids."""
    found = []
    for file in files:
        row = db.fetch(sa.select(UploadFile).where(
            UploadFile.id == file["upload_file_id"], UploadFile.tenant_id == tenant_id))
        if row is None:
            raise ChatError(400, "invalid_param", "Invalid upload file")
        found.append(row)
    return found


def history(conversation_id: str, message_id: str) -> list[Message]:
    """The conversation's finished messages, oldest first: older text on the wire again."""
    rows = db.fetch_all(
        sa.select(Message).where(Message.conversation_id == conversation_id)
        .order_by(Message.created_at.desc()).limit(HISTORY_LIMIT))
    return [m for m in reversed(rows) if m.id != message_id and m.answer]


def reload_message(conversation_id: str, message_id: str):
    """Both rows again, as the worker thread of a chat does before it starts."""
    with db.session() as s:
        s.scalar(sa.select(Conversation).where(Conversation.id == conversation_id))
    with db.session() as s:
        s.scalar(sa.select(Message).where(Message.id == message_id))


def check_annotation(app_id: str):
    db.fetch(sa.select(AppAnnotationSetting).where(AppAnnotationSetting.app_id == app_id))


def find_end_user(app: App, user: str) -> EndUser:
    """The end user of a request's `user`, made at its first message."""
    with db.session() as s:
        preferred = sa.case((EndUser.type == "service-api", 0), else_=1)
        found = s.query(EndUser).where(
            EndUser.tenant_id == app.tenant_id, EndUser.app_id == app.id,
            EndUser.session_id == user).order_by(preferred).first()
        if found is None:
            found = EndUser(tenant_id=app.tenant_id, app_id=app.id, type="service-api",
                            is_anonymous=user == "DEFAULT-USER", session_id=user,
                            external_user_id=user, name=None)
            s.add(found)
            s.commit()
        return found
