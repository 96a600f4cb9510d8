"""Propose, follow and decide retrains."""

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.errors import (
    ArtifactMissing,
    GapsNotAcknowledged,
    Invalid,
    NothingToLearn,
    OverrideNeeded,
    RecipeRefused,
    VerdictOutdated,
    WrongState,
)
from feedback.models import Retrain
from feedback.services import recipes, retrains
from feedback.services.api_tokens import Scope
from nsfwsite.api.permissions import IsMaintainer
from nsfwsite.api.requests import user_of, validated_data
from nsfwsite.api.schema import LOCATION, refuses
from nsfwsite.api.serializers.retrains import (
    DeclineInput,
    PromotionInput,
    ProposalInput,
    RecipeOutput,
    RetrainOutput,
)
from nsfwsite.intake import maintaining


class RetrainList(ListAPIView):
    """Every retrain."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]
    serializer_class = RetrainOutput
    queryset = Retrain.objects.select_related(
        *("base", "candidate", "dataset", "judged_against", "audit_set"),
        *("proposed_by", "approved_by", "decided_by"),
    )

    @extend_schema(
        parameters=[LOCATION[201]], request=ProposalInput, responses={201: RetrainOutput}
    )
    @refuses(Invalid, WrongState, NothingToLearn, RecipeRefused)
    def post(self, request: Request) -> Response:
        """Propose a retrain by a recipe, from the reports that are accepted."""
        data = validated_data(ProposalInput, request)
        retrain = retrains.propose(by=user_of(request), **data)
        location = reverse("api:retrain", args=[retrain.pk])
        return Response(RetrainOutput(retrain).data, status=201, headers={"Location": location})


class RecipeList(APIView):
    """Every recipe, with what it would use and cost if it was proposed now."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]

    @extend_schema(responses=RecipeOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(RecipeOutput(recipes.offers(), many=True).data)


class RetrainDetail(RetrieveAPIView):
    """A retrain: its state, its progress, and the gate's verdict."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]
    serializer_class = RetrainOutput
    queryset = Retrain.objects.all()


class RetrainStep(APIView):
    """One step of a retrain; each of them happens once."""

    scope = Scope.MAINTAIN
    permission_classes = [IsMaintainer]

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        raise NotImplementedError

    @extend_schema(request=None, responses=RetrainOutput)
    @refuses(WrongState)
    def post(self, request: Request, pk: int) -> Response:
        retrain = self.step(request, get_object_or_404(Retrain, pk=pk))
        return Response(RetrainOutput(retrain).data)


class RetrainApproval(RetrainStep):
    """Let a proposed retrain begin."""

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        return maintaining.approve(retrain=retrain, by=user_of(request))


class RetrainCancellation(RetrainStep):
    """Cancel a retrain that is not finished."""

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        return retrains.cancel(retrain=retrain, by=user_of(request))


class RetrainPromotion(RetrainStep):
    """Put a retrain's candidate into service."""

    @extend_schema(request=PromotionInput, responses=RetrainOutput)
    @refuses(
        Invalid, WrongState, VerdictOutdated, OverrideNeeded, GapsNotAcknowledged, ArtifactMissing
    )
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk)

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        data = validated_data(PromotionInput, request)
        return maintaining.promote(retrain=retrain, by=user_of(request), **data)


class RetrainConfirmation(RetrainStep):
    """Open the confirmation set for a candidate that the gate passed."""

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        return maintaining.confirm(retrain=retrain, by=user_of(request))


class RetrainDecline(RetrainStep):
    """Decline a retrain's candidate, with the reason."""

    @extend_schema(request=DeclineInput, responses=RetrainOutput)
    @refuses(Invalid, WrongState)
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk)

    def step(self, request: Request, retrain: Retrain) -> Retrain:
        data = validated_data(DeclineInput, request)
        return retrains.decline(retrain=retrain, by=user_of(request), **data)
