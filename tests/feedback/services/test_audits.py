"""An audit is split into parts, and no part is classified twice."""

import pytest
from django.utils import timezone

from feedback.models import Audit, AuditSet
from feedback.services import audits, manifests
from modeltrain.audit import columns
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.conftest import noise
from tests.flows.api import wait_until
from worker import heartbeat
from worker.tasks.audits import predict_part_task, start_audit_task
from worker.tasks.upkeep import pick_up_lost_work_task

IMAGES = audits.PART_IMAGES + 4  # two parts


@pytest.fixture
def waiting(settings, real_champion, axes) -> Audit:
    """The published model has to be audited on twenty small pictures."""
    settings.AUDIT_IMAGES_DIR.mkdir(parents=True)
    rows = []
    for seed in range(IMAGES):
        pixels = noise(seed, (32, 32))
        sha256 = pixel_sha256(pixels)
        (settings.AUDIT_IMAGES_DIR / f"{sha256}.png").write_bytes(to_png(pixels))
        rows.append(
            Row(
                sha256=sha256,
                label="neutral",
                groups={"medium": "photograph"},
                split="audit",
                source="test",
                cluster=sha256[:8],
            )
        )
    audit_set = AuditSet.objects.create(
        name="small", manifest_sha256=manifests.publish(rows), images=IMAGES
    )
    return audits.request(model=real_champion, audit_set=audit_set)


def predict_all_parts(audit: Audit) -> None:
    for part in audits.start(pk=audit.pk):
        audits.predict_part(pk=audit.pk, part=part)


def test_workers_audit_in_parts_and_then_count_the_errors(waiting, inference_worker) -> None:
    start_audit_task.delay(waiting.pk)

    def done() -> bool:
        waiting.refresh_from_db()
        return waiting.status == "done"

    wait_until(done, 60)
    assert waiting.figures["images"] == IMAGES
    assert waiting.figures["groups"]["medium"]["photograph"]["n"] == IMAGES
    assert len(columns.read(waiting.predictions)) == IMAGES
    wait_until(lambda: not waiting.parts.exists(), 10)  # cleared away once it is done


def test_parts_give_way_to_visitors(waiting, transactional_db) -> None:
    start_audit_task(waiting.pk)
    assert heartbeat.queue_length("inference") == 0
    assert heartbeat.queue_length("inference", priority=heartbeat.AFTER_VISITORS) == 2


def test_progress_counts_images(waiting) -> None:
    first, _ = audits.start(pk=waiting.pk)
    audits.predict_part(pk=waiting.pk, part=first)
    waiting.refresh_from_db()
    assert waiting.progress["done"] == audits.PART_IMAGES
    assert waiting.progress["total"] == IMAGES
    assert not audits.all_parts_predicted(pk=waiting.pk)


def test_after_a_crash_only_missing_parts_are_classified(waiting) -> None:
    first, second = audits.start(pk=waiting.pk)
    audits.predict_part(pk=waiting.pk, part=first)
    Audit.objects.update(heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER)
    assert audits.resume_lost() == 1
    assert audits.start(pk=waiting.pk) == [second]


def test_an_audit_with_queued_parts_is_not_lost(waiting, transactional_db) -> None:
    start_audit_task(waiting.pk)
    Audit.objects.update(heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER)
    pick_up_lost_work_task()
    waiting.refresh_from_db()
    assert waiting.status == "running"


def test_an_interrupted_count_is_repeated(waiting) -> None:
    predict_all_parts(waiting)
    Audit.objects.update(progress={"stage": "counting", "done": IMAGES, "total": IMAGES})
    audits.count_errors(pk=waiting.pk)  # another worker has it
    waiting.refresh_from_db()
    assert waiting.status == "running"
    Audit.objects.update(heartbeat_at=timezone.now() - 2 * audits.LOST_AFTER)
    audits.resume_lost()
    assert audits.start(pk=waiting.pk) == []
    assert audits.all_parts_predicted(pk=waiting.pk)
    audits.count_errors(pk=waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status == "done"


def test_a_missing_image_fails_the_audit_with_a_reason(waiting, settings) -> None:
    for path in settings.AUDIT_IMAGES_DIR.glob("*.png"):
        path.unlink()
    first, _ = audits.start(pk=waiting.pk)
    with pytest.raises(ValueError, match="image"):
        predict_part_task(waiting.pk, first)
    waiting.refresh_from_db()
    assert waiting.status == "failed"
    assert "image" in waiting.failure


def test_a_failed_audit_resumes_where_it_stopped(waiting) -> None:
    first, second = audits.start(pk=waiting.pk)
    audits.predict_part(pk=waiting.pk, part=first)
    audits.fail(pk=waiting.pk, reason="The disk was full.")
    audits.request(model=waiting.model, audit_set=waiting.audit_set)
    assert audits.start(pk=waiting.pk) == [second]
