"""The privacy page: what is kept and for how long. Each number comes from its setting."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback.services import api_tokens
from feedback.services.classifications import ANSWER_LIFETIME
from feedback.services.emails import UNCONFIRMED
from nsfwsite.shared_pages import shared_page


@require_safe
@shared_page
def show(request: HttpRequest) -> HttpResponse:
    context = {
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "answer_days": ANSWER_LIFETIME.days,
        "rejected_days": settings.DECLINED_DAYS,
        "untrained_days": settings.UNTRAINED_DAYS,
        "source_days": settings.SOURCE_DAYS,
        "log_days": settings.LOG_DAYS,
        "token_days": api_tokens.KEPT.days,
        "session_days": settings.SESSION_DAYS,
        "sends_mail": settings.SENDS_MAIL,
        "unconfirmed_days": UNCONFIRMED.days,
        "collects_misses": settings.COLLECT_MISSES,
    }
    return render(request, "site/privacy.html", context)
