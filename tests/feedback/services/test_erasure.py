"""Withdrawing: nothing of a picture is left anywhere, and a search that could find it says so."""

import datetime
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import (
    Audit,
    AuditSet,
    Classification,
    DatasetVersion,
    EmailAddress,
    Erasure,
    Example,
    Finding,
    Golden,
    ModelVersion,
    PublicReport,
    Report,
    Retrain,
    StoredImage,
)
from feedback.services import (
    classifications,
    datasets,
    erasure,
    golden,
    manifests,
    models,
    reports,
    retrains,
    traces,
    triage,
)
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import to_png
from modeltrain.model.features import compute_features, read_image_paths
from nsfwsite.intake import reporting
from tests.cast import upload
from tests.conftest import noise
from worker.tasks import inference

ANCHOR = Row("b" * 64, "sexy", {}, "train", "stamps", "owl")


@pytest.fixture
def first_version(db) -> DatasetVersion:
    return datasets.create_first([ANCHOR])


@pytest.fixture
def learnt_from(real_champion, axes, first_version, ravi, mona, settings):
    """Rosa's picture was reported, accepted and folded, and a retrain is at work with it."""
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    tried = classifications.submit(upload=upload(1))
    again = classifications.submit(upload=upload(1))
    for classification in (tried, again):
        inference.classify_task(str(classification.pk))
        classification.refresh_from_db()
    report = reports.submit(
        classifications=[tried],
        kind=Report.Kind.MISCLASSIFIED,
        expected_label=next(x for x in ("drawings", "neutral") if x != tried.label),
        groups={"medium": "vector"},
        description="It is a drawing.",
        consent_store=True,
        consent_train=True,
        request_sha256="d" * 64,
    )
    reports.screen(pk=report.pk)
    triage.decide(report=Report.objects.get(), outcome="accepted", by=ravi)
    row = Row("e" * 64, "neutral", {}, "audit", "demo", "c")
    folder = settings.AUDIT_IMAGES_DIR
    folder.mkdir()
    (folder / f"{row.sha256}.png").write_bytes(to_png(noise(9)))
    audit_set = AuditSet.objects.create(
        name="demo", manifest_sha256=manifests.publish([row]), images=1
    )
    retrain = retrains.propose(by=mona)
    Retrain.objects.update(status=Retrain.Status.RUNNING)
    retrains._arguments(retrain, audit_set)
    rows = [r for r in manifest.read(retrain.dataset.manifest) if r.source == "report"]
    images = read_image_paths(retrain.folder / "images.json")
    compute_features(rows, images, models.classifier_of(real_champion), settings.FEATURES_DIR)
    settings.ARTIFACTS_DIR = settings.DATA_DIR / "artifacts"  # hundreds of MB to search
    (retrain.folder / "training.log").write_text(f"cannot read {images[rows[0].sha256]}\n")
    (retrain.folder / "doubts.jsonl").write_text(json.dumps({"sha256": rows[0].sha256}) + "\n")
    return Report.objects.get()


def places_with_traces() -> set[str]:
    pixels = noise(1)
    return {trace.place for trace in traces.search(traces.needles(pixels, to_png(pixels)))}


def erase_again_later() -> None:
    """The time has passed in which a process might write again what was just erased."""
    Erasure.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=1))
    erasure.erase_files()


@pytest.mark.django_db(transaction=True)
def test_after_a_withdrawal_no_trace_of_the_image_is_left_anywhere(learnt_from, settings):
    stem = StoredImage.objects.get(example__report=learnt_from).file.name[3:-4].encode()
    cached_features = list(settings.FEATURES_DIR.rglob("*.npy"))
    before = places_with_traces()
    assert "table feedback_example, column image_sha256" in before
    assert any("sqlite3" in place for place in before)
    assert any(place.endswith(f"{stem.decode()}.png") for place in before)
    assert len(cached_features) == 1

    reporting.withdraw(report=learnt_from)
    erase_again_later()

    assert places_with_traces() == set()
    assert not cached_features[0].exists()
    # Nor what could tell whose name in the manifest it was.
    assert not [
        path
        for path in settings.DATA_DIR.rglob("*")
        if path.is_file() and (stem in path.read_bytes() or stem.decode() in path.name)
    ]
    assert not Erasure.objects.exists()
    retrain = Retrain.objects.get()
    assert (retrain.status, "was withdrawn" in retrain.failure) == ("failed", True)


@pytest.mark.django_db(transaction=True)
def test_the_receipt_names_the_datasets_and_models_that_used_the_image(client, learnt_from, mona):
    trained = ModelVersion.objects.create(number=2, sha256="f" * 64, title="Retrain")
    Retrain.objects.update(
        status=Retrain.Status.DECLINED,
        candidate=trained,
        gate={},
        decided_by=mona,
        decided_at=timezone.now(),
    )
    manifest_before = DatasetVersion.objects.get(number=2).manifest.read_bytes()

    client.post(reverse("withdraw", args=[learnt_from.receipt]))

    page = " ".join(
        client.get(reverse("receipt", args=[learnt_from.receipt])).content.decode().split()
    )
    assert "Its images were in dataset 2; the next one will be without them." in page
    assert 'Model <a href="/models/v2/">v2</a> learnt from them before' in page
    assert "drawings" not in page
    # What a manifest calls the picture leads nowhere any more, so it stays as it was.
    assert DatasetVersion.objects.get(number=2).manifest.read_bytes() == manifest_before
    assert [row.source for row in manifest.read(datasets.fold(by=mona).manifest)] == ["stamps"]


@pytest.mark.django_db(transaction=True)
def test_an_erasure_that_was_killed_is_finished_by_the_scheduler(learnt_from, monkeypatch):
    monkeypatch.setattr("feedback.services.erasure._delete_files", lambda erasure: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reporting.withdraw(report=learnt_from)
    monkeypatch.undo()
    erase_again_later()
    assert places_with_traces() == set()
    assert Report.objects.get().held_in == [2]


def test_an_image_that_was_only_just_erased_is_searched_for_once_more(learnt_from):
    reports.withdraw(report=learnt_from)
    erasure.erase_files()
    assert Erasure.objects.exclude(name="").count() == 1


@pytest.fixture
def two_reports(queued, first_version, ravi, mona, settings) -> tuple[Report, Report]:
    """Rosa's report and another one, of two pictures; both were accepted and folded."""
    settings.DATA_DIR = settings.MANIFESTS_DIR.parent
    settings.GOLDEN_SHARE = 0.0  # no copy of the first is queued behind the second
    for seed in (1, 2):
        report = queued(seed)
        triage.decide(report=report, outcome="accepted", by=ravi, reason="I see pens.")
        golden.mark(report=report, by=mona)
        EmailAddress.objects.create(report=report, address="a@example.org", site="https://x.y")
    datasets.fold(by=mona)
    rosas, other = Report.objects.order_by("pk")
    return rosas, other


def rows_about(report: Report) -> list[int]:
    return [
        Example.objects.filter(report=report).count(),
        Golden.objects.filter(report=report).count(),
        EmailAddress.objects.filter(report=report).count(),
        PublicReport.objects.filter(report=report).count(),
    ]


def test_a_withdrawal_deletes_every_row_about_the_report_except_its_history(two_reports) -> None:
    rosas, other = two_reports
    image = StoredImage.objects.get(example__report=rosas)

    reports.withdraw(report=rosas)

    assert rows_about(rosas) == [0, 0, 0, 0]
    assert rows_about(other) == [1, 1, 1, 1]
    assert not StoredImage.objects.filter(pk=image.pk).exists()
    assert StoredImage.objects.filter(example__report=other).exists()
    recorded = Erasure.objects.get()
    assert (recorded.report, recorded.file, recorded.name) == (rosas, image.file.name, image.name)
    decision = rosas.decisions.get()
    assert (decision.outcome, decision.groups, decision.left_out) == ("accepted", {}, {})
    assert decision.reason == "Withdrawn."
    assert [(event.status, event.note) for event in rosas.events.all()][-3:] == [
        ("accepted", ""),
        ("folded", "Added to dataset 2."),
        ("withdrawn", ""),
    ]


def test_a_withdrawal_leaves_what_was_said_about_other_reports(two_reports) -> None:
    rosas, other = two_reports
    before = list(other.decisions.values()), list(other.events.values())
    reports.withdraw(report=rosas)
    assert (list(other.decisions.values()), list(other.events.values())) == before
    other.refresh_from_db()
    assert (other.description, other.groups) == ("It is a drawing.", {"medium": "vector"})


def test_a_reason_from_the_list_is_no_text_to_erase(queued, ravi) -> None:
    report = queued()
    triage.decide(report=report, outcome="rejected", by=ravi, because="cannot-tell")
    reports.withdraw(report=Report.objects.get())
    decision = report.decisions.get()
    assert (decision.because, decision.reason) == ("cannot-tell", "")


@pytest.mark.parametrize("outcome", ["accepted", "rejected"])
def test_groups_and_reasons_that_were_left_out_are_erased(queued, ravi, outcome) -> None:
    report = queued()
    triage.decide(report=report, outcome=outcome, by=ravi, reason="I see Rosa.")
    report.decisions.update(groups={"medium": "vector"}, left_out={"subject": "person"})
    reports.withdraw(report=Report.objects.get())
    decision = report.decisions.get()
    assert (decision.groups, decision.left_out, decision.reason) == ({}, {}, "Withdrawn.")
    assert "I see Rosa." not in [event.note for event in report.events.all()]


def test_what_a_withdrawn_report_keeps(two_reports) -> None:
    rosas, _ = two_reports
    fields = ["receipt", "kind", "expected_label", "created_at", "consent_train", "folded_into"]
    before = [getattr(rosas, name) for name in fields]
    reports.withdraw(report=rosas)
    rosas.refresh_from_db()
    assert [getattr(rosas, name) for name in fields] == before
    assert rosas.status == "withdrawn"


def test_a_picture_that_others_try_just_now_is_deleted_and_forgotten(filed, judged) -> None:
    report, same, another = filed(1), judged(1), judged(2)
    done = judged(1, pixels=False)
    hashes = {row.pk: row.image_sha256 for row in (same, another, done)}
    assert hashes[same.pk] == hashes[done.pk] == report.examples.get().image_sha256

    reports.withdraw(report=report)

    for row in (same, another, done):
        row.refresh_from_db()
    assert (same.image, same.image_sha256) == (None, "")
    assert (done.image, done.image_sha256) == (None, "")
    assert another.image is not None
    assert another.image_sha256 == hashes[another.pk]
    assert Classification.objects.filter(image_sha256="").count() == 3  # and the reported one


def retrain_on(dataset: DatasetVersion, status: str, by) -> Retrain:
    base = ModelVersion.objects.create(
        number=100 + Retrain.objects.count(),
        sha256=f"{Retrain.objects.count():064x}",
        title="a base",
    )
    return Retrain.objects.create(
        status=status, base=base, dataset=dataset, config="head", proposed_by=by
    )


def test_retrains_that_are_at_work_with_the_picture_fail_and_no_others(
    two_reports, first_version, mona
) -> None:
    rosas, _ = two_reports
    dataset = DatasetVersion.objects.get(number=2)
    running, approved = (retrain_on(dataset, status, mona) for status in ("running", "approved"))
    elsewhere = retrain_on(first_version, "running", mona)
    reports.withdraw(report=rosas)
    erasure.erase_files()
    for retrain in (running, approved, elsewhere):
        retrain.refresh_from_db()
    assert [retrain.status for retrain in (running, approved, elsewhere)] == [
        "failed",
        "approved",
        "running",
    ]
    assert running.failure == ("An image that it learns from was withdrawn. Propose it again.")
    assert approved.failure == elsewhere.failure == ""


def test_a_withdrawn_report_names_every_dataset_that_held_its_picture(
    two_reports, queued, ravi, mona
) -> None:
    rosas, other = two_reports
    triage.decide(report=queued(3), outcome="accepted", by=ravi)
    datasets.fold(by=mona)
    reports.withdraw(report=rosas)
    erasure.erase_files()
    erasure.erase_files()
    rosas.refresh_from_db()
    other.refresh_from_db()
    assert (rosas.held_in, other.held_in) == ([2, 3], [])


def test_a_dataset_without_its_manifest_hinders_no_erasure(two_reports, first_version) -> None:
    rosas, _ = two_reports
    first_version.manifest.unlink()
    DatasetVersion.objects.create(number=9, manifest_sha256="9" * 64, images=0)
    reports.withdraw(report=rosas)
    erasure.erase_files()
    rosas.refresh_from_db()
    assert rosas.held_in == [2]


def test_without_a_withdrawal_nothing_is_overwritten(two_reports, settings, monkeypatch) -> None:
    monkeypatch.setattr(erasure, "_text_files", lambda: pytest.fail("Files were searched."))
    erasure.erase_files()


def test_names_of_deleted_files_become_zeros_in_files_and_in_failures(
    two_reports, champion, settings, mona
) -> None:
    rosas, _ = two_reports
    gone, stays = (StoredImage.objects.get(example__report=r).file.name for r in two_reports)
    stem, others_stem = gone[3:-4], stays[3:-4]
    text = f"cannot read {gone} and {gone} and {stays}"
    erased_text = text.replace(stem, "0" * len(stem))
    runs, logs = settings.RUNS_DIR / "retrains" / "1", settings.DATA_DIR / "logs"
    for folder in (runs, logs):
        folder.mkdir(parents=True)
    searched = [
        runs / "images.json",
        runs / "doubts.jsonl",
        runs / "training.log",
        runs / "notes.txt",
        logs / "web.log.aged",
        settings.MANIFESTS_DIR / "x.json",
    ]
    for path in (*searched, runs / "weights.npz"):
        path.write_text(text)
    audit_set = AuditSet.objects.create(name="demo", manifest_sha256="d" * 64, images=0)
    audit = Audit.objects.create(model=champion, audit_set=audit_set, failure=text)
    finding = Finding.objects.create(audit=audit, kind="slices", failure=text)
    retrain = retrain_on(DatasetVersion.objects.get(number=2), "failed", mona)
    Retrain.objects.update(failure=text)
    (folder := settings.FEATURES_DIR / "base").mkdir(parents=True)
    names = [StoredImage.objects.get(example__report=report).name for report in two_reports]
    caches = [
        base / name[:2] / f"{name}.npy"
        for name in names
        for base in (folder, folder / "changed-0123abcd-1")  # of the image, and of a copy
    ]
    for path in caches:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"features")

    reports.withdraw(report=rosas)
    erasure.erase_files()

    assert others_stem in erased_text
    assert [path.read_text() for path in searched] == [erased_text] * len(searched)
    assert (runs / "weights.npz").read_text() == text
    for row in (audit, finding, retrain):
        row.refresh_from_db()
        assert row.failure == erased_text
    assert [path.exists() for path in caches] == [False, False, True, True]


def test_an_erasure_is_forgotten_once_no_process_can_write_the_picture_again(two_reports) -> None:
    """Its row goes last, once the database itself has overwritten it: not in a transaction."""
    rosas, other = two_reports
    reports.withdraw(report=rosas)
    reports.withdraw(report=other)
    old, young = Erasure.objects.order_by("pk")
    for row, seconds in ((old, 25), (young, 15)):
        when = timezone.now() - datetime.timedelta(seconds=seconds)
        Erasure.objects.filter(pk=row.pk).update(created_at=when)
    erasure.erase_files()
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.file, old.name) == ("", "")
    assert young.file != ""
    assert young.name != ""
    assert not erasure._truncate_write_ahead_log()


def test_an_erasure_that_is_done_does_nothing_more_until_it_is_forgotten(
    two_reports, first_version, mona
) -> None:
    rosas, other = two_reports
    reports.withdraw(report=rosas)
    erase_again_later()
    assert Erasure.objects.get().name == ""
    Report.objects.filter(pk=rosas.pk).update(held_in=[])
    running = retrain_on(first_version, "running", mona)
    log = running.folder / "training.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 1")

    erase_again_later()

    rosas.refresh_from_db()
    running.refresh_from_db()
    assert (rosas.held_in, running.status, log.read_text()) == ([], "running", "epoch 1")
    other.refresh_from_db()
    assert other.status == "folded"


def test_a_file_that_was_left_when_the_row_was_deleted_is_deleted(two_reports) -> None:
    rosas, _ = two_reports
    gone, stays = (StoredImage.objects.get(example__report=report) for report in two_reports)
    storage = gone.file.storage
    reports.withdraw(report=rosas)  # the file follows after the commit, which this test never has
    assert storage.exists(gone.file.name)
    erasure.erase_files()
    assert not storage.exists(gone.file.name)
    assert storage.exists(stays.file.name)


@pytest.mark.django_db(transaction=True)
def test_an_erasure_that_is_not_settled_stays_on_record(queued) -> None:
    for seed in (1, 2):
        reports.withdraw(report=queued(seed))
    young = Erasure.objects.last()
    Erasure.objects.exclude(pk=young.pk).update(
        created_at=timezone.now() - datetime.timedelta(minutes=1)
    )
    erasure.erase_files()
    assert Erasure.objects.get() == young
