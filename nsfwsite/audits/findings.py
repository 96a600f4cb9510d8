"""What robustness, slices and the quantized model have in common: a finding of an audit."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from feedback import queries
from feedback.models import Audit, Finding
from nsfwsite.access import maintainer_required, refusals_as_pages
from nsfwsite.audits import filters
from nsfwsite.audits.charts.chart import FigureSource
from nsfwsite.intake import maintaining


def finding_context(request: HttpRequest, kind: str) -> dict[str, Any]:
    """The set, the model and the finding that an address chooses, by default the champion's."""
    chosen = filters.chosen_audits(request)
    version = chosen.version(request)
    audit = chosen.by_version.get(version)
    finding = queries.audits.finding_of(audit, kind)
    finished = finding is not None and finding.status == Finding.Status.DONE
    return {
        "used_sets": chosen.used_sets,
        "audit_set": chosen.audit_set,
        "versions": list(chosen.by_version),
        "version": version,
        "audit": audit,
        "finding": finding,
        "source": filters.source_of(audit, model=version) if audit else FigureSource(),
        "figures": finding.figures if finding and finished else None,
    }


@maintainer_required
@refusals_as_pages
@require_POST
def retry_finding(request: HttpRequest, pk: int) -> HttpResponse:
    findings = Finding.objects.select_related("audit__model", "audit__audit_set")
    finding = get_object_or_404(findings, pk=pk)
    maintaining.retry_finding(finding=finding)
    return redirect_to_finding(finding.kind, finding.audit)


def redirect_to_finding(kind: str, audit: Audit) -> HttpResponse:
    query = urlencode({"set": audit.audit_set.name, "model": audit.model.version})
    return redirect(f"{reverse(kind)}?{query}")
