"""What an audit set is too small to show, before a retrain is approved."""

import hashlib
from typing import Any

from django.core.cache import cache

from feedback import queries
from feedback.errors import ArtifactMissing, Invalid
from feedback.models import Audit
from feedback.services import audits

CACHE_SECONDS = 24 * 3600


def shortage_figures(audit: Audit, *, rise: float | None = None) -> dict[str, Any]:
    """Return what the gate can see with an audit's images, as `shortage.shortages` does.

    Parameters
    ----------
    audit : Audit
        A finished one, of the model that candidates would be compared with.
    rise : float, optional
        The rise of a rate that should be noticed, above 0 and at most 1.

    Raises
    ------
    ArtifactMissing
        If the audit's predictions are missing.
    Invalid
        If `rise` is out of its range.
    """
    # The statistics packages take seconds to import.
    from modeltrain.audit import columns
    from modeltrain.gate import shortage
    from modeltrain.gate.policy import Policy

    if rise is not None and not 0 < rise <= 1:
        raise Invalid(
            rule="A rise must be a share of the images, above 0 and at most 1.",
            received=str(rise),
            remedy="Give 0.1 for 10 points.",
        )
    policy = Policy.load()
    slices = queries.audits.slice_groups(audit.audit_set)
    key = f"shortage {audit.pk} {audit.finished_at} {rise} {policy} {sorted(slices.items())}"
    cache_key = hashlib.sha256(key.encode()).hexdigest()
    result: dict[str, Any] | None = cache.get(cache_key)
    if result is None:
        try:
            answers = audits.predictions_of(audit, slices)
        except (OSError, columns.ColumnsRefused) as problem:
            raise ArtifactMissing(
                rule="What an audit set can show follows from the answers of the model in service.",
                received="answers that are gone",
                remedy="Let the model be audited again.",
            ) from problem
        result = shortage.shortages(answers, policy, rise=rise)
        cache.set(cache_key, result, CACHE_SECONDS)
    return result
