"""What labels mean, and who objects."""

from django.db.models import QuerySet

from feedback.models import Definition, Objection
from modeltrain.labels import LABELS


def definition_of(label: str) -> Definition:
    """What a label means now."""
    return Definition.objects.filter(label=label).first() or Definition.first(label)


def every_version() -> dict[str, list[Definition]]:
    """Every version of what each label means, the newest first."""
    revised = list(Definition.objects.select_related("by"))
    return {
        label: [*(one for one in revised if one.label == label), Definition.first(label)]
        for label in LABELS
    }


def open_objections() -> "QuerySet[Objection]":
    return Objection.objects.filter(status=Objection.Status.OPEN)


def decided_objections() -> "QuerySet[Objection]":
    """What maintainers answered, the newest first; the words stay between them and who wrote."""
    decided = (Objection.Status.ACCEPTED, Objection.Status.DECLINED)
    return Objection.objects.filter(status__in=decided).order_by("-decided_at")
