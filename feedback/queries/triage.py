"""Who may decide what."""

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from feedback import people
from feedback.models import Burst, Decision, Golden, Report
from feedback.queries import decisions, golden, reports


def open_cases(reviewer: User) -> "QuerySet[Report]":
    """What a reviewer has to decide, oldest first.

    Nothing that somebody else has in hand or that they have decided, no appeal that is for others,
    and of the cases where three reviewers differ only those that they are to end.
    """
    waiting = Report.objects.filter(status__in=Report.OPEN, burst=None)
    waiting = waiting.filter(free_for(reviewer))
    mine = Decision.objects.filter(report=OuterRef("pk"), by=reviewer, taken_back_at=None)
    differ = list(decisions.cases_that_differ())
    ends = [report.pk for report in differ if may_end_difference(report, reviewer)]
    others = [report.pk for report in differ if report.pk not in ends]
    others += [pk for pk in _appeals_for_others(reviewer) if pk not in ends]
    twins = Golden.objects.exclude(twin=None)
    others += [each.twin.pk for each in twins if not golden.may_answer(each, reviewer)]
    waiting = waiting.filter(~Exists(mine) | Q(pk__in=ends)).exclude(pk__in=others)
    return reports.with_story(waiting).order_by("created_at", "pk")


def free_for(reviewer: User) -> Q:
    """Reports that nobody else has in hand."""
    lapsed = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    return lapsed | Q(claimed_by=reviewer)


def may_end_difference(report: Report, by: User) -> bool:
    """Of the maintainers one who was not among those who differ, if there is one."""
    spoke = decisions.standing(report).values("by")
    fresh = people.maintainers().exclude(pk__in=spoke)
    return people.is_maintainer(by) and (not fresh.exists() or fresh.filter(pk=by.pk).exists())


def appeal_is_for_others(report: Report, by: User) -> bool:
    """Whoever decided it before waits until everybody else has had their say."""
    before = report.decisions.filter(by=by, taken_back_at__isnull=False)
    fresh = people.reviewers().exclude(pk__in=report.decisions.values("by"))
    return bool(report.appealed_at) and before.exists() and fresh.exists()


def _appeals_for_others(reviewer: User) -> list[int]:
    appeals = Report.objects.filter(
        status=Report.Status.QUEUED, appealed_at__isnull=False, decisions__by=reviewer
    )
    return [one.pk for one in appeals.distinct() if appeal_is_for_others(one, reviewer)]


def bursts() -> "QuerySet[Burst]":
    """Bursts of which reports are still held: how many, and which came first."""
    held = Q(reports__status=Report.Status.QUEUED)
    counted = Burst.objects.annotate(
        waiting=Count("reports", filter=held), oldest=Min("reports", filter=held)
    )
    return counted.filter(waiting__gt=0)


def held_in(burst: Burst) -> "QuerySet[Report]":
    return Report.objects.filter(burst=burst, status=Report.Status.QUEUED)


def escalated() -> "QuerySet[Report]":
    """What only the safety role may see, oldest first."""
    found = Report.objects.filter(status=Report.Status.ESCALATED)
    found = found.annotate(pictures=Count("examples__image", distinct=True))
    return reports.with_story(found).order_by("created_at", "pk")
