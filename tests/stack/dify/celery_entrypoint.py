"""The worker's module: patch before anything opens a socket, as Dify's entrypoint does."""
import grpc.experimental.gevent as grpc_gevent
import psycogreen.gevent as psycogreen_gevent

grpc_gevent.init_gevent()
psycogreen_gevent.patch_psycopg()

import logs  # noqa: E402

logs.setup()

import storage  # noqa: E402
from tasks import celery  # noqa: E402, F401  (what celery -A names)

storage.init()
