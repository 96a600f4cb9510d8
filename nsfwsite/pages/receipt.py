"""What became of a report, for the holder of its receipt."""

import datetime
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from feedback.errors import Refusal
from feedback.models import ApprovalRule, NotLearnt, Report, Retrain
from feedback.services import emails, reports
from nsfwsite.access import receipt_action, refusal_page, report_of, wants_fragment
from nsfwsite.intake import reporting

Status = Report.Status
STATE = {
    Status.RECEIVED: "It has arrived",
    Status.SCREENING: "Its images are being checked",
    Status.QUEUED: "It waits for a reviewer",
    Status.ACCEPTED: "A reviewer agreed with you",
    Status.REJECTED: "A reviewer did not agree",
    Status.ESCALATED: "People responsible for safety have it",
    Status.FOLDED: "It is part of the data",
    Status.ANSWERED: "A model that learnt from it is in service",
    Status.WITHDRAWN: "It is withdrawn",
}
NEXT_STEP = {
    Status.RECEIVED: "Next, its images are compared with a blocklist.",
    Status.SCREENING: "Next, a reviewer reads it.",
    Status.QUEUED: "Next, a reviewer reads it and decides. Come back with this link.",
    Status.ACCEPTED: "Next, its images are added to the data that the next model learns from.",
}
# What is next for a report in the data, by the state of the newest retrain on that data.
NEXT_AFTER_RETRAIN = {
    Retrain.Status.PROPOSED: "A training is proposed. Next, a maintainer approves it.",
    Retrain.Status.APPROVED: "A training is approved. Next, a model learns from your report.",
    Retrain.Status.RUNNING: (
        "A model learns from it now. Next, it is compared with the one in service."
    ),
    Retrain.Status.EVALUATED: (
        "Model {model} has learnt from it. Next, a maintainer decides whether it goes into service."
    ),
    Retrain.Status.PROMOTED: (
        "Model {model}, which learnt from it, went into service. Next, it looks at your images."
    ),
}
SOON = "This usually takes less than a minute."
# How long the next step usually takes, where that is known.
USUAL_TIME = {
    Status.RECEIVED: SOON,
    Status.SCREENING: SOON,
    Status.ACCEPTED: "There is no usual time: a maintainer starts it.",
    Status.FOLDED: "There is no usual time: a maintainer starts it.",
}


@never_cache
@require_safe
def show(request: HttpRequest, receipt: str) -> HttpResponse:
    report = report_of(receipt)
    url = request.build_absolute_uri(reverse("receipt", args=[receipt]))
    moving = report.status in (Status.RECEIVED, Status.SCREENING)
    context = {
        "report": report,
        "url": url,
        "moving": moving,
        "state": STATE[Status(report.status)],
        "next_step": _next_step(report),
        "usual_time": _usual_time(report),
        "now": _right_now(report),
        "appeal_until": _appeal_until(report),
        "learnt_by": queries.models.versions_trained_on(report),
        "sends_mail": settings.SENDS_MAIL,
        "may_write": settings.SENDS_MAIL and report.status not in emails.FINAL_STATUSES,
        "unconfirmed_days": emails.UNCONFIRMED.days,
        "may_withdraw": report.status not in (Status.WITHDRAWN, Status.ESCALATED),
    }
    template = "parts/story.html" if wants_fragment(request) else "pages/receipt.html"
    return private(render(request, template, context))


@receipt_action
def withdraw(request: HttpRequest, receipt: str) -> HttpResponse:
    report = report_of(receipt)
    return act_and_return(request, "receipt", receipt, lambda: reporting.withdraw(report=report))


@receipt_action
def appeal(request: HttpRequest, receipt: str) -> HttpResponse:
    report, words = report_of(receipt), request.POST.get("appeal", "")
    return act_and_return(
        request, "receipt", receipt, lambda: reports.appeal(report=report, words=words)
    )


@receipt_action
def renew(request: HttpRequest, receipt: str) -> HttpResponse:
    report = reports.renew_receipt(report=report_of(receipt))
    return private(redirect("receipt", receipt=report.receipt))


def _appeal_until(report: Report) -> datetime.datetime | None:
    if report.status != Status.REJECTED or report.appealed_at:
        return None
    until = queries.reports.appeal_deadline(report)
    return until if until and until > timezone.now() else None


def _next_step(report: Report) -> str:
    if report.status == Status.ACCEPTED:
        return _before_it_is_learnt(report)
    if report.status == Status.QUEUED and (
        report.second_opinion_at or ApprovalRule.objects.current().two
    ):
        return "Next, two reviewers read it, each without seeing what the other says."
    if report.status == Status.QUEUED and report.burst_id:
        return (
            "Very many reports like it came at the same time, so it waits apart from the others. "
            "It is not lost: a reviewer comes to it later. Come back with this link."
        )
    if report.status == Status.FOLDED:
        return _before_it_is_answered(report)
    return NEXT_STEP.get(Status(report.status), "")


def _before_it_is_answered(report: Report) -> str:
    retrain = queries.reports.newest_retrain(report)
    if retrain is None:
        return "Next, a model is trained with it. You will see here what it says."
    return NEXT_AFTER_RETRAIN[Retrain.Status(retrain.status)].format(model=retrain.candidate)


def _usual_time(report: Report) -> str:
    if report.status != Status.QUEUED:
        return USUAL_TIME.get(Status(report.status), "")
    wait = queries.reports.usual_wait()
    if wait is None:
        return "How long that takes is not known yet: few reports have been decided here."
    if wait < datetime.timedelta(minutes=1):
        return "Usually, that was decided in less than a minute."
    return f"Half of the latest reports were decided within {timesince(timezone.now() - wait)}."


def _right_now(report: Report) -> dict[str, Any] | None:
    """Of how many images the reporter's label is what the model said, and what one says now."""
    examples = report.singles
    if not examples or report.status == Status.WITHDRAWN:
        return None
    expected = report.expected_label
    return {
        "images": len(examples),
        "right": sum(example.current_score.label == expected for example in examples),
        "right_before": sum(example.reported_score.label == expected for example in examples),
        "is_newer": any(example.current_score != example.reported_score for example in examples),
    }


def _before_it_is_learnt(report: Report) -> str:
    reasons = {example.why_not_learnt for example in report.examples.all()}
    if not reasons:
        return "It has no image to learn from, so this is where its way ends."
    if reasons.isdisjoint({None, NotLearnt.HELD_BACK}):
        return f"{report.left_out_words} So no model learns from it: this is where its way ends."
    return f"{NEXT_STEP[Status.ACCEPTED]} {report.left_out_words}"


def act_and_return(
    request: HttpRequest, page: str, receipt: str, act: Callable[[], None]
) -> HttpResponse:
    """Act and go back to the page of this receipt, or show why it was refused."""
    try:
        act()
    except Refusal as refusal:
        return private(refusal_page(request, refusal, back=reverse(page, args=[receipt])))
    return private(redirect(page, receipt=receipt))


def private(response: HttpResponse) -> HttpResponse:
    """Keep a secret address secret: no referrer, no index, no cache."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Vary"] = "HX-Request, Cookie"
    return response
