"""How often one address may ask. Counted atomically in Redis; nothing is kept for longer."""

import functools
import time

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import RedisError

from feedback.errors import TooManyRequests


@functools.cache
def _limiter() -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2)
    return SlidingWindowCounterRateLimiter(storage)


@functools.cache
def _rate(text: str) -> RateLimitItem:
    return parse(text)


def address_of(request: HttpRequest) -> str:
    """The client's address; proxies in front are believed only as far as they are ours."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop]
    trusted = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return hops[-trusted]
    return str(request.META.get("REMOTE_ADDR", ""))


def hit(request: HttpRequest, *, scope: str, rate: str) -> None:
    """Count one request; refuse it when the address has had its share.

    Without Redis nothing is refused here: what needs the broker says so itself.
    """
    item, address = _rate(rate), address_of(request)
    try:
        if _limiter().hit(item, scope, address):
            return
        reset = _limiter().get_window_stats(item, scope, address).reset_time
    except RedisError:
        return
    raise TooManyRequests(
        rule=f"One address may do this {item.amount} times in {item.get_expiry()} seconds.",
        received="one request more",
        way_out="Wait a little and try again.",
        retry_after=max(1, int(reset - time.time()) + 1),
    )
