"""The challenge that a sender of many uploads solves before the next one."""

from django.conf import settings
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from feedback.errors import Invalid
from nsfwsite import throttle
from nsfwsite.api.schema import refuses
from nsfwsite.api.serializers.challenges import ChallengeOutput

RATES = {"classifications": "RATE_CLASSIFICATIONS", "reports": "RATE_REPORTS"}


@method_decorator(never_cache, name="dispatch")
class NextChallenge(APIView):
    """Whether the sender's next upload needs a solved challenge, and which."""

    scope = None

    @extend_schema(
        parameters=[OpenApiParameter("for", str, enum=list(RATES), required=True)],
        responses=ChallengeOutput,
    )
    @refuses(Invalid)
    def get(self, request: Request) -> Response:
        scope = request.GET.get("for", "")
        if scope not in RATES:
            raise Invalid(
                rule=f"`for` must be one of {', '.join(RATES)}.",
                received=repr(scope),
                remedy="Name what you want to send.",
            )
        rate = getattr(settings, RATES[scope])
        challenge = throttle.next_challenge(request, scope=scope, rate=rate)
        return Response(ChallengeOutput({"challenge": challenge}).data)
