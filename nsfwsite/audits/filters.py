"""What the address of an audit page chooses."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.dateformat import format as format_date

from feedback import queries
from feedback.models import Audit, AuditSet, ModelVersion
from nsfwsite.audits.charts.chart import Chart, FigureSource
from nsfwsite.tables.titles import BUILT_IN_AXES, Titles


def by_name(
    request: HttpRequest, charts: Sequence[Chart | None], source: FigureSource
) -> dict[str, Chart]:
    """The charts that could be drawn, by name, with their source and addresses."""
    return {chart.name: chart.linked(request, source) for chart in charts if chart}


def source_of(audit: Audit, *, models: str = "", **query: str) -> FigureSource:
    """What the figures of an audit are from.

    `models` names the models where they are others than the audited one. The `query` is what the
    address chooses besides the set.
    """
    name = models or f"Model {audit.model.version}"
    audit_set = audit.audit_set
    day = f", {format_date(audit.finished_at, 'j F Y')}" if audit.finished_at else ""
    return FigureSource(
        f"{name} on the {audit_set.images:,} images of the audit set {audit_set.name}{day}",
        {"set": audit_set.name, **query},
    )


def choice(request: HttpRequest, name: str, options: Sequence[str], default: str) -> str:
    """A filter of the address. Anything that is no option is the default."""
    value = request.GET.get(name, default)
    return value if value in options else default


def axes_of(audit: Audit | None, titles: Titles) -> dict[str, str]:
    """The axes of an audit and their titles."""
    groups = audit.figures["groups"] if audit and audit.figures else {}
    return BUILT_IN_AXES | {axis: titles.axis(axis) for axis in groups}


@dataclass(frozen=True)
class ChosenAudits:
    """Audit sets to choose from, the one chosen, and the finished audits on it by version."""

    used_sets: list[AuditSet]
    audit_set: AuditSet | None
    by_version: dict[str, Audit]

    @property
    def champion(self) -> Audit | None:
        """The audit of the model in service, if that was audited on this set."""
        champion = ModelVersion.Status.CHAMPION
        audits = self.by_version.values()
        return next((audit for audit in audits if audit.model.status == champion), None)

    def version(self, request: HttpRequest) -> str:
        """The version that the address chooses; else the champion's, else the newest."""
        versions = list(self.by_version)
        default = self.champion.model.version if self.champion else next(iter(versions), "")
        return choice(request, "model", versions, default)


def chosen_audits(request: HttpRequest) -> ChosenAudits:
    used_sets = queries.audits.audit_sets_used()
    name = request.GET.get("set")
    audit_set = next((used for used in used_sets if used.name == name), None)
    audit_set = audit_set or next(iter(used_sets), None)
    audits = queries.audits.finished_audits(audit_set)
    return ChosenAudits(used_sets, audit_set, {audit.model.version: audit for audit in audits})
