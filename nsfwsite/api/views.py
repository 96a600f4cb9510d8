import hashlib
import re
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.errors import Invalid
from feedback.models import Classification, ModelVersion, PublicReport, Report, Retrain
from feedback.services import classifications, evidence, reports, retrains, triage
from feedback.services.counterparts import Pair
from nsfwsite import throttle
from nsfwsite.api import serializers
from nsfwsite.api.permissions import IsMaintainer, IsReviewer
from nsfwsite.intake import classifying, group_fields, maintaining, reporting

DEFAULT_WAIT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 30.0


def seconds_to_wait(request: HttpRequest) -> float:
    """`Prefer: wait=N` (RFC 7240), within bounds."""
    asked = re.search(r"\bwait=(\d+)", request.headers.get("Prefer", ""))
    return min(float(asked[1]), LONGEST_WAIT_SECONDS) if asked else DEFAULT_WAIT_SECONDS


def answer(classification: Classification) -> Response:
    """200 with the answer, 202 while there is none, or the refusal it ended in."""
    classifying.judged(classification)
    url = reverse("api:classification", args=[classification.pk])
    if classification.status == Classification.Status.WAITING:
        body = {"id": str(classification.pk), "status": classification.status, "url": url}
        return Response(body, status=202, headers={"Location": url, "Retry-After": "1"})
    return Response(serializers.ClassificationOutput(classification).data)


class Classifications(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        request=serializers.ClassificationInput, responses=serializers.ClassificationOutput
    )
    def post(self, request: Request) -> Response:
        throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
        data = valid(serializers.ClassificationInput, request)
        classification = classifying.classify(upload=data["image"])
        seconds = seconds_to_wait(request)
        return answer(classifying.wait(classification=classification, seconds=seconds))


@method_decorator(never_cache, name="dispatch")
class OneClassification(APIView):
    @extend_schema(responses=serializers.ClassificationOutput)
    def get(self, request: Request, pk: str) -> Response:
        classification = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
        if classification.status == Classification.Status.WAITING:
            classifying.refuse_without_worker()
        return answer(classification)


class Right(APIView):
    """Whether an answer was right, from whoever sent the image."""

    @extend_schema(request=serializers.RightInput, responses={204: None})
    def post(self, request: Request, pk: str) -> Response:
        throttle.hit(request, scope="classifications", rate=settings.RATE_CLASSIFICATIONS)
        found = get_object_or_404(Classification.objects.select_related("model"), pk=pk)
        data = valid(serializers.RightInput, request)
        classifications.record_feedback(classification=found, right=data["said"] == "right")
        return Response(status=204)


class Reports(ListAPIView):
    """Anybody's reports, once they are decided, in words; and a report of one's own."""

    parser_classes = [MultiPartParser, FormParser]
    serializer_class = serializers.PublicReportOutput
    queryset = PublicReport.objects.none()

    def get_queryset(self) -> Any:
        for name, values in queries.public_reports.filters().items():
            asked = self.request.GET.get(name)
            if asked is not None and asked not in values:
                raise Invalid(
                    rule=f"`{name}` must be one of {', '.join(values)}.",
                    received=repr(asked),
                    remedy="Choose one of these, or leave it out.",
                )
        return queries.public_reports.reports(
            queries.public_reports.chosen_filters(self.request.GET)
        )

    @extend_schema(
        parameters=[OpenApiParameter(name) for name in ("label", "group", "state", "model")]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=serializers.ReportInput, responses={201: serializers.ReportFiled})
    def post(self, request: Request) -> Response:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        data = valid(serializers.ReportInput, request)
        uploads, pk = data.pop("images"), data.pop("classification")
        pairs = _pairs(data.pop("wrong"), data.pop("counterpart"), data.pop("pair_groups"))
        key = request.headers.get("Idempotency-Key", "")[:200]
        digest = _digest(request)
        report, _ = reporting.file_report(
            uploads=uploads,
            pairs=pairs,
            classification=pk and get_object_or_404(Classification, pk=pk),
            source=throttle.source_of(request),
            idempotency_key=hashlib.sha256(key.encode()).hexdigest() if key else None,
            request_sha256=digest,
            **{
                **data,
                "groups": group_fields.parse_groups(data["groups"]),
                "evidence": evidence.parse(data["evidence"]),
            },
        )
        filed = {
            "receipt": report.receipt,
            "url": request.build_absolute_uri(reverse("receipt", args=[report.receipt])),
            "status": report.status,
        }
        location = reverse("api:report", args=[report.receipt])
        return Response(filed, status=201, headers={"Location": location})


@method_decorator(never_cache, name="dispatch")
class OneReport(APIView):
    @extend_schema(responses=serializers.ReportOutput)
    def get(self, request: Request, receipt: str) -> Response:
        report = queries.reports.by_receipt(receipt)
        if report is None:
            raise Http404
        return Response(serializers.ReportOutput(report).data)


class Appeal(APIView):
    """Another look at a report that was declined, asked for once."""

    @extend_schema(request=serializers.AppealInput, responses=serializers.ReportOutput)
    def post(self, request: Request, receipt: str) -> Response:
        throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
        report = queries.reports.by_receipt(receipt)
        if report is None:
            raise Http404
        reports.appeal(report=report, words=valid(serializers.AppealInput, request)["words"])
        return Response(serializers.ReportOutput(queries.reports.by_receipt(receipt)).data)


class Triage(ListAPIView):
    permission_classes = [IsReviewer]
    serializer_class = serializers.CaseOutput
    queryset = Report.objects.none()

    def get_queryset(self) -> Any:
        return queries.triage.open_cases(user_of(self.request))


class TriageDecision(APIView):
    permission_classes = [IsReviewer]
    parser_classes = [JSONParser]

    @extend_schema(request=serializers.DecisionInput, responses={201: serializers.DecisionOutput})
    def post(self, request: Request, pk: int) -> Response:
        report = get_object_or_404(Report, pk=pk)
        data = valid(serializers.DecisionInput, request)
        decision = triage.decide(report=report, by=user_of(request), **data)
        return Response(serializers.DecisionOutput(decision).data, status=201)


class SecondOpinion(APIView):
    """From now on two reviewers must agree on this report."""

    permission_classes = [IsReviewer]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        triage.ask_second_opinion(report=get_object_or_404(Report, pk=pk), by=user_of(request))
        return Response(status=204)


class Retrains(ListAPIView):
    permission_classes = [IsMaintainer]
    serializer_class = serializers.RetrainOutput
    queryset = Retrain.objects.all()

    @extend_schema(request=None, responses={201: serializers.RetrainOutput})
    def post(self, request: Request) -> Response:
        retrain = retrains.propose(by=user_of(request))
        location = reverse("api:retrain", args=[retrain.pk])
        return Response(
            serializers.RetrainOutput(retrain).data, status=201, headers={"Location": location}
        )


class OneRetrain(RetrieveAPIView):
    permission_classes = [IsMaintainer]
    serializer_class = serializers.RetrainOutput
    queryset = Retrain.objects.all()


class RetrainStep(APIView):
    """One step of a retrain; each of them happens once."""

    permission_classes = [IsMaintainer]

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        raise AssertionError("each step says what it does")

    @extend_schema(request=None, responses=serializers.RetrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        retrain = self.step(request, get_object_or_404(Retrain, pk=pk))
        return Response(serializers.RetrainOutput(retrain).data)


class RetrainApproval(RetrainStep):
    def step(self, request: Request, retrain: Retrain) -> Retrain:
        return maintaining.approve(retrain=retrain, by=user_of(request))


class RetrainCancellation(RetrainStep):
    def step(self, request: Request, retrain: Retrain) -> Retrain:
        return retrains.cancel(retrain=retrain, by=user_of(request))


class RetrainPromotion(RetrainStep):
    @extend_schema(request=serializers.PromotionInput, responses=serializers.RetrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk)

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        data = valid(serializers.PromotionInput, request)
        return maintaining.promote(retrain=retrain, by=user_of(request), **data)


class RetrainDecline(RetrainStep):
    @extend_schema(request=serializers.DeclineInput, responses=serializers.RetrainOutput)
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk)

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        data = valid(serializers.DeclineInput, request)
        return retrains.decline(retrain=retrain, by=user_of(request), **data)


class Models(ListAPIView):
    serializer_class = serializers.ModelOutput
    queryset = ModelVersion.objects.all()


class ModelAudit(APIView):
    @extend_schema(responses=serializers.AuditOutput)
    def get(self, request: Request, version: str) -> Response:
        model = queries.models.model_of(version)
        audit = queries.audits.audit_of(model) if model else None
        if audit is None:
            raise Http404
        return Response(serializers.AuditOutput(audit).data)


def valid(serializer: Any, request: Request) -> dict[str, Any]:
    try:
        data = request.data
    except RecursionError:
        raise ParseError("JSON must not be nested this deeply.") from None
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def user_of(request: Request) -> User:
    return cast(User, request.user)  # the permission classes let nobody else pass


def _pairs(
    wrong: list[UploadedFile], counterpart: list[UploadedFile], groups: str
) -> list[Pair[UploadedFile]]:
    """The n-th `counterpart` is that of the n-th `wrong`."""
    if len(wrong) != len(counterpart):
        raise Invalid(
            rule="Each image in `wrong` has its counterpart in `counterpart`, in the same order.",
            received=f"{len(wrong)} and {len(counterpart)}",
            remedy="Send as many of one as of the other.",
        )
    stated = group_fields.parse_pair_groups(groups, len(wrong))
    return [Pair(*both) for both in zip(wrong, counterpart, stated, strict=True)]


def _digest(request: Request) -> str:
    """One hash of all that a multipart request says, whatever its boundary was."""
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
