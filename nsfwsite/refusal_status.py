"""The HTTP status of every refusal: the one place that says so, for pages and API alike."""

from feedback import errors
from feedback.errors import Refusal

STATUS: dict[type[Refusal], int] = {
    Refusal: 400,
    errors.ImageRefused: 422,
    errors.Invalid: 422,
    errors.KeyReused: 422,
    errors.BodyTooLarge: 413,
    errors.TooManyRequests: 429,
    errors.Gone: 410,
    errors.WrongState: 409,
    errors.OverrideNeeded: 409,
    errors.GapsNotAcknowledged: 409,
    errors.ArtifactMissing: 409,
    errors.ClassifierUnavailable: 503,
}


def status_of(refusal: Refusal) -> int:
    """The status of this refusal's class, or of the nearest class that it descends from."""
    return next(STATUS[ancestor] for ancestor in type(refusal).__mro__ if ancestor in STATUS)


def headers_of(refusal: Refusal) -> dict[str, str]:
    """`Retry-After`, where the refusal says when to try again."""
    retry_after = getattr(refusal, "retry_after", None)
    return {} if retry_after is None else {"Retry-After": str(retry_after)}
