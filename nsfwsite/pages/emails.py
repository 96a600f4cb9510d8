"""Leave an e-mail address on a receipt, confirm it, and have it deleted."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from feedback.services import emails
from nsfwsite import throttle
from nsfwsite.access import form_page, receipt_action, report_of
from nsfwsite.intake import reporting
from nsfwsite.pages.receipt import act_and_return, private

TITLES = {
    (emails.CONFIRM, False): "Shall we write to you about your report?",
    (emails.CONFIRM, True): "We write to you",
    (emails.STOP, False): "No more e-mails?",
    (emails.STOP, True): "Your address is deleted",
}


@receipt_action
def save_address(request: HttpRequest, receipt: str) -> HttpResponse:
    report, address = report_of(receipt), request.POST.get("address", "")

    def act() -> None:
        throttle.hit(request, scope="mail", rate=settings.RATE_MAIL)
        throttle.hit_mailbox(address, rate=settings.RATE_MAILBOX)
        site = request.build_absolute_uri(reverse("home"))
        reporting.leave_address(report=report, address=address, site=site)

    return act_and_return(request, "receipt", receipt, act)


@receipt_action
def delete_address(request: HttpRequest, receipt: str) -> HttpResponse:
    report = report_of(receipt)
    return act_and_return(request, "receipt", receipt, lambda: emails.delete_address(report=report))


@csrf_exempt
@never_cache
@form_page
def linked(request: HttpRequest, token: str, purpose: str) -> HttpResponse:
    """The page behind a link in an e-mail. Opening it changes nothing: mail scanners follow links.

    A mail program's own button sends the POST at once (RFC 8058).
    """
    row = emails.address_of(token=token)
    if row is None:
        raise Http404
    confirmed = request.method == "POST"
    if confirmed and purpose == emails.CONFIRM:
        emails.confirm(row=row)
    elif confirmed:
        emails.delete_address(report=row.report)
    context = {"purpose": purpose, "confirmed": confirmed, "title": TITLES[purpose, confirmed]}
    return private(render(request, "pages/email_link.html", context))
