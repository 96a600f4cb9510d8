"""No model learns from an image that models are judged on."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connection

from feedback.models import AuditSet, Example
from feedback.services import audited_images, manifests
from feedback.services.audited_images import AuditedImages
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.conftest import noise, png

pytestmark = pytest.mark.django_db


@pytest.fixture
def audited(settings) -> None:
    pixels = noise(1, (80, 60))
    row = Row(pixel_sha256(pixels), "drawings", {}, "audit", "demo", "c")
    AuditSet.objects.create(name="demo", manifest_sha256=manifests.publish([row]), images=1)
    settings.AUDIT_IMAGES_DIR.mkdir()
    (settings.AUDIT_IMAGES_DIR / f"{row.sha256}.png").write_bytes(to_png(pixels))


def test_fingerprints_of_an_audit_set_are_computed_once(audited, monkeypatch) -> None:
    (first,) = AuditedImages().fingerprints
    audited_images._hashes.cache_clear()  # as in another process
    monkeypatch.setattr(audited_images, "pdq", lambda pixels: pytest.fail("Computed again."))
    assert AuditedImages().fingerprints == [first]


def test_marks_of_an_earlier_time_are_replaced(queued, audited) -> None:
    report = queued(1)
    assert report.examples.get().left_out == "audited"
    AuditSet.objects.all().delete()
    audited_images.mark([report])
    assert report.examples.get().left_out == ""


def test_an_audited_image_marks_the_other_image_of_its_pair(paired, audited) -> None:
    report = paired(1)
    report.examples.update(left_out="")
    audited_images.mark([report, paired(5)])
    assert [example.left_out for example in report.examples.all()] == ["audited", "pair"]
    assert Example.objects.filter(left_out="").count() == 2


def test_an_audited_image_is_recognised_even_if_it_is_too_plain_to_compare(queued, audited) -> None:
    image = queued(1).examples.get().image
    image.pdq_quality = 0
    assert AuditedImages().contains(image)
    image.sha256 = "0" * 64
    assert not AuditedImages().contains(image)


def test_an_answer_without_an_image_gets_no_mark(queued, judged, audited) -> None:
    report = queued(consent_store=False, consent_train=False)
    audited_images.mark([report])
    example = report.examples.get()
    assert (example.image, example.left_out) == (None, "")


@pytest.mark.django_db(transaction=True)
def test_maintainers_who_fold_at_once_do_not_trip_over_each_other(monkeypatch):
    rows = [
        Row(
            sha256=pixel_sha256(pixels),
            label="drawings",
            groups={},
            split="audit",
            source="demo",
            cluster="c",
        )
        for pixels in (noise(seed) for seed in range(3))
    ]
    AuditSet.objects.create(name="demo", manifest_sha256=manifests.publish(rows), images=3)
    folder = manifests.image_path(rows[0].sha256).parent
    folder.mkdir(parents=True)
    for seed, row in enumerate(rows):
        (folder / f"{row.sha256}.png").write_bytes(png(seed))
    everybody = threading.Barrier(8)

    def written_at_once(prints) -> str:
        everybody.wait(timeout=20)
        return json.dumps(prints)

    monkeypatch.setattr(audited_images, "json", SimpleNamespace(dumps=written_at_once))

    def look(_) -> int:
        try:
            return len(AuditedImages().fingerprints)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(8))) == [3] * 8
