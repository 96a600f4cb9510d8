"""A region that a maintainer names becomes a group in every audit of its set."""

import datetime
from pathlib import Path

import pytest
from django.utils import timezone

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import (
    Audit,
    AuditSet,
    AxisValue,
    DatasetVersion,
    Finding,
    LedgerEntry,
    ModelVersion,
    NamedSlice,
    Retrain,
)
from feedback.services import (
    audits,
    ledger,
    manifests,
    retrains,
    slices,
    training_process,
)
from modeltrain.audit import evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.gate import judge
from modeltrain.labels import LABELS
from tests.cast import finished_audit
from worker.tasks.audits import recount_audit_task
from worker.tasks.upkeep import pick_up_lost_work_task

IMAGES = 60
HASHES = [f"{n:064x}" for n in range(IMAGES)]
FLAGS, MORE = HASHES[:35], HASHES[30:50]


def answers(*, wrong: int) -> list[Predicted]:
    """Answers to sixty drawings, the first of them wrong."""
    return [
        Predicted(
            sha256=sha256,
            cluster=str(n),
            expected="drawings",
            groups={"medium": "vector"},
            scores=dict.fromkeys(LABELS, 0.0) | {("neutral" if n < wrong else "drawings"): 1.0},
        )
        for n, sha256 in enumerate(HASHES)
    ]


@pytest.fixture
def audited(champion, axes) -> Audit:
    rows = [
        Row(sha256, "drawings", {"medium": "vector"}, "audit", "test", str(n))
        for n, sha256 in enumerate(HASHES)
    ]
    audit_set = AuditSet.objects.create(
        name="small", manifest_sha256=manifests.publish(rows), images=IMAGES
    )
    return finished_audit(champion, audit_set, answers(wrong=20))


@pytest.fixture
def slice_finding(audited) -> Finding:
    return Finding.objects.create(
        audit=audited,
        kind="slices",
        status="done",
        figures=[{"members": FLAGS}, {"members": MORE}],
        finished_at=timezone.now(),
    )


def recount() -> None:
    for pk in queries.pending_work.audits_to_recount():
        recount_audit_task(pk)


def counted(audit: Audit) -> dict:
    audit.refresh_from_db()
    cells = audit.figures["groups"].get("slice", {})
    return {value: (cell["error"]["count"], cell["n"]) for value, cell in cells.items()}


def test_a_named_slice_is_counted_in_finished_audits(slice_finding, mona) -> None:
    finished = slice_finding.audit.finished_at
    slices.name(finding=slice_finding, region=0, title="  Flags ", by=mona)
    recount()
    assert counted(slice_finding.audit) == {"flags": (20, 35)}
    assert slice_finding.audit.finished_at == finished
    assert queries.pending_work.audits_to_recount() == []
    value = AxisValue.objects.get(axis__name="slice")
    assert (value.name, value.title) == ("flags", "Flags")


def test_naming_does_not_change_the_manifest(slice_finding, mona) -> None:
    before = slice_finding.audit.audit_set.manifest.read_bytes()
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    assert slice_finding.audit.audit_set.manifest.read_bytes() == before


def test_an_image_keeps_its_first_name(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    slices.name(finding=slice_finding, region=1, title="Maps", by=mona)
    recount()
    assert counted(slice_finding.audit) == {"flags": (20, 35), "maps": (0, 15)}
    with pytest.raises(WrongState, match="0 have none"):
        slices.name(finding=slice_finding, region=1, title="Signs", by=mona)


def test_a_name_cannot_be_given_twice(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    with pytest.raises(WrongState, match="once in a set"):
        slices.name(finding=slice_finding, region=1, title="flags", by=mona)


@pytest.mark.parametrize("title", ["", " !? ", "x" * 81])
def test_a_name_without_letters_is_refused(slice_finding, mona, title) -> None:
    with pytest.raises(Invalid, match="letters or digits"):
        slices.name(finding=slice_finding, region=0, title=title, by=mona)


@pytest.mark.parametrize("region", [-1, 2])
def test_an_unknown_region_cannot_be_named(slice_finding, mona, region) -> None:
    with pytest.raises(Invalid, match="region that was found"):
        slices.name(finding=slice_finding, region=region, title="Flags", by=mona)


def test_the_gate_sees_the_slice_in_both_models(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    later = finished_audit(candidate, slice_finding.audit.audit_set, answers(wrong=34))
    judged = audits.compare(before=slice_finding.audit, after=later)
    cell = next(
        cell
        for cell in judged["cells"]
        if (cell["axis"], cell["measure"]) == ("slice", "confusion")
    )
    assert (cell["value"], cell["n"], cell["newly_wrong"]) == ("flags", 35, 14)
    assert judged == judge.judge(
        champion=audits.predictions_of(slice_finding.audit), candidate=audits.predictions_of(later)
    )


def test_a_later_audit_counts_a_named_slice(slice_finding, mona, monkeypatch) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    candidate = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    audit = audits.request(model=candidate, audit_set=slice_finding.audit.audit_set)
    predicted = {prediction.sha256: prediction for prediction in answers(wrong=3)}
    monkeypatch.setattr("feedback.services.models.classifier_of", lambda model: None)
    monkeypatch.setattr(
        evaluate,
        "predict",
        lambda classifier, rows, *rest: [predicted[row.sha256] for row in rows],
    )
    for part in audits.start(pk=audit.pk):
        audits.predict_part(pk=audit.pk, part=part)
    audits.count_errors(pk=audit.pk)
    assert counted(audit) == {"flags": (3, 35)}


def test_a_name_can_be_taken_back_and_by_whom_is_recorded(slice_finding, mona, ravi) -> None:
    named = slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    slices.take_back(named=named, by=ravi)
    recount()
    assert counted(slice_finding.audit) == {}
    assert not AxisValue.objects.filter(axis__name="slice").exists()
    assert (named.named_by, named.taken_back_by) == (mona, ravi)
    with pytest.raises(WrongState, match="once"):
        slices.take_back(named=named, by=ravi)
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    assert NamedSlice.objects.count() == 2


def test_an_unchanged_recount_adds_no_ledger_entry(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    for _ in range(2):
        recount_audit_task(slice_finding.audit.pk)
    assert LedgerEntry.objects.filter(kind="audit").count() == 2  # before and after


def test_no_reporter_can_claim_a_named_slice(slice_finding, mona, filed) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    assert "slice" not in {axis.name for axis in queries.groups.stated_axes()}
    with pytest.raises(Invalid, match="slice"):
        filed(groups={"slice": "flags"})


def test_figures_of_an_earlier_release_are_counted_again(slice_finding) -> None:
    audit = slice_finding.audit
    figures = audit.figures
    earlier = {name: value for name, value in figures.items() if name != "headlines"}
    Audit.objects.filter(pk=audit.pk).update(figures=earlier)
    assert queries.pending_work.audits_to_recount() == [audit.pk]
    recount()
    audit.refresh_from_db()
    assert audit.figures == figures
    assert queries.pending_work.audits_to_recount() == []


def test_the_ledger_holds_the_latest_recount(slice_finding, mona) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    recount()
    assert list(ledger.contradictions()) == []
    Audit.objects.update(figures={"error": 0})
    assert "is not what the database holds" in next(iter(ledger.contradictions()))


def test_the_schedule_resumes_a_lost_recount(slice_finding, mona, inference_worker) -> None:
    from tests.flows.api import wait_until

    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    pick_up_lost_work_task()
    wait_until(lambda: counted(slice_finding.audit) == {"flags": (20, 35)}, 30)


def test_a_retrain_judges_both_models_by_the_slices_of_its_start(
    slice_finding, mona, monkeypatch
) -> None:
    slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    row = Row("d" * 64, "neutral", {}, "train", "demo", "owl")
    retrain = Retrain.objects.create(
        status="approved",
        base=slice_finding.audit.model,
        dataset=DatasetVersion.objects.create(
            number=1, manifest_sha256=manifests.publish([row]), images=1, added=1
        ),
        config="head",
        proposed_by=mona,
        approved_by=mona,
        approved_at=timezone.now(),
    )
    options = {}
    write_image_index = manifests.write_image_index

    def name_another_slice(rows, path):
        slices.name(finding=slice_finding, region=1, title="Maps", by=mona)
        write_image_index(rows, path)

    def stopped(arguments, **_):
        options.update(argument.removeprefix("--").split("=") for argument in arguments[1:])
        raise training_process.ProcessFailed("stopped here")

    monkeypatch.setattr(manifests, "write_image_index", name_another_slice)
    monkeypatch.setattr(training_process, "run", stopped)
    retrains.run(pk=retrain.pk)
    audited = manifest.read(Path(options["audit-manifest"]))
    champion = evaluate.read_answers(Path(options["champion-predictions"]))
    groups = {row.sha256: row.groups for row in audited}
    assert groups == {prediction.sha256: prediction.groups for prediction in champion}
    assert {values.get("slice") for values in groups.values()} == {"flags", None}


def test_a_named_slice_says_what_was_named_by_whom_and_with_which_model(
    slice_finding, mona
) -> None:
    named = slices.name(finding=slice_finding, region=1, title=" Maps  of towns ", by=mona)
    named.refresh_from_db()
    assert (named.audit_set, named.found_with) == (
        slice_finding.audit.audit_set,
        slice_finding.audit.model,
    )
    assert (named.title, named.images, named.named_by) == ("Maps of towns", MORE, mona)
    assert (named.value.axis.name, named.value.axis.title) == ("slice", "Named slice")
    assert (named.value.name, named.value.title) == ("maps-of-towns", "Maps of towns")
    assert (named.taken_back_by, named.taken_back_at) == (None, None)


def test_a_name_may_have_eighty_characters(slice_finding, mona) -> None:
    named = slices.name(finding=slice_finding, region=0, title="x" * 80, by=mona)
    assert (named.title, named.value.name) == ("x" * 80, "x" * 50)


def test_a_region_is_named_of_a_finding_of_slices_alone(slice_finding, mona) -> None:
    slice_finding.kind = Finding.Kind.COUNTERFACTUAL
    with pytest.raises(Invalid, match="region that was found"):
        slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    slice_finding.kind, slice_finding.figures = Finding.Kind.SLICES, None
    with pytest.raises(Invalid, match="region 1 of 0"):
        slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    assert not NamedSlice.objects.exists()


@pytest.fixture
def elsewhere(slice_finding) -> Finding:
    """The same region, found in another audit set."""
    rows = manifest.read(slice_finding.audit.audit_set.manifest)[:40]
    audit_set = AuditSet.objects.create(
        name="another", manifest_sha256=manifests.publish(rows), images=len(rows)
    )
    return Finding.objects.create(
        audit=finished_audit(slice_finding.audit.model, audit_set, answers(wrong=3)),
        kind="slices",
        status="done",
        figures=[{"members": FLAGS}],
        finished_at=timezone.now(),
    )


def test_two_sets_share_a_name_until_both_take_it_back(
    slice_finding, elsewhere, mona, ravi
) -> None:
    here = slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    there = slices.name(finding=elsewhere, region=0, title="Flags", by=mona)
    assert here.value == there.value

    slices.take_back(named=here, by=ravi)
    there.refresh_from_db()
    assert (there.value.name, there.taken_back_by, there.taken_back_at) == ("flags", None, None)
    assert (here.value, here.taken_back_by) == (None, ravi)
    assert abs(timezone.now() - here.taken_back_at) < datetime.timedelta(minutes=1)
    assert here.images == FLAGS

    slices.take_back(named=there, by=mona)
    assert not AxisValue.objects.filter(axis__name="slice").exists()


def test_who_took_a_name_back_first_stays_on_record(slice_finding, mona, ravi) -> None:
    named = slices.name(finding=slice_finding, region=0, title="Flags", by=mona)
    stale = NamedSlice.objects.get()
    slices.take_back(named=named, by=ravi)
    with pytest.raises(WrongState, match="taken back once"):
        slices.take_back(named=stale, by=mona)
    named.refresh_from_db()
    assert named.taken_back_by == ravi
