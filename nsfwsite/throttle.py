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
from limits import RateLimitItem, RateLimitItemPerSecond, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from feedback.errors import ChallengeNeeded, TooManyRequests
from nsfwsite import challenges
from worker import heartbeat

_View = TypeVar("_View", bound=Callable[..., Any])
_Answer = TypeVar("_Answer")


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


def hit_upload(request: HttpRequest, *, scope: str, rate: str) -> None:
    """Count an upload of the visitor's address, or refuse it as one too many.

    Beyond `CHALLENGE_SHARE` of the rate, one of somebody who is not signed in needs a solved
    challenge besides.
    """
    limit = _unchallenged(rate)
    wait = limit and _seconds_to_wait(limit, _unchallenged_scope(scope), address_of(request))
    if limit and wait and not request.user.is_authenticated:
        _require_solution(request, scope=scope, limit=limit, retry_after=wait)
    hit(request, scope=scope, rate=rate)


def next_challenge(request: HttpRequest, *, scope: str, rate: str) -> dict[str, object] | None:
    """The challenge that the visitor's next upload needs solved; None if it needs none."""
    limit = _unchallenged(rate)
    if limit is None or request.user.is_authenticated:
        return None
    address = address_of(request)
    with_room = _ask(lambda limiter: limiter.test(limit, _unchallenged_scope(scope), address))
    return None if with_room else challenges.create(_sender(request, scope))


def _require_solution(
    request: HttpRequest, *, scope: str, limit: RateLimitItem, retry_after: int
) -> None:
    """Take the solution that is in the header `Altcha`, or in the address, and take it once."""
    text = request.headers.get("Altcha") or request.GET.get("altcha", "")
    sender = _sender(request, scope)
    problem = challenges.problem_of(text, sender)
    if not problem:
        once = RateLimitItemPerSecond(1, challenges.VALID_SECONDS)
        if not _seconds_to_wait(once, "solution", challenges.name_of(text)):
            return
        problem = "a solution that was used before"
    if request.path.startswith("/api/"):
        remedy = f"Solve `challenge` (docs/api.md says how), or wait for {retry_after} seconds."
    else:
        remedy = (
            "A browser computes it by itself where it may run scripts, over HTTPS. Allow that and "
            f"send this again, or try again in {retry_after} seconds."
        )
    raise ChallengeNeeded(
        rule=f"Beyond {_in_words(limit)}, each upload from one address needs a solved challenge.",
        received=problem,
        remedy=remedy,
        retry_after=retry_after,
        challenge=challenges.create(sender),
    )


def _unchallenged(rate: str) -> RateLimitItem | None:
    """How many uploads need no challenge; None where none ever does."""
    limit = parse(rate)
    amount = int(limit.amount * settings.CHALLENGE_SHARE)
    return None if amount == limit.amount else type(limit)(amount, limit.multiples)


def _unchallenged_scope(scope: str) -> str:
    return f"{scope} without a challenge"


def _sender(request: HttpRequest, scope: str) -> str:
    return f"{scope} {address_of(request)}"


def hit_mailbox(address: str, *, rate: str) -> None:
    """Count an e-mail to this mailbox, no matter who asks for it, or refuse it."""
    mailbox = salted_hmac("a mailbox", address.strip().lower(), algorithm="sha256").hexdigest()
    _count(mailbox, scope="mailbox", rate=rate, rule="One mailbox gets at most {}.")


def hit_account(name: str, *, rate: str) -> None:
    """Count an attempt to sign in to this account from an unknown browser, or refuse it."""
    account = salted_hmac("an account", name.strip().lower(), algorithm="sha256").hexdigest()
    rule = "Browsers that never signed in to an account may try it at most {}, all together."
    _count(account, scope="account", rate=rate, rule=rule)


def _count(key: str, *, scope: str, rate: str, rule: str) -> None:
    limit = parse(rate)
    seconds = _seconds_to_wait(limit, scope, key)
    if not seconds:
        return
    raise TooManyRequests(
        rule=rule.format(_in_words(limit)),
        received="one more",
        remedy=f"Try again in {seconds} seconds.",
        retry_after=seconds,
    )


def _in_words(limit: RateLimitItem) -> str:
    times, unit = limit.multiples, limit.GRANULARITY.name
    return f"{limit.amount} times per {unit if times == 1 else f'{times} {unit}s'}"


def _seconds_to_wait(limit: RateLimitItem, scope: str, key: str) -> int:
    """Count one more; 0 if the limit allows it, else the seconds until its window ends."""

    def count(limiter: FixedWindowRateLimiter) -> int:
        if limiter.hit(limit, scope, key):
            return 0
        reset_time = limiter.get_window_stats(limit, scope, key).reset_time
        return max(1, math.ceil(reset_time - time.time()))

    return _ask(count)


def _ask(question: Callable[[FixedWindowRateLimiter], _Answer]) -> _Answer:
    """Ask the limiter in Redis, or that of this process while Redis is away."""
    try:
        return question(_shared_limiter() if heartbeat.redis_answers() else _process_limiter())
    except StorageError:
        return question(_process_limiter())


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
