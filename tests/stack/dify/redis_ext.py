"""Redis as Dify uses it: a shared RESP3 client, and a fresh RESP2 connection per channel."""
import queue
import ssl
import threading

import redis

import config

_tls = {"ssl_cert_reqs": ssl.CERT_NONE} if config.REDIS_USE_SSL else {}

client = redis.Redis(
    host=config.REDIS_HOST,
    port=config.REDIS_PORT,
    password=config.REDIS_PASSWORD,
    db=0,
    ssl=config.REDIS_USE_SSL,
    protocol=3,
    encoding="utf-8",
    decode_responses=False,
    **_tls,
)
broadcast = redis.Redis.from_url(config.redis_url(0), **_tls)


def channel_of(app_mode: str, workflow_run_id: str) -> str:
    return f"channel:{app_mode}:{workflow_run_id}"


class Subscription:
    """A channel read by a listener thread, as Dify's broadcast channel does it.

    The listener polls once a second, so closing waits for its last poll: that is why a real
    stream ends about a second after its last event.
    """

    def __init__(self, channel: str):
        self._channel = channel
        self._queue: queue.Queue[bytes] = queue.Queue()
        self._closed = threading.Event()
        # A pool of its own: the fresh connection is closed with the subscription.
        self._redis = redis.Redis.from_url(config.redis_url(0), **_tls)
        self._pubsub = self._redis.pubsub()
        self._pubsub.subscribe(channel)
        self._pubsub.get_message(timeout=1)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while not self._closed.is_set():
            message = self._pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
            if message and message["type"] == "message":
                self._queue.put(message["data"])
        self._pubsub.unsubscribe(self._channel)
        self._pubsub.close()
        self._redis.close()

    def receive(self, timeout: float) -> bytes | None:
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self):
        self._closed.set()
        self._thread.join(timeout=2)
