"""Is the site up, and would a classification succeed?"""

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback.models import ModelVersion
from worker import heartbeat


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when there is a champion, its files are here, and a worker reads the queue."""
    try:
        champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
        model = champion is not None and champion.folder.is_dir()
    except DatabaseError:
        model = False
    parts = {"model": model, "inference": heartbeat.alive("inference")}
    good = all(parts.values())
    headers = {} if good else {"Retry-After": "5"}
    return JsonResponse({"ready": good, **parts}, status=200 if good else 503, headers=headers)
