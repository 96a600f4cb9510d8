"""Hold what comes at once from one place, so that it cannot push everybody else's reports back."""

import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from feedback.models import Burst, Report


def hold(report: Report) -> None:
    """Let a report wait apart if too many came just before it from the same place.

    Called in the transaction that queues it. Nothing is lost: it is decided later, or together.
    """
    window = datetime.timedelta(minutes=settings.BURST_MINUTES)
    before = Report.objects.filter(
        pk__lt=report.pk, created_at__gte=report.created_at - window
    ).order_by()
    for kind, same in (
        (Burst.Kind.NETWORK, _same_network(report, before)),
        (Burst.Kind.PICTURES, _same_picture(report, before)),
    ):
        if same.count() >= settings.BURST_REPORTS:
            burst = Burst.objects.filter(kind=kind, reports__in=same).last()
            report.burst = burst or Burst.objects.create(kind=kind)
            report.save(update_fields=["burst"])
            return


def _same_network(report: Report, before: "QuerySet[Report]") -> "QuerySet[Report]":
    return before.filter(source=report.source) if report.source else before.none()


def _same_picture(report: Report, before: "QuerySet[Report]") -> "QuerySet[Report]":
    """Those with a picture like one of its own, or with the very same where no pixels are kept."""
    mine = list(report.examples.values_list("image__cluster", "image_sha256"))
    clusters = [cluster for cluster, _ in mine if cluster]
    hashes = [sha256 for _, sha256 in mine if sha256]
    alike = Q(examples__image__cluster__in=clusters) | Q(examples__image_sha256__in=hashes)
    return before.filter(alike).distinct()
