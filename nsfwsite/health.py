"""Health checks: is the site up, and would a classification succeed?"""

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.errors import ClassifierUnavailable
from feedback.models import ModelVersion
from nsfwsite.refusal_status import STATUS
from worker import heartbeat


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when there is a champion, its files are present, and an inference worker is alive."""
    try:
        champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
        has_model = champion is not None and champion.folder.is_dir()
    except DatabaseError:
        has_model = False
    parts = {"model": has_model, "inference": heartbeat.alive("inference")}
    is_ready = all(parts.values())
    if is_ready:
        return JsonResponse({"ready": True, **parts})
    status = STATUS[ClassifierUnavailable]
    return JsonResponse({"ready": False, **parts}, status=status, headers={"Retry-After": "5"})
