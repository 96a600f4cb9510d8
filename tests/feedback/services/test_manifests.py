"""Manifests are named by their hash, and each of their rows leads to an image file, or to none."""

import json
from pathlib import Path

import pytest

from feedback.models import DatasetVersion, Report
from feedback.services import manifests, reports, triage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row

pytestmark = pytest.mark.django_db


def row(name: str, source: str = "demo", label: str = "neutral") -> Row:
    return Row(sha256=name, label=label, groups={}, split="train", source=source, cluster=name)


def reported(report: Report) -> Row:
    return row(report.examples.get().image.name, source=manifest.REPORTED)


def test_a_manifest_is_named_by_the_hash_of_its_rows(settings):
    rows = [row("b" * 64), row("a" * 64)]
    sha256 = manifests.publish(rows)
    (file,) = settings.MANIFESTS_DIR.iterdir()
    assert file.name == f"{sha256}.jsonl"
    assert sha256 == manifest.sha256(rows)
    assert {item.sha256 for item in manifest.read(file)} == {"a" * 64, "b" * 64}


def test_the_same_rows_have_one_manifest_and_other_rows_another(settings):
    first = manifests.publish([row("a" * 64)])
    assert manifests.publish([row("a" * 64)]) == first
    assert manifests.publish([row("a" * 64, label="drawings")]) != first
    assert len(list(settings.MANIFESTS_DIR.iterdir())) == 2


def test_rows_of_reports_that_are_no_longer_accepted_do_not_exist(queued, ravi):
    accepted, rejected, open_, gone = (queued(seed) for seed in range(4))
    for report in (accepted, rejected, gone):
        triage.decide(report=report, outcome="accepted", by=ravi)
    rows = [reported(report) for report in (accepted, rejected, open_, gone)]
    demo = row("f" * 64)
    reports.withdraw(report=gone)
    triage.reopen(report=rejected, by=ravi)
    assert manifests.existing_rows([demo, *rows]) == [demo, rows[0]]


@pytest.mark.parametrize("status", ["accepted", "folded", "answered"])
def test_images_of_agreed_reports_can_be_learnt_from(queued, status):
    report = queued()
    assert not manifests.learnable_images().exists()
    dataset = DatasetVersion.objects.create(number=1, manifest_sha256="a" * 64, images=1)
    folded_into = None if status == "accepted" else dataset
    Report.objects.filter(pk=report.pk).update(status=status, folded_into=folded_into)
    assert manifests.learnable_images().get() == report.examples.get().image


def test_pixels_come_from_the_report_and_not_from_a_visitor_with_the_same_image(queued, judged):
    tried = judged(seed=1).image
    image = queued(seed=1).examples.get().image
    assert (tried.pk < image.pk, tried.sha256) == (True, image.sha256)
    assert manifests.image_path(image.name) == Path(image.file.path)
    assert not manifests.image_path(tried.name).is_file()


def test_demo_data_and_audit_sets_are_looked_through_before_reports(settings, queued):
    image = queued().examples.get().image
    demo = settings.DEMO_DIR / "images" / f"{image.name}.png"
    audit = settings.AUDIT_IMAGES_DIR / f"{image.name}.png"
    assert manifests.local_image_path(image.name) is None
    for path in (audit, demo):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"pixels")
        assert manifests.local_image_path(image.name) == path
        assert manifests.image_path(image.name) == path


def test_a_training_process_is_given_the_path_of_each_image(settings, queued, tmp_path):
    demo = settings.DEMO_DIR / "images" / f"{'d' * 64}.png"
    demo.parent.mkdir(parents=True)
    demo.write_bytes(b"pixels")
    report_row = reported(queued())
    manifests.write_image_index([row("d" * 64), report_row], tmp_path / "images.json")
    paths = json.loads((tmp_path / "images.json").read_text())
    assert set(paths) == {"d" * 64, report_row.sha256}
    assert paths["d" * 64] == str(demo)
    assert Path(paths[report_row.sha256]).is_file()
