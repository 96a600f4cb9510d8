"""The models and their audits."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.models import ModelVersion
from nsfwsite.api.serializers.models import AuditOutput, ModelOutput


class ModelList(ListAPIView):
    serializer_class = ModelOutput
    queryset = ModelVersion.objects.all()


class ModelAudit(APIView):
    @extend_schema(responses=AuditOutput)
    def get(self, request: Request, version: str) -> Response:
        model = queries.models.model_of(version)
        audit = queries.audits.audit_of(model) if model else None
        if audit is None:
            raise Http404
        return Response(AuditOutput(audit).data)
