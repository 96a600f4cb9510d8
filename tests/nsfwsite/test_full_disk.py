"""A full disk: everybody is told so, and nothing is half stored.

The tests fill a small file system of their own, with the database in it: one test starts the others
again where they may mount one.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import reverse
from PIL import Image

from feedback.models import Classification, DatasetVersion, ModelVersion, Report, Retrain
from feedback.services import classifications, models, triage
from modeltrain.files import write_whole
from nsfwsite import body_limits, server
from tests.cast import register_worker, upload
from tests.conftest import ROOT
from tests.feedback.services.test_retrains import first_version  # noqa: F401
from tests.nsfwsite.pages.test_retrains import evaluated  # noqa: F401
from tests.worker.tasks.test_inference import Neutral
from worker.tasks import inference

SMALL_DISK = "TESTS_RUN_ON_A_SMALL_DISK"
MAY_MOUNT = not subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode
on_a_small_disk = pytest.mark.skipif(SMALL_DISK not in os.environ, reason="fills its disk")


@pytest.mark.skipif(not MAY_MOUNT, reason="needs a mount namespace")
@pytest.mark.skipif(SMALL_DISK in os.environ, reason="starts the others")
def test_on_a_small_disk(tmp_path) -> None:
    disk = tempfile.mkdtemp(prefix="disk-")  # the path of a socket must be short
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", __file__, f"--basetemp={disk}/tests"]
    script = f'mount -t tmpfs -o size=64m tmpfs {disk} && exec "$@"'
    output = tmp_path / "output"
    with output.open("w") as file:  # not a pipe, which processes of the tests may keep open
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *tests, "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": disk, SMALL_DISK: "1"},
            stdout=file,
            stderr=file,
            timeout=300,
        )
    os.rmdir(disk)
    assert done.returncode == 0, output.read_text()
    assert "1 skipped" in output.read_text()  # this one


@contextmanager
def full_disk(spare: int = 0) -> Iterator[None]:
    """Leave this many bytes free on the disk."""
    filler = Path(settings.DATA_DIR) / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 2**16)
        except OSError:
            file.truncate(file.tell() - spare)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def visitor() -> Client:
    register_worker()
    return Client(raise_request_exception=False)


def noise(side: int) -> io.BytesIO:
    """An image that does not become smaller when it is compressed."""
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    out.seek(0)
    out.name = "noise.png"
    return out


def files_in(name: str) -> list[Path]:
    folder = Path(settings.STORAGES[name]["OPTIONS"]["location"])
    return [path for path in folder.rglob("*") if path.is_file()]


@on_a_small_disk
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", [30, 1200], ids=["in memory", "in a file"])
def test_an_image_that_does_not_fit_is_refused(champion, visitor, side) -> None:
    with full_disk():
        page = visitor.post("/", {"image": noise(side)})
        program = visitor.post("/api/v1/classifications/", {"image": noise(side)})
    assert (page.status_code, program.status_code) == (507, 507)
    assert "no space left on the disk" in page.content.decode()
    assert program.json()["title"] == "The disk is full"
    assert not Classification.objects.exists()
    assert files_in("incoming") == []


@on_a_small_disk
@pytest.mark.django_db(transaction=True)
def test_a_report_that_does_not_fit_is_refused_whole(champion, axes, visitor) -> None:
    report = {"expected_label": "drawings", "consent_store": "true", "images": [noise(900)]}
    with full_disk(spare=2**20):
        answer = visitor.post("/api/v1/reports/", report)
    assert answer.status_code == 507
    assert not Report.objects.exists()
    assert files_in("incoming") == []


@on_a_small_disk
@pytest.mark.django_db(transaction=True)
def test_an_image_that_does_not_fit_is_answered_and_its_report_says_why(
    champion, axes, visitor, monkeypatch
) -> None:
    monkeypatch.setattr(models, "classifier_in_service", lambda: (champion, Neutral()))
    accepted = classifications.submit(upload=upload())
    monkeypatch.setattr(inference.classifications.images, "codec", LargeImages)
    with full_disk(spare=2**20), pytest.raises(OSError, match="No space"):
        inference.classify_task(str(accepted.pk))
    answer = visitor.get(reverse("api:classification", args=[accepted.pk]))
    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    report = {"expected_label": "drawings", "classification": str(accepted.pk)}
    answer = visitor.post("/api/v1/reports/", {**report, "consent_store": "true"})
    assert answer.status_code == 507
    assert files_in("images") == files_in("incoming") == []


class LargeImages:
    """Every stored image is larger than the rest of the disk."""

    @staticmethod
    def pixel_sha256(pixels) -> str:
        return "0" * 64

    @staticmethod
    def to_png(pixels) -> bytes:
        return bytes(4 * 2**20)


@on_a_small_disk
@pytest.mark.django_db(transaction=True)
def test_a_dataset_that_does_not_fit_is_not_there_by_half(
    first_version,  # noqa: F811
    queued,
    ravi,
    mona,
    visitor,
) -> None:
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    visitor.force_login(mona)
    manifests = set(Path(settings.MANIFESTS_DIR).iterdir())
    with full_disk():
        assert visitor.post(reverse("retrains")).status_code == 507
    assert set(Path(settings.MANIFESTS_DIR).iterdir()) == manifests
    assert DatasetVersion.objects.get() == first_version
    assert not Retrain.objects.exists()
    assert visitor.post(reverse("retrains")).status_code == 302
    assert Retrain.objects.get().dataset.number == 2


@on_a_small_disk
@pytest.mark.django_db(transaction=True)
def test_a_promotion_that_cannot_be_stored_did_not_happen(evaluated, mona, visitor) -> None:  # noqa: F811
    retrain = evaluated("pass")
    visitor.force_login(mona)
    page = reverse("retrain", args=[retrain.pk])
    with full_disk():
        assert visitor.post(page, {"action": "promote"}).status_code == 507
    retrain.refresh_from_db()
    assert retrain.status == "evaluated"
    assert ModelVersion.objects.champion() == retrain.base
    assert visitor.post(page, {"action": "promote"}).status_code == 302
    assert ModelVersion.objects.champion() == retrain.candidate


@on_a_small_disk
def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path) -> None:
    checkpoint = tmp_path / "phase-1.npz"
    write_whole(checkpoint, b"epoch 1")
    with full_disk(), pytest.raises(OSError, match="No space"):
        write_whole(checkpoint, b"epoch 2" * 2**20)
    assert checkpoint.read_bytes() == b"epoch 1"
    assert list(tmp_path.iterdir()) == [checkpoint]


@on_a_small_disk
def test_a_request_that_does_not_fit_is_handed_on_without_its_body(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parser = server.Parser(server.create(get_wsgi_application(), port=0, threads=1).adj)
    start = b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n"
    with full_disk():
        parser.received(start)
        parser.received(b"x" * 2**20)
    assert parser.completed
    assert parser.body_rcv is None
    environ = {body_limits.BODY_ERROR: parser.body_error}
    assert Client().get("/", **environ).status_code == 507
