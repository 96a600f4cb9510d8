"""Models and the retrains they come from."""

from collections.abc import Sequence

from django.db.models import Case, QuerySet, When

from feedback.models import ModelVersion, Report, Retrain
from feedback.text import whole_number


def versions() -> list[str]:
    return [f"v{number}" for number in ModelVersion.objects.values_list("number", flat=True)]


def model_of(version: str) -> ModelVersion | None:
    """The model with this version, such as `v3`, or None if there is none."""
    number = whole_number(version.removeprefix("v"))
    return None if number is None else ModelVersion.objects.filter(number=number).first()


def champion() -> ModelVersion | None:
    """The model in service, or None on a site that is still being set up."""
    return ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()


def previous_champion() -> ModelVersion | None:
    """The model that was in service before the current champion."""
    return (
        ModelVersion.objects.filter(status=ModelVersion.Status.RETIRED)
        .order_by("-promoted_at")
        .first()
    )


def in_serving_order() -> QuerySet[ModelVersion]:
    """The champion, then the models that were in service before it, without those damaged."""
    champion_first = Case(When(status=ModelVersion.Status.CHAMPION, then=0), default=1)
    return (
        ModelVersion.objects.exclude(status=ModelVersion.Status.CANDIDATE)
        .filter(damage="")
        .order_by(champion_first, "-promoted_at")
    )


def retrain_of(model: ModelVersion) -> Retrain | None:
    related = ("decided_by", "dataset", "judged_against", "audit_set")
    return Retrain.objects.filter(candidate=model).select_related(*related).first()


def promotions_with_gaps(champion: ModelVersion) -> QuerySet[Retrain]:
    """Promotions that opened gaps between groups, the newest first.

    Of the champion, of the model that it was compared with, of the one before, and so on.
    """
    promoted = Retrain.objects.filter(status=Retrain.Status.PROMOTED)
    compared_with = dict(promoted.values_list("candidate", "judged_against"))
    line: list[int] = []
    model: int | None = champion.pk
    while model in compared_with:
        line.append(model)
        model = compared_with[model]
    return (
        promoted.filter(candidate__in=line, gate__gaps__0__isnull=False)
        .select_related("base", "candidate", "judged_against", "decided_by")
        .order_by("-decided_at")
    )


def versions_trained_on(report: Report) -> Sequence[str]:
    """The versions of the models that were trained on a withdrawn report's images."""
    models = ModelVersion.objects.filter(retrain__dataset__number__in=report.held_in)
    return [model.version for model in models.order_by("number")]
