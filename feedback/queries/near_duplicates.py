"""Open reports with near-duplicate images."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import QuerySet

from feedback.models import Example, Report, StoredImage
from feedback.queries import triage


def same_case(report: Report) -> "QuerySet[Report]":
    """Open reports with a near-duplicate of one of its images, including the report itself."""
    shared = Example.objects.filter(image__cluster__in=_clusters(report))
    pks = {report.pk, *shared.values_list("report", flat=True)}
    return Report.objects.filter(pk__in=pks, status__in=Report.OPEN)


def _clusters(report: Report) -> set[int]:
    images = StoredImage.objects.filter(example__report=report)
    return {image.cluster for image in images if image.cluster}


@dataclass(frozen=True)
class NearDuplicate:
    """An open report with a near-duplicate of an image of the case.

    Attributes
    ----------
    report : Report
    alike : list of Example
        Its images that are near-duplicates of images of the case.
    others : int
        The number of its other images.
    """

    report: Report
    alike: list[Example]
    others: int

    def agrees_with(self, case: Report) -> bool:
        """Is it only about images of the case, with the same expected label?"""
        return not self.others and self.report.expected_label == case.expected_label


def near_duplicates(
    report: Report, reviewer: User, *, limit: int
) -> tuple[list[NearDuplicate], int]:
    """Reports that a reviewer may decide with a case, oldest first, and how many more there are."""
    clusters = _clusters(report)
    queryset = triage.open_cases(reviewer).filter(pk__in=same_case(report).exclude(pk=report.pk))
    duplicates = []
    for other in queryset[:limit]:
        examples = list(other.examples.all())
        alike = [
            example for example in examples if example.image and example.image.cluster in clusters
        ]
        duplicates.append(NearDuplicate(other, alike, len(examples) - len(alike)))
    return duplicates, queryset.count() - len(duplicates)
