"""Classify an image, fetch the answer, and say whether it was right."""

import re

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.errors import (
    ChallengeNeeded,
    ClassifierUnavailable,
    ImageRefused,
    TooManyRequests,
    WrongState,
)
from feedback.models import Classification
from feedback.services import classifications
from feedback.services.api_tokens import Scope
from nsfwsite import throttle
from nsfwsite.api.requests import validated_data
from nsfwsite.api.schema import LOCATION, SOLUTION, refuses
from nsfwsite.api.serializers.classifications import (
    ClassificationInput,
    ClassificationOutput,
    ClassificationWaiting,
    RightInput,
)
from nsfwsite.intake import classifying

DEFAULT_WAIT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 30.0
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"`wait=N`: how many seconds to wait for the answer, {DEFAULT_WAIT_SECONDS:g} if "
    f"it is left out and at most {LONGEST_WAIT_SECONDS:g}.",
)


class ClassificationList(APIView):
    """Classify an image."""

    scope = Scope.CLASSIFY
    parser_classes = [MultiPartParser]

    @extend_schema(
        parameters=[PREFER, SOLUTION, LOCATION[202]],
        request=ClassificationInput,
        responses={200: ClassificationOutput, 202: ClassificationWaiting},
    )
    @refuses(TooManyRequests, ChallengeNeeded, ImageRefused, ClassifierUnavailable)
    def post(self, request: Request) -> Response:
        throttle.hit_upload(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
        data = validated_data(ClassificationInput, request)
        classification = classifying.classify(upload=data["image"])
        classifying.wait_for_answer(classification=classification, seconds=_wait_seconds(request))
        return _answer(classification)


@method_decorator(never_cache, name="dispatch")
class ClassificationDetail(APIView):
    """The answer to an image, or 202 while there is none."""

    scope = Scope.CLASSIFY

    @extend_schema(
        parameters=[LOCATION[202]],
        responses={200: ClassificationOutput, 202: ClassificationWaiting},
    )
    @refuses(ImageRefused, ClassifierUnavailable)
    def get(self, request: Request, pk: str) -> Response:
        classification = _classification(pk)
        if classification.status == Classification.Status.WAITING:
            classifying.refuse_without_worker()
        return _answer(classification)


class AnswerRight(APIView):
    """Whether an answer was right, from whoever sent the image."""

    scope = Scope.CLASSIFY

    @extend_schema(request=RightInput, responses={204: None})
    @refuses(TooManyRequests, WrongState)
    def post(self, request: Request, pk: str) -> Response:
        throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
        classification = _classification(pk)
        right = validated_data(RightInput, request)["said"] == "right"
        classifications.record_feedback(classification=classification, right=right)
        return Response(status=204)


def _classification(pk: str) -> Classification:
    return get_object_or_404(Classification.objects.select_related("model"), pk=pk)


def _wait_seconds(request: HttpRequest) -> float:
    """How long `Prefer: wait=N` (RFC 7240) asks us to wait, within bounds."""
    preference = re.search(r"\bwait=(\d+)", request.headers.get("Prefer", ""))
    if preference is None:
        return DEFAULT_WAIT_SECONDS
    return min(float(preference[1]), LONGEST_WAIT_SECONDS)


def _answer(classification: Classification) -> Response:
    """200 with the answer, 202 while there is none, or the refusal that the image met."""
    classifying.raise_if_refused(classification)
    url = reverse("api:classification", args=[classification.pk])
    if classification.status == Classification.Status.WAITING:
        body = ClassificationWaiting({"id": classification.pk, "url": url}).data
        retry_after = str(classifying.poll_seconds(classification))
        return Response(body, status=202, headers={"Location": url, "Retry-After": retry_after})
    return Response(ClassificationOutput(classification).data)
