"""Every constraint of the database is attacked once: the valid row stays, the change is refused."""

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from feedback.models import (
    ApprovalRule,
    Audit,
    AuditSet,
    AxisValue,
    BlockedHash,
    BrowserScore,
    Confirmation,
    DatasetVersion,
    Decision,
    Definition,
    EmailAddress,
    Finding,
    Golden,
    GoldenAnswer,
    Look,
    ModelVersion,
    NamedSlice,
    Objection,
    Occlusion,
    Report,
    Retrain,
    SampleAnswer,
    SignalDecision,
    Webhook,
    WebhookDelivery,
)
from modeltrain.labels import LABELS, ErrorKind

NOW = timezone.now()
LABEL = LABELS[0]
Change = dict[str, Any]

# A change that breaks the rule, for each CHECK. A string with an @ names another valid row.
BREAKS: dict[str, list[tuple[str, Change]]] = {
    "keys_of_one_site": [("approval_rule", {"id": 2})],
    "one_key_or_two": [("approval_rule", {"number": 0}), ("approval_rule", {"number": 3})],
    "audit_done_has_figures": [
        ("audit", {"status": "done", "finished_at": NOW}),
        ("audit", {"status": "done", "figures": {"n": 1}}),
    ],
    "blocked_hash_is_pdq": [
        ("blocked_hash", {"pdq": "0" * 63}),
        ("blocked_hash", {"pdq": "A" * 64}),
    ],
    "recomputed_gate_has_policy_and_time": [
        ("retrain", {"recomputed_at": NOW}),
        ("retrain", {"recomputed_gate": {"verdict": "pass"}}),
        ("retrain", {"recomputed_gate": {"verdict": "pass"}, "recomputed_at": NOW}),
        ("retrain", {"recomputed_policy_sha256": "d" * 64}),
    ],
    "confirmation_has_result_and_time": [
        ("confirmation", {"judged_at": NOW}),
        ("confirmation", {"gate": {"verdict": "pass"}}),
    ],
    "drift_has_a_distance": [("browser_score", {"drifted": True})],
    "classification_done_has_an_answer": [
        ("classification", {"label": ""}),
        ("classification", {"scores": {}}),
        ("classification", {"model": None}),
        ("classification", {"finished_at": None}),
        ("classification", {"status": "waiting"}),
    ],
    "accepted_has_a_label": [("decision", {"label": ""})],
    "refusal_has_a_reason": [("rejection", {"because": "other"})],
    "declined_because_of_something": [
        ("rejection", {"because": "", "reason": "A photograph."}),
        ("decision", {"because": "other"}),
    ],
    "training_consent_needs_storing_consent": [
        ("report", {"consent_store": False, "consent_train": True})
    ],
    "folded_report_names_its_dataset": [
        ("report", {"status": "folded"}),
        ("report", {"status": "answered"}),
    ],
    "twin_is_never_anything_else": [
        ("report", {"status": "golden"}),
        ("report", {"golden": "@golden"}),
        ("golden_copy", {"status": "queued"}),
        ("golden_copy", {"golden": None}),
    ],
    "first_version_is_shipped": [("definition", {"version": 1})],
    "decided_objection_has_a_reason": [
        ("objection", {"status": "accepted"}),
        ("objection", {"status": "declined"}),
    ],
    "delivered_has_a_time": [
        ("delivery", {"status": "delivered"}),
        ("delivery", {"delivered_at": NOW}),
    ],
    "confirmed_address_was_asked": [("email_address", {"confirmed_at": NOW})],
    "model_in_service_was_promoted": [
        ("champion", {"promoted_at": None}),
        ("candidate", {"status": "retired"}),
    ],
    "counterpart_is_another_image": [("example", {"counterpart_of": "@example"})],
    "finding_done_has_figures": [
        ("finding", {"status": "done", "finished_at": NOW}),
        ("finding", {"status": "done", "figures": {"n": 1}}),
    ],
    "what_safety_does_has_a_note": [
        ("look", {"what": "blocked"}),
        ("look", {"what": "handed back"}),
        ("look", {"what": "deleted"}),
    ],
    "slice_is_named_or_taken_back": [
        ("named_slice", {"value": None}),
        ("named_slice", {"taken_back_by": "@mona", "taken_back_at": NOW}),
        ("named_slice", {"value": None, "taken_back_by": "@mona"}),
        ("named_slice", {"value": None, "taken_back_at": NOW}),
    ],
    "occlusion_begun_has_a_score": [
        ("occlusion", {"done": 1, "label": LABEL}),
        ("occlusion", {"done": 1, "score": 0.5}),
        ("occlusion", {"done": 9, "score": 0.5, "label": LABEL}),
    ],
    "approval_has_name_and_time": [
        ("retrain", {"approved_by": "@mona"}),
        ("retrain", {"approved_at": NOW}),
    ],
    "verdict_has_name_and_time": [
        ("retrain", {"decided_by": "@mona"}),
        ("retrain", {"decided_at": NOW}),
    ],
    "evaluated_retrain_has_candidate_and_gate": [
        ("retrain", {"status": "evaluated", "gate": {"verdict": "pass"}}),
        ("retrain", {"status": "evaluated", "candidate": "@candidate"}),
    ],
    "verdict_has_a_decider": [
        ("retrain", {"status": "declined", "candidate": "@candidate", "gate": {}}),
    ],
    "override_has_a_reason": [
        (
            "retrain",
            {
                "status": "promoted",
                "candidate": "@candidate",
                "gate": {"verdict": "fail"},
                "decided_by": "@mona",
                "decided_at": NOW,
            },
        )
    ],
    "signal_decision_has_its_ground": [
        ("signal_decision", {"audit": None}),
        ("signal_decision", {"outcome": "dismissed"}),
    ],
}

# What a second row must change to clash in nothing but the rule, for each UNIQUE.
CLASHES: dict[str, tuple[str, Change]] = {
    "one_audit_a_set": ("audit", {}),
    "one_decision_a_reviewer": ("decision", {"settled_at": None}),
    "one_decision_settles_a_report": ("decision", {"by": "@mona"}),
    "one_definition_a_version": ("definition", {}),
    "one_champion": ("champion", {"number": 9, "sha256": "9" * 64}),
    "one_example_a_position": ("example", {}),
    "one_score_a_model": ("example_score", {}),
    "one_finding_a_kind": ("finding", {}),
    "one_golden_answer_a_reviewer": ("golden_answer", {}),
    "one_value_a_name": ("axis_value", {}),
    "one_slice_a_name": ("named_slice", {}),
    "one_occlusion_a_model": ("occlusion", {}),
    "one_answer_a_sample_and_model": ("sample_answer", {}),
    "one_open_retrain_a_recipe": ("retrain", {"status": "approved"}),
    "one_confirmation_a_verdict": ("confirmation", {}),
}


@pytest.fixture
def rows(queued, judged, champion, ravi, mona) -> dict[str, models.Model]:
    """A valid row of every table that has a constraint."""
    report, rejected = queued(1), queued(2)
    example = report.examples.get()
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Candidate")
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="c" * 64, images=1)
    audit = Audit.objects.create(model=champion, audit_set=audit_set)
    axis_value = AxisValue.objects.first()
    golden = Golden.objects.create(report=rejected, by=mona)
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="d" * 64, images=1)
    retrain = Retrain.objects.create(
        base=champion, dataset=dataset, config="head", proposed_by=mona
    )
    return {
        "approval_rule": ApprovalRule.objects.create(),
        "audit": audit,
        "axis_value": axis_value,
        "blocked_hash": BlockedHash.objects.create(pdq="0" * 64, source="a test"),
        "browser_score": BrowserScore.objects.create(
            example=example, model=champion, graph="int8", label=LABEL, scores={}
        ),
        "candidate": candidate,
        "champion": champion,
        "classification": judged(3),
        "confirmation": Confirmation.objects.create(
            retrain=retrain,
            audit_set=audit_set,
            judged_against=champion,
            policy_sha256="e" * 64,
            requested_by=mona,
        ),
        "decision": Decision.objects.create(
            report=report, outcome="accepted", label=LABEL, by=ravi, settled_at=NOW
        ),
        "definition": Definition.objects.create(
            label=LABEL, version=2, meaning="Drawn.", reason="Shorter.", by=mona
        ),
        "delivery": WebhookDelivery.objects.create(
            webhook=Webhook.objects.create(url="https://example.org/", created_by=mona),
            event="gate.decided",
            body="{}",
        ),
        "email_address": EmailAddress.objects.create(
            report=report, address="rosa@example.org", site="https://speakup.example"
        ),
        "example": example,
        "example_score": example.scores.get(),
        "finding": Finding.objects.create(audit=audit, kind="slices"),
        "golden": golden,
        "golden_answer": GoldenAnswer.objects.create(
            golden=golden, verdict=LABEL, right=True, by=ravi
        ),
        "golden_copy": Report.objects.create(status="golden", golden=golden, expected_label=LABEL),
        "look": Look.objects.create(report=report.pk, by=mona, what="opened", escalated=True),
        "mona": mona,
        "named_slice": NamedSlice.objects.create(
            audit_set=audit_set,
            value=axis_value,
            title="Hands",
            images=[],
            found_with=champion,
            named_by=mona,
        ),
        "objection": Objection.objects.create(label=LABEL, version=1, words="Too narrow."),
        "occlusion": Occlusion.objects.create(
            image=example.image, model=champion, rows=8, touched_at=NOW
        ),
        "rejection": Decision.objects.create(
            report=rejected, outcome="rejected", because="cannot-tell", by=ravi
        ),
        "report": report,
        "retrain": retrain,
        "sample_answer": SampleAnswer.objects.create(
            model=champion, image_sha256="f" * 64, label=LABEL, scores={}
        ),
        "signal_decision": SignalDecision.objects.create(
            value=axis_value,
            kind=ErrorKind.MISS.value,
            outcome="confirmed",
            audit=audit,
            reports=3,
            by=mona,
        ),
    }


def resolved(change: Change, rows: dict[str, models.Model]) -> Change:
    return {
        field: rows[value[1:]] if isinstance(value, str) and value.startswith("@") else value
        for field, value in change.items()
    }


@pytest.mark.parametrize(
    ("constraint", "row", "change"),
    [(constraint, *attempt) for constraint, attempts in BREAKS.items() for attempt in attempts],
)
def test_database_refuses_a_row_that_breaks_the_rule(rows, constraint, row, change) -> None:
    table = type(rows[row])._base_manager.filter(pk=rows[row].pk)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        table.update(**resolved(change, rows))
    assert table.exists()


@pytest.mark.parametrize(("constraint", "clash"), CLASHES.items())
def test_database_refuses_a_second_row(rows, constraint, clash) -> None:
    name, change = clash
    row = rows[name]
    row.pk, row._state.adding = None, True
    for field, value in resolved(change, rows).items():
        setattr(row, field, value)
    with pytest.raises(IntegrityError, match=r"(?i)unique"), transaction.atomic():
        row.save()


def test_every_constraint_is_attacked() -> None:
    names = {
        constraint.name
        for model in apps.get_app_config("feedback").get_models()
        for constraint in model._meta.constraints
    }
    assert names == {*BREAKS, *CLASHES}
