"""Addresses of pages about a report."""

from django.urls import reverse

from feedback.models import Report


def case_url(report: Report) -> str:
    return reverse("case", args=[report.pk])


def image_url(report: Report) -> str:
    return reverse("image", args=[report.examples.get().image.pk])


def receipt_url(report: Report) -> str:
    return reverse("receipt", args=[report.receipt])
