"""The detector at this site: the model in service answers whoever has a token of the API."""

import time
from collections.abc import Sequence

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed

from feedback import queries
from feedback.errors import (
    ClassifierUnavailable,
    ImageRefused,
    ScopeTooSmall,
    StorageFull,
    TokenRefused,
    TooManyRequests,
)
from feedback.models import Classification
from feedback.services import api_tokens, classifications
from feedback.services.api_tokens import Scope
from nsfwsite import throttle
from nsfwsite.detector import contract
from nsfwsite.detector.contract import Answer, Code, Problem, RequestRefused
from nsfwsite.intake import classifying
from nsfwsite.refusal_status import status_of
from nsfwsite.token_authentication import ApiTokenAuthentication, BearerAuthentication

ANSWER_SECONDS = 30.0


@csrf_exempt
def detect_images(request: HttpRequest) -> HttpResponse:
    def detect(images: Sequence[bytes]) -> list[Answer]:
        return _detect(request, images)

    return contract.respond(request, may_ask=_has_token, detect=detect)


def _has_token(request: HttpRequest) -> bool:
    """Whether there is a token for this, as the contract writes it or as the API does."""
    try:
        for authentication in (BearerAuthentication(), ApiTokenAuthentication()):
            if credentials := authentication.authenticate(request):
                api_tokens.require_scope(credentials[1], [Scope.CLASSIFY])
                return True
    except AuthenticationFailed:
        return False
    except (TokenRefused, ScopeTooSmall) as refusal:
        raise RequestRefused(
            Code.AUTHENTICATION_REQUIRED, str(refusal), status=status_of(refusal)
        ) from None
    return False


def _detect(request: HttpRequest, images: Sequence[bytes]) -> list[Answer]:
    """Queue all images at once, so that every inference process works on them."""
    if queries.models.champion() is None:
        return [Problem(Code.MODEL_UNAVAILABLE, "No model is in service yet.")] * len(images)
    queued = [_queue(request, image) for image in images]
    deadline = time.monotonic() + ANSWER_SECONDS
    return [
        entry if isinstance(entry, Problem) else _answer(entry, deadline - time.monotonic())
        for entry in queued
    ]


def _queue(request: HttpRequest, image: bytes) -> Classification | Problem:
    upload = SimpleUploadedFile("image", image)
    try:
        throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
        return classifying.classify(upload=upload, limits=contract.image_limits(), keep=False)
    except ImageRefused as refusal:
        return contract.problem_of(refusal.code, str(refusal))
    except (ClassifierUnavailable, TooManyRequests) as refusal:
        return Problem(Code.MODEL_UNAVAILABLE, str(refusal))
    except StorageFull as refusal:
        return Problem(Code.DETECTION_FAILED, str(refusal))


def _answer(classification: Classification, seconds: float) -> Answer:
    """Wait for an answer, and delete everything that was kept for it."""
    status = Classification.Status
    start_time = time.monotonic()
    try:
        classifying.wait_for_answer(classification=classification, seconds=max(0, seconds))
        if classification.status == status.DONE:
            return dict(classification.scores)
        classifying.raise_if_refused(classification)
    except ImageRefused as refusal:
        return contract.problem_of(refusal.code, str(refusal))
    except (ClassifierUnavailable, StorageFull) as refusal:
        return Problem(Code.DETECTION_FAILED, str(refusal))
    finally:
        classifications.delete(classification)
    if time.monotonic() - start_time < seconds:
        return Problem(
            Code.MODEL_UNAVAILABLE, "Too many requests wait for answers. Try again later."
        )
    message = f"An image must be answered within {ANSWER_SECONDS:g} seconds. Try again later."
    return Problem(Code.DETECTION_FAILED, message)
