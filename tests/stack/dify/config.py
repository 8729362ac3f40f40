"""What the containers get in their environment, with Dify's variable names where it has one."""
import os


def _on(name: str, default: str = "false") -> bool:
    return os.environ.get(name, default).lower() in ("1", "true", "on", "yes")


DB_HOST = os.environ.get("DB_HOST", "localhost")
DB_PORT = int(os.environ.get("DB_PORT", "5432"))
DB_USERNAME = os.environ.get("DB_USERNAME", "postgres")
DB_PASSWORD = os.environ.get("DB_PASSWORD", "difyai123456")
DB_DATABASE = os.environ.get("DB_DATABASE", "dify")
DB_SSLMODE = os.environ.get("DB_SSLMODE", "")  # empty as in Dify: libpq's default, prefer
# A chat can hold four at once (request, engine, title, its look-ups): an operator who raises the
# number of chats raises this too, or they wait for each other.
SQLALCHEMY_POOL_SIZE = int(os.environ.get("SQLALCHEMY_POOL_SIZE", "30"))

REDIS_HOST = os.environ.get("REDIS_HOST", "localhost")
REDIS_PORT = int(os.environ.get("REDIS_PORT", "6379"))
REDIS_PASSWORD = os.environ.get("REDIS_PASSWORD", "difyai123456")
REDIS_USE_SSL = _on("REDIS_USE_SSL")

PLUGIN_DAEMON_URL = os.environ.get("PLUGIN_DAEMON_URL", "http://localhost:5002")
PLUGIN_DAEMON_KEY = os.environ.get("PLUGIN_DAEMON_KEY", "")

PGVECTOR_HOST = os.environ.get("PGVECTOR_HOST", "localhost")
PGVECTOR_PORT = int(os.environ.get("PGVECTOR_PORT", "5432"))
PGVECTOR_USER = os.environ.get("PGVECTOR_USER", "postgres")
PGVECTOR_PASSWORD = os.environ.get("PGVECTOR_PASSWORD", "")
PGVECTOR_DATABASE = os.environ.get("PGVECTOR_DATABASE", "dify")
PGVECTOR_MIN_CONNECTION = 1
PGVECTOR_MAX_CONNECTION = int(os.environ.get("PGVECTOR_MAX_CONNECTION", "5"))

S3_ENDPOINT = os.environ.get("S3_ENDPOINT", "")
S3_BUCKET_NAME = os.environ.get("S3_BUCKET_NAME", "difyai")
S3_ACCESS_KEY = os.environ.get("S3_ACCESS_KEY", "")
S3_SECRET_KEY = os.environ.get("S3_SECRET_KEY", "")
S3_REGION = os.environ.get("S3_REGION", "ap-northeast-1")

LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO").upper()
LOG_FILE = os.environ.get("LOG_FILE", "")

# The double's own switches. Dify has none for them: 1.13.3 writes SSE events in raw UTF-8.
SSE_ESCAPE_ASCII = os.environ.get("STACK_SSE_ESCAPE") == "ascii"
AUTO_TITLE = _on("STACK_AUTO_TITLE", "true")

VERSION = "1.13.3"
PROVIDER = "langgenius/openai_api_compatible/openai_api_compatible"
PLUGIN_ID = "langgenius/openai_api_compatible"


def redis_url(db: int) -> str:
    scheme = "rediss" if REDIS_USE_SSL else "redis"
    return f"{scheme}://:{REDIS_PASSWORD}@{REDIS_HOST}:{REDIS_PORT}/{db}"
