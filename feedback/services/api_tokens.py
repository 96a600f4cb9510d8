"""Tokens with which programs act for a person at the API.

A token opens what one of its scopes names and its owner's role allows, whichever is less.
"""

import datetime
import hashlib
import secrets
from collections.abc import Collection, Sequence

import structlog
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from feedback import roles
from feedback.errors import Invalid, ScopeTooSmall, TokenRefused, WrongState
from feedback.models import ApiToken

log = structlog.get_logger()

Scope = ApiToken.Scope
PREFIX = "speakup_"  # scanners for secrets that were published recognise it
LONGEST_DAYS = 365
KEPT = datetime.timedelta(days=30)
MAX_NAME_LENGTH = 100


def sha256_of(secret: str) -> str:
    """What is stored of a secret. A random one of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def scopes_of_role(user: User) -> list[Scope]:
    """The scopes that mean something for this person's role."""
    scopes = [Scope.READ, Scope.CLASSIFY, Scope.REPORT]
    if roles.is_reviewer(user):
        scopes.append(Scope.TRIAGE)
    if roles.is_maintainer(user):
        scopes.append(Scope.MAINTAIN)
    return scopes


def last_possible_day() -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=LONGEST_DAYS)


def add(
    *, owner: User, name: str, scopes: Collection[str], expires_on: datetime.date
) -> tuple[ApiToken, str]:
    """Make a token.

    Returns
    -------
    token
        Its row, which has a hash of the secret alone.
    secret
        What the program sends. Nobody can show it again.
    """
    allowed = scopes_of_role(owner)
    chosen = [scope.value for scope in allowed if scope in scopes]
    if refused := sorted(set(scopes) - set(chosen)):
        raise Invalid(
            rule=f"With your role, a scope is one of {', '.join(allowed)}.",
            received=", ".join(map(repr, refused)),
            remedy="Choose among these.",
        )
    if not chosen:
        raise Invalid(
            rule="A token has at least one scope.",
            received="none",
            remedy="Choose those that the program needs.",
        )
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise Invalid(
            rule=f"A token has a name of at most {MAX_NAME_LENGTH} characters.",
            received=f"{len(name)} characters",
            remedy="Name it after the program that will use it.",
        )
    today, latest = timezone.localdate(), last_possible_day()
    if not today <= expires_on <= latest:
        raise Invalid(
            rule=f"The last day of a token is from today to {latest:%-d %B %Y}.",
            received=f"{expires_on:%-d %B %Y}",
            remedy="Choose a day between. You can make another token before it ends.",
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        scopes=chosen,
        expires_on=expires_on,
        secret_sha256=sha256_of(secret),
    )
    log.info("token added", token=token.pk, account=owner.pk, scopes=chosen)
    return token, secret


def revoke(*, token: ApiToken, by: User) -> None:
    """End a token at once."""
    current = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    if not current.update(revoked_at=timezone.now()):
        raise WrongState(
            rule="A token is revoked once.",
            received="one that was revoked before",
            remedy="It opens nothing any more.",
        )
    log.info("token revoked", token=token.pk, account=by.pk)


def delete_all(*, owner: User) -> None:
    """Delete the tokens of an account that is closed."""
    owner.api_tokens.all().delete()
    log.info("tokens deleted", account=owner.pk)


def delete_old() -> None:
    """Delete tokens that ended `KEPT` ago; until then they are refused with the reason."""
    cutoff = timezone.now() - KEPT
    ApiToken.objects.filter(Q(revoked_at__lt=cutoff) | Q(expires_on__lt=cutoff.date())).delete()


def by_secret(secret: str) -> ApiToken:
    """The token with this secret, marked as used today.

    Raises
    ------
    TokenRefused
        If there is none, it has expired or was revoked, or its owner's account is closed.
    """
    token = ApiToken.objects.select_related("owner").filter(secret_sha256=sha256_of(secret)).first()
    if token is None:
        raise TokenRefused(
            rule="A token is one that its owner made on the page of their account.",
            received="one that does not exist here",
            remedy="Check that all of it was copied, or make another.",
        )
    if token.revoked_at:
        raise TokenRefused(
            rule="A token works until its owner revokes it.",
            received=f"one that was revoked on {token.revoked_at:%-d %B %Y}",
            remedy="Make another on the page of your account.",
            token=token.pk,
        )
    if token.is_expired:
        raise TokenRefused(
            rule="A token works up to and including its last day (UTC).",
            received=f"one whose last day was {token.expires_on:%-d %B %Y}",
            remedy="Make another on the page of your account.",
            token=token.pk,
        )
    if not token.owner.is_active:
        raise TokenRefused(
            rule="A token works while its owner's account is open.",
            received="one of a closed account",
            remedy="Ask whoever runs this site.",
            token=token.pk,
        )
    _mark_used(token)
    return token


def _mark_used(token: ApiToken) -> None:
    """Note the day, with one write a day."""
    today = timezone.localdate()
    if token.last_used_on != today:
        ApiToken.objects.filter(pk=token.pk).update(last_used_on=today)


def require_scope(token: ApiToken, scopes: Sequence[Scope]) -> None:
    """Refuse a token that has none of these scopes.

    Raises
    ------
    ScopeTooSmall
        If scopes are named and the token has none of them.
    """
    if scopes and not set(scopes) & set(token.scopes):
        raise ScopeTooSmall(
            rule=f"This takes a token with the scope {' or '.join(scopes)}.",
            received=f"one with {', '.join(token.scopes)}",
            remedy="Make one with that scope on the page of your account.",
        )
