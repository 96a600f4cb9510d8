"""Models and the retrains they come from."""

from collections.abc import Sequence

from feedback.models import ModelVersion, Report, Retrain


def versions() -> list[str]:
    return [f"v{number}" for number in ModelVersion.objects.values_list("number", flat=True)]


def model_of(version: str) -> ModelVersion | None:
    """The model called `v3`; None for anything else."""
    number = version.removeprefix("v")
    if not number.isdecimal():
        return None
    return ModelVersion.objects.filter(number=int(number)).first()


def served_before() -> ModelVersion | None:
    """The model that was in service before the present one."""
    return (
        ModelVersion.objects.filter(status=ModelVersion.Status.RETIRED)
        .order_by("-promoted_at")
        .first()
    )


def retrain_of(model: ModelVersion) -> Retrain | None:
    return Retrain.objects.filter(candidate=model).select_related("decided_by", "dataset").first()


def learnt_from(report: Report) -> Sequence[str]:
    """Models that were trained with a withdrawn report's pictures."""
    found = ModelVersion.objects.filter(retrain__dataset__number__in=report.held_in)
    return [model.version for model in found.order_by("number")]
