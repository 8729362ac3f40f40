"""Dify's limit of an app's active requests: a hash in Redis, only for apps that have a limit."""
import time
from uuid import uuid4

import records
import redis_ext

TTL_S = 86400


class RateLimit:
    def __init__(self, app):
        self._max = app.max_active_requests or 0
        self._max_key = f"dify:rate_limit:{app.id}:max_active_requests"
        self._active_key = f"dify:rate_limit:{app.id}:active_requests"
        self._request_id = None

    def enter(self):
        if self._max <= 0:
            return
        redis_ext.client.setex(self._max_key, TTL_S, self._max)
        if redis_ext.client.hlen(self._active_key) >= self._max:
            raise records.ChatError(429, "too_many_requests",
                                    f"Too many requests. Maximum: {self._max}")
        self._request_id = str(uuid4())
        redis_ext.client.hset(self._active_key, self._request_id, str(time.time()))
        redis_ext.client.expire(self._active_key, TTL_S)

    def exit(self):
        if self._request_id:
            redis_ext.client.hdel(self._active_key, self._request_id)

    def around(self, events):
        """The events of a stream; the request is active until the last one is sent."""
        try:
            yield from events
        finally:
            self.exit()
