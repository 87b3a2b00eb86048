"""Redis as a store of plain text: what somebody else put there is never run, and nothing is waited for long.

Named as text in the settings of the cache, so that Redis is imported only where it is used.
"""

from typing import Any, Self

import redis
from flask_caching.backends.rediscache import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

#: for connecting, and for each answer
PATIENCE_SECONDS = 0.25
CONNECTIONS = 10


class Plain:
    """Text as it is; the cache's own way is pickle, which runs what it is given."""

    @staticmethod
    def dumps(value: str) -> bytes:
        return value.encode()

    @staticmethod
    def loads(stored: bytes | None) -> str | None:
        return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else None


class RedisStore(RedisCache):
    """What Flask-Caching asks for CACHE_TYPE."""

    serializer: Any = Plain()

    @classmethod
    def factory(cls, _app: Any, config: dict[str, Any], _args: list[Any], _kwargs: dict[str, Any]) -> Self:
        client = redis.Redis.from_url(
            config["CACHE_REDIS_URL"],
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            # A second try is a second wait: what was asked for is computed instead.
            retry=Retry(NoBackoff(), 0),
            max_connections=CONNECTIONS,
            # The oldest way to speak: any server understands it, and asks for no greeting.
            protocol=2,
            driver_info=None,
        )
        return cls(host=client)

    def drop(self) -> None:
        """Who still listens to an answer that came too late, or never ends, listens no longer."""
        self._write_client.connection_pool.disconnect(inuse_connections=True)

    def add(self, key: str, value: Any, timeout: Any = None) -> bool:
        """In one command: who dies between two would hold the key for ever."""
        return bool(self._write_client.set(name=key, value=self.serializer.dumps(value), nx=True, ex=timeout))
