"""Which HTTP status each refusal is. Pages and API both answer from here."""

from feedback import errors
from feedback.errors import Refusal

STATUS: dict[type[Refusal], int] = {
    errors.ImageRefused: 422,
    errors.Invalid: 422,
    errors.KeyReused: 422,
    errors.BodyTooLarge: 413,
    errors.TooManyRequests: 429,
    errors.Gone: 410,
    errors.WrongState: 409,
    errors.OverrideNeeded: 409,
    errors.ArtifactMissing: 409,
    errors.ClassifierUnavailable: 503,
}


def status_of(refusal: Refusal) -> int:
    """The status of this refusal, or of the nearest class it descends from."""
    return next((STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS), 400)


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Headers that belong to the refusal: when a retry is welcome."""
    retry_after = getattr(refusal, "retry_after", None)
    return {} if retry_after is None else {"Retry-After": str(retry_after)}
