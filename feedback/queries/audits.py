"""Audits, their findings, and named slices."""

from dataclasses import dataclass

from django.db.models import QuerySet

from feedback.models import Audit, AuditSet, Finding, ModelVersion, NamedSlice


def public_audits() -> "QuerySet[Audit]":
    """All audits but those on confirmation sets, whose figures are shown nowhere."""
    return Audit.objects.filter(audit_set__confirmation=False)


def open_sets() -> "QuerySet[AuditSet]":
    """All audit sets but the confirmation sets, the newest first."""
    return AuditSet.objects.filter(confirmation=False).order_by("-pk")


def audit_of(model: ModelVersion, set_name: str = "") -> Audit | None:
    """The model's audit on the set of this name, else on the newest of its audit sets."""
    audits = public_audits().filter(model=model).select_related("model", "audit_set")
    audits = audits.order_by("-audit_set__pk")
    if not set_name:
        return audits.first()
    named = (audit for audit in audits if audit.audit_set.name == set_name)
    return next(named, None) or audits.first()


def deciding_set() -> AuditSet | None:
    """The set that decides about new models: the newest."""
    return open_sets().first()


def confirmation_set() -> AuditSet | None:
    """The set on which candidates that passed are judged once more: the newest, if there is one."""
    return AuditSet.objects.filter(confirmation=True).order_by("-pk").first()


def finished_audit_of(model: ModelVersion) -> Audit | None:
    """The model's finished audit on the newest audit set that has one."""
    finished = public_audits().filter(model=model, status=Audit.Status.DONE)
    return finished.select_related("audit_set").order_by("-audit_set__pk").first()


def audit_sets_used() -> list[AuditSet]:
    """Audit sets with a finished audit, the newest first."""
    return list(open_sets().filter(audit__status=Audit.Status.DONE).distinct())


def finished_audits(audit_set: AuditSet | None) -> list[Audit]:
    """Finished audits on a set, the newest model first, with `pairs` deferred."""
    audits = Audit.objects.filter(status=Audit.Status.DONE, audit_set=audit_set).defer("pairs")
    return list(audits.select_related("model", "audit_set"))


def finished_audit(model: ModelVersion, audit_set: AuditSet | None) -> Audit | None:
    """The model's audit on a set, if there is one and it is finished."""
    audits = Audit.objects.filter(model=model, audit_set=audit_set, status=Audit.Status.DONE)
    return audits.select_related("audit_set").defer("pairs").first()


def finding_of(audit: Audit | None, kind: str) -> Finding | None:
    return Finding.objects.filter(audit=audit, kind=kind).first()


def slice_groups(audit_set: AuditSet) -> dict[str, str]:
    """The named slice of each image, by the image's hash."""
    named_slices = NamedSlice.objects.filter(audit_set=audit_set, value__isnull=False)
    return {
        sha256: named_slice.value.name
        for named_slice in named_slices.select_related("value")
        for sha256 in named_slice.images
        if named_slice.value
    }


@dataclass(frozen=True)
class Results:
    """What there is to show: finished audits on the newest set, and the findings of all audits.

    Attributes
    ----------
    audits : int
    findings : dict of str to str
        The status of each kind of finding: "done" if any finding of the kind is.
    """

    audits: int
    findings: dict[str, str]


def results() -> Results:
    """Read what there is to show, in one query."""
    findings: dict[str, str] = {}
    finished: dict[int, set[int]] = {}
    rows = public_audits().order_by("findings__pk")
    for audit, audit_set, status, kind, finding_status in rows.values_list(
        "pk", "audit_set_id", "status", "findings__kind", "findings__status"
    ):
        if status == Audit.Status.DONE:
            finished.setdefault(audit_set, set()).add(audit)
        if kind and findings.get(kind) != Finding.Status.DONE:
            findings[kind] = finding_status
    return Results(len(finished[max(finished)]) if finished else 0, findings)
