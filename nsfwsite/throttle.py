"""How often one address may ask. Counted in Redis; in this process while Redis is away."""

import functools
import ipaddress
import math
import time

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from feedback.errors import TooManyRequests


def hit(request: HttpRequest, *, scope: str, rate: str) -> None:
    """Count one request of this address, or refuse it."""
    _count(address_of(request), scope=scope, rate=rate)


def hit_mailbox(address: str, *, rate: str) -> None:
    """The same for letters to one mailbox, whoever asks for them."""
    who = salted_hmac("a mailbox", address.strip().lower(), algorithm="sha256").hexdigest()
    _count(who, scope="mailbox", rate=rate)


def _count(who: str, *, scope: str, rate: str) -> None:
    item = parse(rate)
    try:
        limiter = _shared()
        allowed = limiter.hit(item, scope, who)
        reset = limiter.get_window_stats(item, scope, who).reset_time
    except StorageError:
        limiter = _own()
        allowed = limiter.hit(item, scope, who)
        reset = limiter.get_window_stats(item, scope, who).reset_time
    if allowed:
        return
    seconds = max(1, math.ceil(reset - time.time()))
    raise TooManyRequests(
        rule=f"One address may send at most {item.amount} of these per {item.GRANULARITY.name}.",
        received="one more",
        remedy=f"Try again in {seconds} seconds.",
        retry_after=seconds,
    )


def source_of(request: HttpRequest) -> str:
    """A keyed hash of the visitor's network: /24 for IPv4, /48 for IPv6."""
    address = address_of(request).partition("/")[0]
    try:
        parsed = ipaddress.ip_address(address)
        size = 24 if parsed.version == 4 else 48
        address = str(ipaddress.ip_network((parsed, size), strict=False))
    except ValueError:
        pass  # a socket has no address
    return salted_hmac("source of a report", address, algorithm="sha256").hexdigest()


def address_of(request: HttpRequest) -> str:
    """The visitor's address, as the last proxy that we trust saw it."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return _household(direct)
    passed = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    hops = [part for part in passed if part]
    known = len(hops) >= settings.TRUSTED_PROXIES
    return _household(hops[-settings.TRUSTED_PROXIES] if known else direct)


def _household(address: str) -> str:
    """An IPv6 visitor has 2^64 addresses or more, and is counted as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


@functools.cache
def _shared() -> FixedWindowRateLimiter:
    uri = settings.REDIS_URL.replace("unix://", "redis+unix://")
    return FixedWindowRateLimiter(
        storage_from_string(uri, wrap_exceptions=True, socket_connect_timeout=1, socket_timeout=2)
    )


@functools.cache
def _own() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())
