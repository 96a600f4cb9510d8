"""The models and their audits."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.errors import ArtifactMissing, Invalid
from feedback.models import Audit, ModelVersion
from feedback.services import disparity, shortages
from feedback.services.api_tokens import Scope
from nsfwsite.api.schema import refuses
from nsfwsite.api.serializers.models import (
    AuditOutput,
    DisparityInput,
    ModelOutput,
    ShortageInput,
)


class ModelList(ListAPIView):
    """Every model, and which is in service."""

    scope = Scope.READ
    serializer_class = ModelOutput
    queryset = ModelVersion.objects.all()


class ModelDisparity(APIView):
    """How far the groups of an axis are from each other in a model's newest audit."""

    scope = Scope.READ

    @extend_schema(parameters=[DisparityInput], responses=OpenApiTypes.OBJECT)
    @refuses(Invalid, ArtifactMissing)
    def get(self, request: Request, version: str) -> Response:
        audit = _finished_audit_or_404(version)
        fields = DisparityInput(data=request.query_params)
        fields.is_valid(raise_exception=True)
        result = disparity.group_comparison(audit, **fields.validated_data)
        return Response({"audit_set": audit.audit_set.name, **result})


class ModelShortage(APIView):
    """What the gate can see with the images of a model's newest audit."""

    scope = Scope.READ

    @extend_schema(parameters=[ShortageInput], responses=OpenApiTypes.OBJECT)
    @refuses(Invalid, ArtifactMissing)
    def get(self, request: Request, version: str) -> Response:
        audit = _finished_audit_or_404(version)
        fields = ShortageInput(data=request.query_params)
        fields.is_valid(raise_exception=True)
        result = shortages.shortage_figures(audit, rise=fields.validated_data.get("rise"))
        return Response({"audit_set": audit.audit_set.name, **result})


class ModelAudit(APIView):
    """The figures of a model per class and group, and the gate's verdict."""

    scope = Scope.READ

    @extend_schema(responses=AuditOutput)
    def get(self, request: Request, version: str) -> Response:
        model = queries.models.model_of(version)
        audit = queries.audits.audit_of(model) if model else None
        if audit is None:
            raise Http404
        return Response(AuditOutput(audit).data)


def _finished_audit_or_404(version: str) -> Audit:
    model = queries.models.model_of(version)
    audit = queries.audits.audit_of(model) if model else None
    if audit is None or audit.status != Audit.Status.DONE:
        raise Http404
    return audit
