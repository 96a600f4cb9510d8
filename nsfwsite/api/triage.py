"""List the reports that wait for a decision, decide one, and ask for a second opinion."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback import queries
from feedback.errors import AlreadyDecided, Invalid, WrongState
from feedback.models import Report
from feedback.services import triage
from feedback.services.api_tokens import Scope
from nsfwsite.api.permissions import IsReviewer
from nsfwsite.api.requests import user_of, validated_data
from nsfwsite.api.schema import refuses
from nsfwsite.api.serializers.triage import CaseOutput, DecisionInput, DecisionOutput


class CaseList(ListAPIView):
    """The reports that wait for a decision, the oldest first."""

    scope = Scope.TRIAGE
    permission_classes = [IsReviewer]
    serializer_class = CaseOutput
    queryset = Report.objects.none()

    def get_queryset(self) -> QuerySet[Report]:
        return queries.triage.open_cases(user_of(self.request))


class CaseDecision(APIView):
    """Accept, reject or escalate a report."""

    scope = Scope.TRIAGE
    permission_classes = [IsReviewer]
    parser_classes = [JSONParser]

    @extend_schema(request=DecisionInput, responses={201: DecisionOutput})
    @refuses(Invalid, WrongState, AlreadyDecided)
    def post(self, request: Request, pk: int) -> Response:
        report = get_object_or_404(Report, pk=pk)
        data = validated_data(DecisionInput, request)
        decision = triage.decide(report=report, by=user_of(request), **data)
        return Response(DecisionOutput(decision).data, status=201)


class SecondOpinion(APIView):
    """From now on two reviewers must agree on this report."""

    scope = Scope.TRIAGE
    permission_classes = [IsReviewer]

    @extend_schema(request=None, responses={204: None})
    @refuses(WrongState, AlreadyDecided)
    def post(self, request: Request, pk: int) -> Response:
        triage.ask_second_opinion(report=get_object_or_404(Report, pk=pk), by=user_of(request))
        return Response(status=204)
