"""What a detector of sensitive images is asked and answers, as Misskey's servers expect it.

The contract is that of misskey-dev/sensitive-detector:
https://github.com/misskey-dev/sensitive-detector/blob/main/docs/api-detect-images.md
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import multipart
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from feedback.errors import Refusal
from modeltrain.images.codec import Limits
from modeltrain.labels import LABELS
from nsfwsite.refusal_status import DETECTOR, METHOD_NOT_ALLOWED, NOT_SIGNED_IN, status_of

log = structlog.get_logger()
PATH = "/v1/detect-images"
CLASS_NAMES = dict(zip(LABELS, ("Drawing", "Hentai", "Neutral", "Porn", "Sexy"), strict=True))
CONTENT_TYPES = ("image/png", "image/jpeg", "image/gif", "image/bmp")
_TOO_LARGE = ("too_many_bytes", "too_many_pixels", "too_long")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")


class Code(StrEnum):
    INVALID_REQUEST = "INVALID_REQUEST"
    AUTHENTICATION_REQUIRED = "AUTHENTICATION_REQUIRED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    IMAGE_DECODE_FAILED = "IMAGE_DECODE_FAILED"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    DETECTION_FAILED = "DETECTION_FAILED"


@dataclass(frozen=True)
class Problem:
    """Why there is no answer for one image, or for a whole request."""

    code: Code
    message: str


class RequestRefused(Exception):
    """A whole request is refused, with the HTTP status of its code, or another."""

    def __init__(self, code: Code, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status or DETECTOR[code]
        self.problem = Problem(code, message)


# The probability of each label, or why there is none.
Answer = Mapping[str, float] | Problem
Detect = Callable[[Sequence[bytes]], Sequence[Answer]]


def image_limits() -> Limits:
    """What one image may cost. A detector does not turn images by their orientation."""
    return Limits(max_side=settings.DETECTOR_MAX_SIDE, upright=False)


def problem_of(code: str, message: str) -> Problem:
    """Why an image was refused, from the code of a `DecodeError`."""
    return Problem(
        Code.REQUEST_TOO_LARGE if code in _TOO_LARGE else Code.IMAGE_DECODE_FAILED, message
    )


def respond(
    request: HttpRequest, *, may_ask: Callable[[HttpRequest], bool], detect: Detect
) -> HttpResponse:
    """Answer a request: `detect` gets the images that may be judged, in the order of the parts."""
    try:
        _refuse_large_body(request)
        if request.method != "POST":
            message = f"{PATH} takes POST. Received: {request.method}."
            raise RequestRefused(Code.INVALID_REQUEST, message, status=METHOD_NOT_ALLOWED)
        if not may_ask(request):
            message = "A request must have `Authorization: Bearer` and a valid token."
            raise RequestRefused(Code.AUTHENTICATION_REQUIRED, message)
        parts = [_image_of(part) for part in _parts(request)]
        answers = iter(detect([part for part in parts if isinstance(part, bytes)]))
        results = [next(answers) if isinstance(part, bytes) else part for part in parts]
    except RequestRefused as refusal:
        return refusal_response(request, refusal)
    except Exception:
        log.exception("detection failed")
        message = "Something broke on our side. It was written down for whoever runs this detector."
        failure = RequestRefused(Code.DETECTION_FAILED, message)
        return refusal_response(request, failure)
    return _response(
        request, {"success": True, "result": {"results": [_result(entry) for entry in results]}}
    )


def is_for_detector(request: HttpRequest) -> bool:
    return request.path.rstrip("/") == PATH


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer to a request that the site refuses before its view runs."""
    status = status_of(refusal)
    otherwise = (
        Code.DETECTION_FAILED if status >= DETECTOR[Code.DETECTION_FAILED] else Code.INVALID_REQUEST
    )
    code = next((Code(name) for name in DETECTOR if DETECTOR[name] == status), otherwise)
    return refusal_response(request, RequestRefused(code, str(refusal)))


def refusal_response(request: HttpRequest, refusal: RequestRefused) -> HttpResponse:
    response = _response(request, _failure(refusal.problem), status=refusal.status)
    if refusal.status == METHOD_NOT_ALLOWED:
        response["Allow"] = "POST"
    if refusal.status == NOT_SIGNED_IN:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _response(request: HttpRequest, body: dict[str, Any], status: int = 200) -> HttpResponse:
    response = JsonResponse(body, status=status)
    request_id = request.headers.get("X-Request-Id", "")
    valid = _REQUEST_ID.fullmatch(request_id)
    response["X-Request-Id"] = request_id if valid else str(uuid.uuid4())
    response["Cache-Control"] = "no-store"
    return response


def _refuse_large_body(request: HttpRequest) -> None:
    """The server leaves out a body that is too large, and keeps its length."""
    received = int(request.META.get("CONTENT_LENGTH") or 0)
    if received > (limit := settings.BODY_MAX_BYTES["classification"]):
        message = f"A request may have {limit:,} bytes. Received: {received:,}. Send fewer images."
        raise RequestRefused(Code.REQUEST_TOO_LARGE, message)


def _parts(request: HttpRequest) -> list[multipart.MultipartPart]:
    """Read the parts of the body into memory, in their order."""
    kind, options = multipart.parse_options_header(request.headers.get("Content-Type", ""))
    if kind != "multipart/form-data":
        message = f"The body must be multipart/form-data. Received: {kind or 'no content type'}."
        raise RequestRefused(Code.UNSUPPORTED_MEDIA_TYPE, message)
    body_bytes = settings.BODY_MAX_BYTES["classification"]
    parser = multipart.MultipartParser(
        request,
        options.get("boundary", ""),
        content_length=int(request.headers.get("Content-Length") or -1),
        part_limit=settings.DETECTOR_MAX_PARTS,
        spool_limit=body_bytes,
        memory_limit=body_bytes,
    )
    try:
        parts = parser.parts()
    except multipart.ParserLimitReached as error:
        message = f"A request may have {settings.DETECTOR_MAX_PARTS} images. {error}."
        raise RequestRefused(Code.REQUEST_TOO_LARGE, message) from None
    except multipart.MultipartError as error:
        message = f"The body cannot be read as multipart/form-data: {error}."
        raise RequestRefused(Code.INVALID_REQUEST, message) from None
    if not parts:
        message = "A request must have at least one image. Received: no part."
        raise RequestRefused(Code.INVALID_REQUEST, message)
    return parts


def _image_of(part: multipart.MultipartPart) -> bytes | Problem:
    """The bytes of an image, or why the part is none."""
    if not part.filename:
        return Problem(Code.INVALID_REQUEST, "A part must be a file. Received: a text field.")
    if not part.size:
        return Problem(Code.INVALID_REQUEST, "A file must not be empty. Received: 0 bytes.")
    kind, _ = multipart.parse_options_header(part.content_type or "")
    if kind not in CONTENT_TYPES:
        return Problem(
            Code.UNSUPPORTED_MEDIA_TYPE,
            f"A file must be {', '.join(CONTENT_TYPES[:-1])} or {CONTENT_TYPES[-1]}. "
            f"Received: {kind or 'no content type'}.",
        )
    return bytes(part.raw)


def _result(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Problem):
        return _failure(answer)
    likeliest_first = sorted(answer.items(), key=lambda score: -score[1])
    return {
        "success": True,
        "predictions": [
            {"className": CLASS_NAMES[label], "probability": probability}
            for label, probability in likeliest_first
        ],
    }


def _failure(problem: Problem) -> dict[str, Any]:
    return {"success": False, "error": {"code": problem.code, "message": problem.message}}
