"""Definitions of labels, and objections to them."""

from django.db.models import QuerySet

from feedback.models import Definition, Objection
from modeltrain.labels import LABELS


def definition_of(label: str) -> Definition:
    """The current definition of a label."""
    return Definition.objects.filter(label=label).first() or Definition.shipped(label)


def all_versions() -> dict[str, list[Definition]]:
    """All versions of each label's definition, the newest first."""
    revised = list(Definition.objects.select_related("by"))
    return {
        label: [
            *(definition for definition in revised if definition.label == label),
            Definition.shipped(label),
        ]
        for label in LABELS
    }


def open_objections() -> "QuerySet[Objection]":
    return Objection.objects.filter(status=Objection.Status.OPEN)


def decided_objections() -> "QuerySet[Objection]":
    """Objections that maintainers decided, the newest first. Their words are not public."""
    decided = (Objection.Status.ACCEPTED, Objection.Status.DECLINED)
    return Objection.objects.filter(status__in=decided).order_by("-decided_at")
