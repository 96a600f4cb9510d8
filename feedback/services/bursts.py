"""Quarantine reports that come at once from one place, so that they do not delay all others."""

import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from feedback.models import Burst, Report


def quarantine_if_burst(report: Report) -> None:
    """Quarantine a report if too many came just before it from the same place.

    Called in the transaction that queues it. Nothing is lost: reviewers release or decide it later.
    """
    window = datetime.timedelta(minutes=settings.BURST_MINUTES)
    earlier = Report.objects.filter(
        pk__lt=report.pk, created_at__gte=report.created_at - window
    ).order_by()
    for kind, similar in (
        (Burst.Kind.NETWORK, _same_network(report, earlier)),
        (Burst.Kind.PICTURES, _same_image(report, earlier)),
    ):
        if similar.count() >= settings.BURST_REPORTS:
            burst = Burst.objects.filter(kind=kind, reports__in=similar).last()
            report.burst = burst or Burst.objects.create(kind=kind)
            report.save(update_fields=["burst"])
            return


def _same_network(report: Report, earlier: "QuerySet[Report]") -> "QuerySet[Report]":
    return earlier.filter(source=report.source) if report.source else earlier.none()


def _same_image(report: Report, earlier: "QuerySet[Report]") -> "QuerySet[Report]":
    """Reports with a near-duplicate of one of its images, or without pixels, the same image."""
    keys = list(report.examples.values_list("image__cluster", "image_sha256"))
    clusters = [cluster for cluster, _ in keys if cluster]
    hashes = [sha256 for _, sha256 in keys if sha256]
    alike = Q(examples__image__cluster__in=clusters) | Q(examples__image_sha256__in=hashes)
    return earlier.filter(alike).distinct()
