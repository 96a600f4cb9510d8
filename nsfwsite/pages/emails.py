"""Leave an address, say yes to letters, stop them."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from feedback.services import emails
from nsfwsite import throttle
from nsfwsite.access import by_receipt
from nsfwsite.intake import reporting
from nsfwsite.pages.receipt import acted, private, report_of

TITLES = {
    (emails.CONFIRM, False): "Shall we write to you about your report?",
    (emails.CONFIRM, True): "We write to you",
    (emails.STOP, False): "No more letters?",
    (emails.STOP, True): "Your address is deleted",
}


@by_receipt
def leave(request: HttpRequest, receipt: str) -> HttpResponse:
    report, address = report_of(receipt), request.POST.get("address", "")

    def act() -> None:
        throttle.hit(request, scope="mail", rate=settings.RATE_MAIL)
        throttle.hit_mailbox(address, rate=settings.RATE_MAILBOX)
        site = request.build_absolute_uri(reverse("home"))
        reporting.leave_address(report=report, address=address, site=site)

    return acted(request, "receipt", receipt, act)


@by_receipt
def forget(request: HttpRequest, receipt: str) -> HttpResponse:
    report = report_of(receipt)
    return acted(request, "receipt", receipt, lambda: emails.delete_address(report=report))


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def linked(request: HttpRequest, token: str, purpose: str) -> HttpResponse:
    """What a link in a letter opens. Programs that look at mail follow links, so that does nothing.

    A mail program's own button sends the POST at once (RFC 8058).
    """
    row = emails.address_of(token=token)
    if row is None:
        raise Http404
    done = request.method == "POST"
    if done and purpose == emails.CONFIRM:
        emails.confirm(row=row)
    elif done:
        emails.delete_address(report=row.report)
    context = {"purpose": purpose, "done": done, "title": TITLES[purpose, done]}
    return private(render(request, "pages/letters.html", context))
