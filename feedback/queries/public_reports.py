"""Public information about decided reports."""

from collections.abc import Collection, Mapping

from django.db.models import QuerySet

from feedback.models import PublicReport, Report
from feedback.queries import groups, models
from modeltrain.labels import LABELS


def filters() -> dict[str, Collection[str]]:
    """The filters of the public list, and their possible values."""
    return {
        "label": LABELS,
        "group": [
            f"{axis.name}={value.name}"
            for axis in groups.stated_axes()
            for value in axis.values.all()
        ],
        "state": [status.value for status in Report.PUBLIC],
        "model": models.versions(),
    }


def chosen_filters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The filters that the parameters set to a possible value, in a fixed order."""
    return {
        name: parameters[name]
        for name, values in filters().items()
        if parameters.get(name) in values
    }


def reports(chosen: Mapping[str, str]) -> "QuerySet[PublicReport]":
    """Public rows of decided reports that match the chosen filters, newest first."""
    queryset = PublicReport.objects.all()
    for name, value in chosen.items():
        if name == "state":
            queryset = queryset.filter(state=value)
        else:
            queryset = queryset.filter(tags__contains=f" {name}={value} ")
    return queryset
