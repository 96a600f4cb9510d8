"""Audits, what was found of them, and the slices that people named."""

from django.db.models import Count, Q, QuerySet

from feedback.models import Audit, AuditSet, Finding, ModelVersion, NamedSlice


def audit_of(model: ModelVersion) -> Audit | None:
    """On the newest audit set that the model was audited on."""
    return model.audits.select_related("audit_set").order_by("-audit_set__pk").first()


def audit_sets_used() -> list[AuditSet]:
    """Sets on which an audit is finished, the newest first."""
    return list(AuditSet.objects.filter(audit__status=Audit.Status.DONE).distinct().order_by("-pk"))


def audit_sets_with_gate_decisions() -> QuerySet[AuditSet]:
    """All sets, the newest first, each with `gate_decisions`: how many gates looked at it."""
    with_gate = Count("retrains", filter=Q(retrains__gate__isnull=False))
    return AuditSet.objects.annotate(gate_decisions=with_gate).order_by("-pk")


def done(audit_set: AuditSet | None) -> list[Audit]:
    """Finished audits on a set, the newest model first, without their pairs of groups."""
    found = Audit.objects.filter(status=Audit.Status.DONE, audit_set=audit_set).defer("pairs")
    return list(found.select_related("model", "audit_set"))


def finding_of(audit: Audit | None, kind: str) -> Finding | None:
    return Finding.objects.filter(audit=audit, kind=kind).first()


def slice_groups(audit_set: AuditSet) -> dict[str, str]:
    """The group of each image on the axis of named slices."""
    named = NamedSlice.objects.filter(audit_set=audit_set, value__isnull=False)
    return {
        sha256: each.value.name
        for each in named.select_related("value")
        for sha256 in each.images
        if each.value
    }
