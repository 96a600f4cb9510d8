"""Withdrawing: nothing of a picture is left anywhere, and a search that could find it says so."""

import datetime
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from feedback.models import (
    AuditSet,
    DatasetVersion,
    Erasure,
    ModelVersion,
    Report,
    Retrain,
    StoredImage,
)
from feedback.services import (
    classifications,
    datasets,
    erasure,
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

ANCHOR = Row("b" * 64, "neutral", {}, "train", "stamps", "owl")


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
        classifications.classify(pk=str(classification.pk))
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
    assert "Its pictures were in dataset 2; the next one will be without them." in page
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
