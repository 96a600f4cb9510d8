"""The HTTP status of every refusal and error: the one place that says so, for pages and API."""

from feedback import errors
from feedback.errors import Refusal

STATUS: dict[type[Refusal], int] = {
    Refusal: 400,
    errors.Unreadable: 400,
    errors.Unencrypted: 403,
    errors.TokenRefused: 401,
    errors.ScopeTooSmall: 403,
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
    errors.RangeOutside: 416,
    errors.ClassifierUnavailable: 503,
    errors.StorageFull: 507,
}

# What Django and REST framework answer before any of our views runs.
FIRST_ERROR = 400
NOT_SIGNED_IN = 401
WITHOUT_THE_ROLE = 403
NOT_FOUND = 404
METHOD_NOT_ALLOWED = 405
REQUEST_TIMEOUT = 408
UNKNOWN_MEDIA_TYPE = 415
# Whatever is asked for, the request may be unreadable or too large, and something may break.
ANSWERED_ANYWHERE = (400, 403, 406, 413, 500, 507)
# The server answers these itself, in plain text: the request never reached the site.
ANSWERED_BY_SERVER = (400, REQUEST_TIMEOUT, 431, 500, 501)
# What a detector answers to a whole request that it refuses, by the code of its contract.
DETECTOR = {
    "INVALID_REQUEST": 400,
    "AUTHENTICATION_REQUIRED": 401,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "DETECTION_FAILED": 500,
}
DETAILS = {
    400: "The request cannot be read: it is damaged, has too many parts, or names another host.",
    404: "There is nothing at this address. `/api/v1/` lists what there is.",
    500: "Something broke on our side. It was written down for whoever runs this site.",
}


def status_of(refusal: Refusal | type[Refusal]) -> int:
    """The status of this refusal's class, or of the nearest class that it descends from."""
    kind = refusal if isinstance(refusal, type) else type(refusal)
    return next(STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS)


def headers_of(refusal: Refusal) -> dict[str, str]:
    """When to try again, and how to say who asks, where the status calls for it."""
    headers = {}
    if (retry_after := getattr(refusal, "retry_after", None)) is not None:
        headers["Retry-After"] = str(retry_after)
    if status_of(refusal) == NOT_SIGNED_IN:
        headers["WWW-Authenticate"] = "Token"
    return headers
