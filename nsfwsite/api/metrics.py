"""The site's figures for Prometheus."""

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.request import Request
from rest_framework.views import APIView

from feedback.services.api_tokens import Scope
from nsfwsite import metrics
from nsfwsite.api.permissions import IsMaintainer


@method_decorator(never_cache, name="dispatch")
class Metrics(APIView):
    """Figures of workers, queues, reports, retrains and the model in service, for Prometheus."""

    scope = Scope.READ
    permission_classes = [IsMaintainer]

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics.as_text(), content_type=CONTENT_TYPE_LATEST)
