"""What an address asks an audit page for."""

from collections.abc import Sequence

from django.http import HttpRequest

from feedback import queries
from feedback.models import Audit, AuditSet
from nsfwsite.audits.charts import Chart


def linked(request: HttpRequest, found: Sequence[Chart | None]) -> dict[str, Chart]:
    return {chart.name: chart.linked(request.GET) for chart in found if chart}


def choice(request: HttpRequest, name: str, known: Sequence[str], default: str) -> str:
    """A filter from the address; what is not known is the default."""
    value = request.GET.get(name, default)
    return value if value in known else default


def audits(request: HttpRequest) -> tuple[list[AuditSet], AuditSet | None, list[Audit]]:
    """The sets to choose from, the one chosen, and the audits on it."""
    sets = queries.audits.audit_sets_used()
    chosen = next((each for each in sets if each.name == request.GET.get("set")), None)
    chosen = chosen or (sets[0] if sets else None)
    return sets, chosen, queries.audits.finished_audits(chosen)
