"""The SQLAlchemy engine, made as flask-sqlalchemy makes it for Dify."""
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

import config

_connect_args = {"options": "-c timezone=UTC"}
if config.DB_SSLMODE:
    _connect_args["sslmode"] = config.DB_SSLMODE

engine = sa.create_engine(
    sa.URL.create(
        "postgresql", config.DB_USERNAME, config.DB_PASSWORD,
        config.DB_HOST, config.DB_PORT, config.DB_DATABASE,
    ),
    pool_size=config.SQLALCHEMY_POOL_SIZE,
    max_overflow=10,
    pool_recycle=3600,
    # Last in, first out keeps the idle chat on a few connections, as was measured.
    pool_use_lifo=True,
    connect_args=_connect_args,
)


@contextmanager
def session(expire_on_commit: bool = False):
    """A short session: Dify opens one for nearly each repository call."""
    with Session(engine, expire_on_commit=expire_on_commit) as s:
        yield s


def fetch(statement):
    """One scalar in a transaction of its own, rolled back: Dify's most common read."""
    with session() as s:
        return s.scalar(statement)


def fetch_all(statement):
    with session() as s:
        return s.scalars(statement).all()
