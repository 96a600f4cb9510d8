"""What anybody may read of decided reports."""

from collections.abc import Collection, Mapping

from django.db.models import QuerySet

from feedback.models import PublicReport, Report
from feedback.queries import groups, models
from modeltrain.labels import LABELS


def filters() -> dict[str, Collection[str]]:
    """What the public list can be filtered by, and the values of each."""
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


def chosen_filters(asked: Mapping[str, str]) -> dict[str, str]:
    """Those that are asked for with a known value, in one order."""
    known = filters()
    return {name: asked[name] for name, values in known.items() if asked.get(name) in values}


def reports(chosen: Mapping[str, str]) -> "QuerySet[PublicReport]":
    """What anybody may read of decided reports, the newest first."""
    found = PublicReport.objects.all()
    for name, value in chosen.items():
        if name == "state":
            found = found.filter(state=value)
        else:
            found = found.filter(tags__contains=f" {name}={value} ")
    return found
