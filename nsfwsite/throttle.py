"""Rate limits for each address, counted in Redis; in this process while Redis is unavailable."""

import functools
import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from feedback.errors import TooManyRequests
from worker import heartbeat

_View = TypeVar("_View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Counted:
    """What a view's uploads count as, and the setting that has the rate."""

    scope: str
    setting: str


def uploads_count(scope: str, setting: str) -> Callable[[_View], _View]:
    """Count each POST to this view before its body is read (`middleware.CountedUploads`)."""

    def decorator(view: _View) -> _View:
        view.counted = Counted(scope, setting)  # type: ignore[attr-defined]
        return view

    return decorator


def hit(request: HttpRequest, *, scope: str, rate: str) -> None:
    """Count a request of the visitor's address, or refuse it as one too many."""
    _count(address_of(request), scope=scope, rate=rate, rule="One address may send at most {}.")


def hit_mailbox(address: str, *, rate: str) -> None:
    """Count a letter to this mailbox, no matter who asks for it, or refuse it."""
    mailbox = salted_hmac("a mailbox", address.strip().lower(), algorithm="sha256").hexdigest()
    _count(mailbox, scope="mailbox", rate=rate, rule="One mailbox gets at most {}.")


def hit_account(name: str, *, rate: str) -> None:
    """Count an attempt to sign in to this account from an unknown browser, or refuse it."""
    account = salted_hmac("an account", name.strip().lower(), algorithm="sha256").hexdigest()
    rule = "Browsers that never signed in to an account may try it at most {}, all together."
    _count(account, scope="account", rate=rate, rule=rule)


def _count(key: str, *, scope: str, rate: str, rule: str) -> None:
    limit = parse(rate)
    try:
        limiter = _shared_limiter() if heartbeat.redis_answers() else _process_limiter()
        allowed, reset_time = _hit(limiter, limit, scope, key)
    except StorageError:
        allowed, reset_time = _hit(_process_limiter(), limit, scope, key)
    if allowed:
        return
    seconds = max(1, math.ceil(reset_time - time.time()))
    raise TooManyRequests(
        rule=rule.format(f"{limit.amount} times per {limit.GRANULARITY.name}"),
        received="one more",
        remedy=f"Try again in {seconds} seconds.",
        retry_after=seconds,
    )


def _hit(
    limiter: FixedWindowRateLimiter, limit: RateLimitItem, scope: str, key: str
) -> tuple[bool, float]:
    """Whether the limit allows one more, and the time when its window ends."""
    allowed = limiter.hit(limit, scope, key)
    return allowed, limiter.get_window_stats(limit, scope, key).reset_time


def source_of(request: HttpRequest) -> str:
    """A keyed hash of the visitor's network: /24 for IPv4, /48 for IPv6."""
    address = address_of(request).partition("/")[0]
    try:
        parsed = ipaddress.ip_address(address)
        size = 24 if parsed.version == 4 else 48
        address = str(ipaddress.ip_network((parsed, size), strict=False))
    except ValueError:
        pass  # a Unix socket has no IP address
    return salted_hmac("source of a report", address, algorithm="sha256").hexdigest()


def address_of(request: HttpRequest) -> str:
    """The visitor's address, as the outermost trusted proxy saw it.

    Whatever stands before that in `X-Forwarded-For` is only what the visitor claims.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return _counted_address(peer)
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    hops = [part for part in forwarded if part]
    complete = len(hops) >= settings.TRUSTED_PROXIES
    return _counted_address(hops[-settings.TRUSTED_PROXIES] if complete else peer)


def _counted_address(address: str) -> str:
    """The address; for IPv6 its /64 network, since one visitor has all of those addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))


@functools.cache
def _shared_limiter() -> FixedWindowRateLimiter:
    uri = settings.REDIS_URL.replace("unix://", "redis+unix://")
    return FixedWindowRateLimiter(
        storage_from_string(uri, wrap_exceptions=True, socket_connect_timeout=1, socket_timeout=1)
    )


@functools.cache
def _process_limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())
