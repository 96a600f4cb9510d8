"""Retrains that belong together."""

from django.db.models import QuerySet

from feedback.models import Retrain


def siblings(retrain: Retrain) -> "QuerySet[Retrain]":
    """Other retrains of the same model on the same dataset that have a candidate."""
    return candidates(retrain.dataset_id).filter(base=retrain.base).exclude(pk=retrain.pk)


def candidates(dataset: int) -> "QuerySet[Retrain]":
    """The retrains on a dataset that have a candidate, the oldest first."""
    retrains = Retrain.objects.filter(dataset=dataset, candidate__isnull=False)
    return retrains.select_related(
        "base", "candidate", "dataset", "judged_against", "audit_set"
    ).order_by("pk")
