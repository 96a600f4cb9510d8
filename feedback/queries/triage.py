"""Which reports a reviewer may decide."""

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from feedback import roles
from feedback.models import Burst, Decision, Golden, Report
from feedback.queries import decisions, golden, reports


def open_cases(reviewer: User) -> "QuerySet[Report]":
    """The reports that a reviewer may decide, oldest first.

    Without reports that another reviewer has claimed or that this one has decided, without appeals
    that are reserved for others, and with disputed reports only if this reviewer may settle them.
    """
    queryset = Report.objects.filter(status__in=Report.OPEN, burst=None)
    queryset = queryset.filter(claimable_by(reviewer))
    own_decisions = Decision.objects.filter(report=OuterRef("pk"), by=reviewer, taken_back_at=None)
    disputed = list(decisions.disputed_cases())
    settleable = [report.pk for report in disputed if may_settle_dispute(report, reviewer)]
    for_others = [report.pk for report in disputed if report.pk not in settleable]
    for_others += [pk for pk in _appeals_for_others(reviewer) if pk not in settleable]
    for_others += [
        case.golden_copy.pk
        for case in Golden.objects.exclude(golden_copy=None)
        if not golden.may_answer(case, reviewer)
    ]
    queryset = queryset.filter(~Exists(own_decisions) | Q(pk__in=settleable))
    queryset = queryset.exclude(pk__in=for_others)
    return reports.with_details(queryset).order_by("created_at", "pk")


def claimable_by(reviewer: User) -> Q:
    """Reports that no other reviewer has claimed."""
    lapsed = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    return lapsed | Q(claimed_by=reviewer)


def may_settle_dispute(report: Report, by: User) -> bool:
    """Disputes are settled by a maintainer who has not decided the report, if there is one."""
    deciders = decisions.active_decisions(report).values("by")
    uninvolved = roles.maintainers().exclude(pk__in=deciders)
    return roles.is_maintainer(by) and (
        not uninvolved.exists() or uninvolved.filter(pk=by.pk).exists()
    )


def appeal_reserved_for_others(report: Report, by: User) -> bool:
    """A reviewer who decided it before must wait while others have not decided it."""
    taken_back = report.decisions.filter(by=by, taken_back_at__isnull=False)
    uninvolved = roles.reviewers().exclude(pk__in=report.decisions.values("by"))
    return bool(report.appealed_at) and taken_back.exists() and uninvolved.exists()


def _appeals_for_others(reviewer: User) -> list[int]:
    appeals = Report.objects.filter(
        status=Report.Status.QUEUED, appealed_at__isnull=False, decisions__by=reviewer
    )
    return [
        report.pk for report in appeals.distinct() if appeal_reserved_for_others(report, reviewer)
    ]


def bursts() -> "QuerySet[Burst]":
    """Bursts with quarantined reports: how many, and which came first."""
    quarantined = Q(reports__status=Report.Status.QUEUED)
    queryset = Burst.objects.annotate(
        waiting=Count("reports", filter=quarantined), oldest=Min("reports", filter=quarantined)
    )
    return queryset.filter(waiting__gt=0)


def quarantined_reports(burst: Burst) -> "QuerySet[Report]":
    return Report.objects.filter(burst=burst, status=Report.Status.QUEUED)


def escalated() -> "QuerySet[Report]":
    """Reports that only the safety role may see, oldest first."""
    queryset = Report.objects.filter(status=Report.Status.ESCALATED)
    queryset = queryset.annotate(image_count=Count("examples__image", distinct=True))
    return reports.with_details(queryset).order_by("created_at", "pk")
