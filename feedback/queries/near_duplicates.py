"""Waiting reports that hold nearly the same pictures."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import QuerySet

from feedback.models import Example, Report, StoredImage
from feedback.queries import triage


def same_case(report: Report) -> "QuerySet[Report]":
    """Queued reports that hold nearly one of its pictures, itself among them."""
    shared = Example.objects.filter(image__cluster__in=_clusters(report))
    pks = {report.pk, *shared.values_list("report", flat=True)}
    return Report.objects.filter(pk__in=pks, status__in=Report.OPEN)


def _clusters(report: Report) -> set[int]:
    images = StoredImage.objects.filter(example__report=report)
    return {image.cluster for image in images if image.cluster}


@dataclass(frozen=True)
class NearDuplicate:
    """A report that waits with nearly a picture of the case.

    Attributes
    ----------
    report : Report
    alike : list of Example
        Its pictures that the case has too.
    others : int
        How many other pictures it has.
    """

    report: Report
    alike: list[Example]
    others: int

    def agrees_with(self, case: Report) -> bool:
        """Is it about nothing else, and says the same of it?"""
        return not self.others and self.report.expected_label == case.expected_label


def near_duplicates(
    report: Report, reviewer: User, *, most: int
) -> tuple[list[NearDuplicate], int]:
    """What a reviewer may decide with a case, oldest first, and how many more there are."""
    clusters = _clusters(report)
    waiting = triage.open_cases(reviewer).filter(pk__in=same_case(report).exclude(pk=report.pk))
    found = []
    for one in waiting[:most]:
        examples = list(one.examples.all())
        alike = [each for each in examples if each.image and each.image.cluster in clusters]
        found.append(NearDuplicate(one, alike, len(examples) - len(alike)))
    return found, waiting.count() - len(found)
