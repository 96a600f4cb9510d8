"""Whatever is typed into a free field is refused with the rule, or kept and shown inert."""

from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core import serializers
from django.urls import reverse
from django.utils import timezone

from feedback.models import (
    AuditSet,
    DatasetVersion,
    Finding,
    ModelVersion,
    Report,
    Retrain,
)
from feedback.services import audits, definitions, triage
from tests.cast import premises, token_of, whole_artifact

pytestmark = pytest.mark.django_db

MEGABYTE = "x" * 1_000_000
HOSTILE = "<script>alert(1)</script>\u202egnp.exe\u2066 \x07\x1b[31m{{ 7|add:7 }} Ω"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;gnp.exe"


@pytest.fixture
def scene(client, champion, queued, judged, ravi, mona):
    """One of everything that somebody writes about, and Mona, who may do all of it."""
    client.force_login(mona)
    rejected = queued(1)
    triage.decide(report=rejected, outcome="rejected", by=ravi, reason="A photograph.")
    retired, candidate = (
        ModelVersion.objects.create(
            number=number,
            sha256=whole_artifact(str(number)),
            title="Another",
            status=state,
            promoted_at=timezone.now(),
        )
        for number, state in ((2, "retired"), (3, "candidate"))
    )
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="e" * 64, images=1)
    retrain = Retrain.objects.create(
        status="evaluated",
        base=champion,
        candidate=candidate,
        dataset=DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1),
        config="head",
        gate={"verdict": "blocked", "sentence": "Worse.", "cells": []},
        proposed_by=mona,
        **premises(champion),
    )
    finding = Finding.objects.create(
        audit=audits.request(model=champion, audit_set=audit_set),
        kind="slices",
        figures=[{"members": ["a"]}],
    )
    token = {"authorization": f"Token {token_of(mona)}"}
    return SimpleNamespace(
        client=client,
        answer=judged(9),
        case=queued(2),
        rejected=rejected,
        retired=retired,
        retrain=retrain,
        finding=finding,
        objection=definitions.object_to(label="sexy", words="Whose?"),
        api=lambda path, **body: client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=token
        ),
    )


def report(scene, **typed):
    fields = {"expected_label": "drawings", "kind": "misclassified", **typed}
    return scene.client.post(f"{reverse('report')}?classification={scene.answer.pk}", fields)


def report_by_api(scene, **typed):
    fields = {"expected_label": "drawings", "classification": scene.answer.pk, **typed}
    return scene.client.post("/api/v1/reports/", fields)


def post(scene, name, *arguments, **typed):
    return scene.client.post(reverse(name, args=arguments), typed)


def revise(scene, **typed):
    fields = {"label": "sexy", "meaning": "M", "borderline": "A hat → neutral", "reason": "R"}
    return post(scene, "revise", **{**fields, **typed})


FIELDS = {
    "a report's subject": lambda s, text: report(s, subject=text),
    "a report's description": lambda s, text: report(s, description=text),
    "an appeal": lambda s, text: post(s, "appeal", s.rejected.receipt, appeal=text),
    "an objection": lambda s, text: post(s, "object", label="sexy", words=text),
    "a meaning": lambda s, text: revise(s, meaning=text),
    "a borderline case": lambda s, text: revise(s, borderline=f"{text} → neutral"),
    "a revision's reason": lambda s, text: revise(s, reason=text),
    "why an objection is rejected": lambda s, text: post(
        s, "reject-objection", s.objection.pk, reason=text
    ),
    "why a report is rejected": lambda s, text: post(
        s, "case", s.case.pk, outcome="rejected", reason_rejected=text
    ),
    "why a report is escalated": lambda s, text: post(
        s, "case", s.case.pk, outcome="escalated", reason_escalated=text
    ),
    "an override's reason": lambda s, text: post(
        s, "retrain", s.retrain.pk, action="promote", override_reason=text
    ),
    "why a retrain is declined": lambda s, text: post(
        s, "retrain", s.retrain.pk, action="decline", override_reason=text
    ),
    "why a model comes back": lambda s, text: post(s, "roll-back", "v2", reason=text),
    "why a signal is dismissed": lambda s, text: post(
        s, "decide-signal", "medium", "vector", "confusion", outcome="dismissed", reason=text
    ),
    "a slice's name": lambda s, text: post(
        s, "name-slice", finding=s.finding.pk, region=0, title=text
    ),
    "a subject by API": lambda s, text: report_by_api(s, subject=text),
    "a description by API": lambda s, text: report_by_api(s, description=text),
    "an appeal by API": lambda s, text: s.api(f"reports/{s.rejected.receipt}/appeal/", words=text),
    "a rejection by API": lambda s, text: s.api(
        f"triage/{s.case.pk}/decision/", outcome="rejected", reason=text
    ),
    "an override by API": lambda s, text: s.api(
        f"retrains/{s.retrain.pk}/promote/", override_reason=text
    ),
    "a decline by API": lambda s, text: s.api(f"retrains/{s.retrain.pk}/decline/", reason=text),
}


def stored_values() -> str:
    """All that the tables hold; what cannot be printed is spelled out."""
    tables = apps.get_app_config("feedback").get_models()
    return "".join(repr(serializers.serialize("python", table.objects.all())) for table in tables)


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_text_is_refused_or_inert(scene, field) -> None:
    long = FIELDS[field](scene, MEGABYTE)
    assert long.status_code in (400, 413, 422)
    assert "characters" in long.content.decode()
    assert "xxxxx" not in stored_values()

    answer = FIELDS[field](scene, HOSTILE)

    assert answer.status_code < 500
    everything = stored_values()
    for harmful in ("\\u202e", "\\u2066", "\\x07", "\\x1b"):
        assert harmful not in everything
    if answer.status_code < 400:
        assert "<script>alert(1)</script>gnp.exe" in everything
    newest = Report.objects.latest("pk")
    reports = (scene.rejected, scene.case, newest)
    pages = [
        reverse("definitions"),
        reverse("ledger"),
        reverse("reports"),
        reverse("signals"),
        reverse("slices"),
        reverse("model", args=["v3"]),
        reverse("triage"),
        reverse("retrain", args=[scene.retrain.pk]),
        *(reverse("receipt", args=[report.receipt]) for report in reports),
        *(reverse("case", args=[report.pk]) for report in reports),
    ]
    shown = [page.content.decode() for page in (answer, *map(scene.client.get, pages))]
    for text in shown:
        assert "<script>alert" not in text or text.startswith("{")  # JSON is no page
        assert "\u202e" not in text
