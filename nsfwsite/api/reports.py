"""File a report, follow it by its receipt, appeal; and the public list of decided reports."""

import hashlib
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.errors import (
    ChallengeNeeded,
    ClassifierUnavailable,
    Gone,
    ImageRefused,
    Invalid,
    KeyReused,
    TooManyRequests,
    WrongState,
)
from feedback.models import Classification, PublicReport
from feedback.services import evidence, reports
from feedback.services.api_tokens import Scope
from feedback.services.counterparts import Pair
from nsfwsite import throttle
from nsfwsite.access import report_of
from nsfwsite.api.requests import user_of, validated_data
from nsfwsite.api.schema import LOCATION, SOLUTION, refuses
from nsfwsite.api.serializers.reports import (
    AppealInput,
    PublicReportOutput,
    ReportFiled,
    ReportInput,
    ReportOutput,
)
from nsfwsite.intake import group_fields, reporting

IDEMPOTENCY_KEY_LENGTH = 200
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": IDEMPOTENCY_KEY_LENGTH},
    OpenApiParameter.HEADER,
    description="Makes a retry harmless: the same key with the same body is one report.",
)


class ReportList(ListAPIView):
    """Decided reports, in words, without images; and a report of one's own."""

    scope = Scope.REPORT
    parser_classes = [MultiPartParser, FormParser]
    serializer_class = PublicReportOutput
    queryset = PublicReport.objects.none()

    def get_queryset(self) -> QuerySet[PublicReport]:
        for name, allowed in queries.public_reports.filters().items():
            value = self.request.GET.get(name)
            if value is not None and value not in allowed:
                raise Invalid(
                    rule=f"`{name}` must be one of {', '.join(allowed)}.",
                    received=repr(value),
                    remedy="Choose one of these, or leave it out.",
                )
        return queries.public_reports.reports(
            queries.public_reports.chosen_filters(self.request.GET)
        )

    @extend_schema(
        parameters=[OpenApiParameter(name) for name in ("label", "group", "state", "model")]
    )
    @refuses(Invalid)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Everybody's reports, once they are decided: in words, without images."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY, SOLUTION, LOCATION[201]],
        request=ReportInput,
        responses={201: ReportFiled},
    )
    @refuses(
        TooManyRequests,
        ChallengeNeeded,
        Invalid,
        ImageRefused,
        KeyReused,
        ClassifierUnavailable,
        Gone,
        Http404,
    )
    def post(self, request: Request) -> Response:
        """File a report, and get its receipt."""
        throttle.hit_upload(request, scope="reports", rate=settings.RATE_REPORTS)
        data = validated_data(ReportInput, request)
        uploads, pk = data.pop("images"), data.pop("classification")
        pairs = _pairs(data.pop("wrong"), data.pop("counterpart"), data.pop("pair_groups"))
        report, _ = reporting.file_report(
            uploads=uploads,
            pairs=pairs,
            classification=pk and get_object_or_404(Classification, pk=pk),
            source=throttle.source_of(request),
            filed_by=user_of(request) if request.user.is_authenticated else None,
            idempotency_key=_idempotency_key(request),
            request_sha256=_body_sha256(request),
            **{
                **data,
                "groups": group_fields.parse_groups(data["groups"]),
                "evidence": evidence.parse(data["evidence"]),
            },
        )
        body = {
            "receipt": report.receipt,
            "url": request.build_absolute_uri(reverse("receipt", args=[report.receipt])),
            "status": report.status,
        }
        location = reverse("api:report", args=[report.receipt])
        return Response(body, status=201, headers={"Location": location})


@method_decorator(never_cache, name="dispatch")
class ReportDetail(APIView):
    """The report of a receipt: its state, its history, and what models say of its images."""

    scope = Scope.REPORT

    @extend_schema(responses=ReportOutput)
    def get(self, request: Request, receipt: str) -> Response:
        return Response(ReportOutput(report_of(receipt)).data)


class Appeal(APIView):
    """Another look at a report that was rejected, asked for once."""

    scope = Scope.REPORT

    @extend_schema(request=AppealInput, responses=ReportOutput)
    @refuses(TooManyRequests, Invalid, WrongState)
    def post(self, request: Request, receipt: str) -> Response:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        report = report_of(receipt)
        reports.appeal(report=report, words=validated_data(AppealInput, request)["words"])
        return Response(ReportOutput(report_of(receipt)).data)


class Withdrawal(APIView):
    """Withdraw a report: its data are erased, and only the fact stays."""

    scope = Scope.REPORT

    @extend_schema(request=None, responses=ReportOutput)
    @refuses(TooManyRequests, WrongState)
    def post(self, request: Request, receipt: str) -> Response:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        reporting.withdraw(report=report_of(receipt))
        return Response(ReportOutput(report_of(receipt)).data)


def _pairs(
    wrong: list[UploadedFile], counterpart: list[UploadedFile], groups: str
) -> list[Pair[UploadedFile]]:
    """The n-th image in `wrong` belongs with the n-th in `counterpart`."""
    if len(wrong) != len(counterpart):
        raise Invalid(
            rule="Each image in `wrong` has its counterpart in `counterpart`, in the same order.",
            received=f"{len(wrong)} and {len(counterpart)}",
            remedy="Send as many of one as of the other.",
        )
    pair_groups = group_fields.parse_pair_groups(groups, len(wrong))
    return [Pair(*parts) for parts in zip(wrong, counterpart, pair_groups, strict=True)]


def _idempotency_key(request: Request) -> str | None:
    """The sender's key, as good as unknown to any other sender: a hash of both."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > IDEMPOTENCY_KEY_LENGTH:
        raise Invalid(
            rule=f"An Idempotency-Key has at most {IDEMPOTENCY_KEY_LENGTH} characters.",
            received=f"{len(key)} characters",
            remedy="Send a shorter one, such as a UUID.",
        )
    if not key:
        return None
    user = request.user.pk
    sender = f"account {user}" if user else f"address {throttle.address_of(request)}"
    return salted_hmac(sender, key, algorithm="sha256").hexdigest()


def _body_sha256(request: Request) -> str:
    """One hash of every field and file in a multipart request, whatever its boundary was."""
    digest = hashlib.sha256()
    for name in sorted(request.data):
        for value in cast(QueryDict, request.data).getlist(name):
            digest.update(f"{name}\0".encode())
            if hasattr(value, "chunks"):
                for chunk in value.chunks():
                    digest.update(chunk)
                value.seek(0)  # type: ignore[attr-defined]
            else:
                digest.update(str(value).encode())
            digest.update(b"\0")
    return digest.hexdigest()
