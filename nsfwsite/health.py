"""Health checks: is the site up, and would a classification succeed?"""

import shutil

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.errors import ClassifierUnavailable
from nsfwsite.refusal_status import STATUS
from worker import heartbeat

FREE_BYTES = 64 * 2**20


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when a classification would succeed.

    There is a model whose files are whole, an inference worker is alive and classified an image
    with it within the last minutes, and there is room for uploads. What the cage of the decoder
    lacks is only said: images are decoded with the layers that are left.
    """
    try:
        has_model = queries.models.in_serving_order().exists()
    except DatabaseError:
        has_model = False
    cage_lacks = heartbeat.confirmed_service()
    parts = {
        "model": has_model,
        "inference": heartbeat.alive("inference") and cage_lacks is not None,
        "disk": shutil.disk_usage(settings.DATA_DIR).free >= FREE_BYTES,
    }
    is_ready = all(parts.values())
    answer = {"ready": is_ready, **parts, "cage_lacks": cage_lacks or []}
    if is_ready:
        return JsonResponse(answer)
    status = STATUS[ClassifierUnavailable]
    return JsonResponse(answer, status=status, headers={"Retry-After": "5"})
