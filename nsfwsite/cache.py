"""The cache of figures that take long to compute."""

from typing import Any

from django.core.cache.backends.redis import RedisCache

from worker import heartbeat


class OptionalRedisCache(RedisCache):
    """A cache in Redis without which the site works, only slower.

    While Redis is away or stalls, nothing is found and nothing is kept.
    """

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version) if heartbeat.redis_answers() else default
        except heartbeat.RedisUnavailable:
            return default

    def set(self, key: Any, value: Any, *arguments: Any, **options: Any) -> None:
        try:
            if heartbeat.redis_answers():
                super().set(key, value, *arguments, **options)
        except heartbeat.RedisUnavailable:
            return

    def add(self, key: Any, value: Any, *arguments: Any, **options: Any) -> bool:
        try:
            return not heartbeat.redis_answers() or super().add(key, value, *arguments, **options)
        except heartbeat.RedisUnavailable:
            return True
