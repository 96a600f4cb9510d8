"""How far the groups of an axis are from each other, by a finished audit's answers."""

import hashlib
from typing import Any

from django.core.cache import cache

from feedback.errors import ArtifactMissing, Invalid
from feedback.models import Audit
from feedback.models.axis import SLICE
from feedback.services import audits
from modeltrain.audit.claims import STANDARDISED

CACHE_SECONDS = 24 * 3600


def axes_of(audit: Audit) -> list[str]:
    """The axes whose groups are compared, what images are made of last.

    Slices are not compared, because they were chosen for their mistakes.
    """
    axes = [axis for axis in (audit.figures or {}).get("groups", {}) if axis != SLICE]
    return sorted(axes, key=lambda axis: axis in STANDARDISED)


def group_comparison(audit: Audit, *, axis: str, measure: str) -> dict[str, Any]:
    """Compare a kind of mistake between the groups of an axis.

    The release policy says which axes have a reference group.
    `modeltrain.audit.group_disparity` explains the parameters and the figures.

    Parameters
    ----------
    audit : Audit
        A finished one.

    Raises
    ------
    ArtifactMissing
        If the audit's predictions are missing.
    Invalid
        If the audit does not have the axis.
    """
    # The statistics packages take seconds to import.
    from modeltrain.audit import columns
    from modeltrain.audit.group_disparity import group_disparity
    from modeltrain.gate.policy import Policy

    axes = axes_of(audit)
    if axis not in axes:
        raise Invalid(
            rule="Groups are compared on an axis of the audit.",
            received=repr(axis)[:120],
            remedy=f"Choose one of these: {', '.join(axes) or 'none, because no group is stated'}.",
        )
    reference = Policy.load().references.get(axis)
    key = f"disparity {audit.pk} {audit.finished_at} {axis} {measure} {reference}"
    cache_key = hashlib.sha256(key.encode()).hexdigest()
    result: dict[str, Any] | None = cache.get(cache_key)
    if result is None:
        try:
            answers = audits.predictions_of(audit, {})
        except (OSError, columns.ColumnsRefused) as problem:
            raise ArtifactMissing(
                rule="Groups are compared by a model's answers to each image.",
                received="answers that are gone",
                remedy="Choose another model, or let this one be audited again.",
            ) from problem
        result = group_disparity(answers, axis=axis, measure=measure, reference=reference)
        cache.set(cache_key, result, CACHE_SECONDS)
    return result
