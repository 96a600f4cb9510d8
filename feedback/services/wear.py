"""How often the gate has looked at the images of an audit set.

Each decision lets the models that happen to be good at these very images through. Whoever imports
the same images again under another name does not get fresh ones: images bring their looks along.
"""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Q

from feedback.models import AuditSet
from modeltrain.data import manifest


def decisions_by_set() -> dict[AuditSet, int]:
    """Audit sets, the newest first, and how many gate decisions looked at their images.

    A decision on another set counts as the share of the images that both have.
    """
    judged = Count("retrains", filter=Q(retrains__gate__isnull=False), distinct=True)
    judged_last = Q(confirmations__gate__isnull=False)
    confirmed = Count("confirmations", filter=judged_last, distinct=True)
    sets = list(AuditSet.objects.annotate(decisions=judged + confirmed).order_by("-pk"))
    return {
        audit_set: round(
            sum(other.decisions * _shared(audit_set, other) for other in sets if other.decisions)
        )
        for audit_set in sets
    }


def sentence(audit_set: AuditSet) -> str:
    """Say that a set is worn, or nothing. The decision that is being made counts."""
    decisions = decisions_by_set()[audit_set] + 1
    if decisions < settings.AUDIT_SET_WORN:
        return ""
    return (
        f"This is decision {decisions} on these images, and the audit set is worn: a model that "
        "passes may be good at these images and at no others."
    )


def _shared(audit_set: AuditSet, other: AuditSet) -> float:
    if audit_set == other:
        return 1.0  # without reading its manifest
    images, others = _images(audit_set.manifest), _images(other.manifest)
    return len(images & others) / max(len(images), 1)


@lru_cache
def _images(path: Path) -> frozenset[str]:
    """The images of a manifest, which is named after its content. None if it is not here."""
    return frozenset(row.sha256 for row in manifest.read(path)) if path.is_file() else frozenset()
