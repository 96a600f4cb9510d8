"""An audit is split into parts, and no part is classified twice."""

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from feedback.errors import ArtifactMissing
from feedback.models import Audit, AuditSet, LedgerEntry, ModelVersion
from feedback.services import audits, ledger, manifests
from modeltrain.audit import columns
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.cast import before_next_update, finished_audit
from tests.conftest import noise
from tests.flows.api import wait_until
from tests.modeltrain.gate.images import images
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
    Audit.objects.update(heartbeat_at=None)
    audits.predict_part(pk=waiting.pk, part=first)
    waiting.refresh_from_db()
    assert waiting.progress["done"] == audits.PART_IMAGES
    assert waiting.progress["total"] == IMAGES
    assert waiting.heartbeat_at
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


@pytest.fixture
def requested(champion) -> Audit:
    """The champion has to be audited on two images that no worker reads here."""
    rows = [Row(f"{n:064x}", "neutral", {}, "audit", "test", f"{n}") for n in range(2)]
    audit_set = AuditSet.objects.create(
        name="two", manifest_sha256=manifests.publish(rows), images=2
    )
    return audits.request(model=champion, audit_set=audit_set)


def second_audit(audit: Audit, status: str = "waiting", number: int = 2, **changes) -> Audit:
    """The audit of another model on the same set."""
    model = ModelVersion.objects.create(number=number, sha256=f"{number:064x}", title="Retrain")
    return in_state(audits.request(model=model, audit_set=audit.audit_set), status, **changes)


def in_state(audit: Audit, status: str, **changes) -> Audit:
    done = {"figures": {}, "finished_at": timezone.now()} if status == "done" else {}
    Audit.objects.filter(pk=audit.pk).update(status=status, **done, **changes)
    audit.refresh_from_db()
    return audit


OTHERS = ["waiting", "running", "done"]


def test_a_failed_audit_is_requested_anew_without_its_past(requested) -> None:
    failed = in_state(requested, "failed", failure="No disk.", progress={"done": 1, "total": 2})
    again = audits.request(model=failed.model, audit_set=failed.audit_set)
    assert (again.pk, again.status, again.failure, again.progress) == (
        failed.pk,
        "waiting",
        "",
        {},
    )


@pytest.mark.parametrize("status", OTHERS)
def test_requesting_an_audit_that_did_not_fail_leaves_it_alone(requested, status) -> None:
    in_state(requested, status, failure="Earlier.", progress={"done": 1})
    again = audits.request(model=requested.model, audit_set=requested.audit_set)
    assert (again.status, again.failure, again.progress) == (status, "Earlier.", {"done": 1})


def test_requesting_one_audit_leaves_failed_ones_of_other_models(requested) -> None:
    in_state(requested, "failed", failure="No disk.")
    audits.repeat(audit=second_audit(requested))
    requested.refresh_from_db()
    assert requested.status == "failed"


@pytest.mark.parametrize(
    ("status", "answers", "after"),
    [
        ("failed", False, "waiting"),
        ("failed", True, "waiting"),
        ("done", False, "waiting"),
        ("done", True, "done"),
        ("running", False, "running"),
    ],
)
def test_an_audit_is_repeated_if_it_failed_or_lost_its_answers(
    requested, status, answers, after
) -> None:
    in_state(requested, status, failure="Earlier.", progress={"done": 1})
    if answers:
        requested.predictions.parent.mkdir(parents=True)
        columns.write(requested.predictions, columns.from_predicted(images(2)))
    audits.repeat(audit=requested)
    requested.refresh_from_db()
    assert requested.status == after
    assert (requested.failure, requested.progress) == (
        ("", {}) if after == "waiting" else ("Earlier.", {"done": 1})
    )


def test_an_audit_starts_once_and_shows_signs_of_life(requested) -> None:
    assert audits.start(pk=requested.pk) == [0]
    requested.refresh_from_db()
    assert requested.status == "running"
    assert timezone.now() - requested.heartbeat_at < audits.LOST_AFTER
    assert requested.progress == {
        "stage": "auditing",
        "message": "Auditing",
        "done": 0,
        "total": 2,
    }
    assert audits.start(pk=requested.pk) == []


@pytest.mark.parametrize("status", ["waiting", "running"])
def test_starting_one_audit_leaves_the_others(requested, status) -> None:
    second = second_audit(requested, status)
    audits.start(pk=requested.pk)
    second.refresh_from_db()
    assert (second.status, second.progress) == (status, {})


def test_an_audit_whose_worker_is_lost_at_its_start_is_resumed(requested) -> None:
    requested.audit_set.manifest.unlink()
    with pytest.raises(FileNotFoundError):
        audits.start(pk=requested.pk)
    requested.refresh_from_db()
    assert requested.heartbeat_at


def test_an_audit_that_fails_while_it_starts_shows_no_progress(requested, monkeypatch) -> None:
    read = manifest.read

    def fail_meanwhile(path):
        audits.fail(pk=requested.pk, reason="No disk.")
        return read(path)

    monkeypatch.setattr(manifest, "read", fail_meanwhile)
    audits.start(pk=requested.pk)
    requested.refresh_from_db()
    assert (requested.status, requested.progress) == ("failed", {})


def test_errors_of_an_audit_that_fails_meanwhile_are_not_counted(requested) -> None:
    in_state(requested, "running", progress={"done": 2, "total": 2, "stage": "auditing"})
    with before_next_update(lambda: audits.fail(pk=requested.pk, reason="No disk.")):
        audits.count_errors(pk=requested.pk)
    requested.refresh_from_db()
    assert (requested.status, requested.progress["stage"]) == ("failed", "auditing")


@pytest.mark.parametrize("status", ["waiting", "failed", "done"])
def test_parts_of_an_audit_that_does_not_run_are_left_alone(requested, status) -> None:
    audits.start(pk=requested.pk)
    in_state(requested, status, progress={"done": 2, "total": 2, "stage": "auditing"})
    audits.predict_part(pk=requested.pk, part=0)  # would miss the images
    assert not audits.all_parts_predicted(pk=requested.pk)
    audits.count_errors(pk=requested.pk)
    requested.refresh_from_db()
    assert (requested.status, requested.progress["stage"]) == (status, "auditing")


def test_a_part_is_classified_once(waiting) -> None:
    first, _ = audits.start(pk=waiting.pk)
    audits.predict_part(pk=waiting.pk, part=first)
    for path in Path(settings.AUDIT_IMAGES_DIR).glob("*.png"):
        path.unlink()
    audits.predict_part(pk=waiting.pk, part=first)  # would miss the images


def test_errors_are_counted_once_and_of_all_parts(waiting) -> None:
    other = second_audit(waiting, "running", progress={"stage": "auditing"})
    first, second = audits.start(pk=waiting.pk)
    audits.predict_part(pk=waiting.pk, part=first)
    audits.count_errors(pk=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.progress["stage"]) == ("running", "auditing")
    audits.predict_part(pk=waiting.pk, part=second)
    audits.count_errors(pk=waiting.pk)
    audits.count_errors(pk=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.progress["stage"]) == ("done", "counting")
    assert not waiting.parts.exists()
    assert LedgerEntry.objects.filter(kind="audit").count() == 1
    other.refresh_from_db()
    assert (other.status, other.progress) == ("running", {"stage": "auditing"})


@pytest.mark.parametrize("status", ["waiting", "done", "failed"])
def test_only_a_running_audit_fails(requested, status) -> None:
    in_state(requested, status, failure="Earlier.")
    audits.fail(pk=requested.pk, reason="No disk.")
    requested.refresh_from_db()
    assert (requested.status, requested.failure) == (status, "Earlier.")


def test_one_audit_fails_alone(requested) -> None:
    in_state(requested, "running")
    second = second_audit(requested, "running")
    audits.fail(pk=requested.pk, reason="No disk.")
    second.refresh_from_db()
    assert second.status == "running"


def test_an_audit_is_finished_once(requested) -> None:
    in_state(requested, "running")
    second = second_audit(requested)
    audits.finish(audit=requested, figures={"images": 2, "pairs": [7]})
    audits.finish(audit=requested, figures={"images": 3})
    requested.refresh_from_db()
    assert (requested.status, requested.figures, requested.pairs) == ("done", {"images": 2}, [7])
    assert timezone.now() - requested.finished_at < audits.LOST_AFTER
    assert LedgerEntry.objects.filter(kind="audit").count() == 1
    assert not list(ledger.contradictions())
    second.refresh_from_db()
    assert second.status == "waiting"


def test_figures_are_counted_again_only_if_they_changed(champion, requested) -> None:
    audit = finished_audit(champion, requested.audit_set, images(2))
    other = second_audit(requested)
    audits.recount(pk=audit.pk)
    assert LedgerEntry.objects.filter(kind="audit").count() == 1
    Audit.objects.update(figures={"images": 9})
    audits.recount(pk=audit.pk)
    assert LedgerEntry.objects.filter(kind="audit").count() == 2
    assert not list(ledger.contradictions())
    audit.refresh_from_db()
    assert audit.figures["images"] == 2
    other.refresh_from_db()
    assert other.figures == {"images": 9}
    in_state(audit, "running")
    Audit.objects.update(figures={"images": 9})
    audits.recount(pk=audit.pk)
    audit.refresh_from_db()
    assert audit.figures == {"images": 9}


def test_only_running_audits_without_signs_of_life_are_lost(requested) -> None:
    long_ago = timezone.now() - 2 * audits.LOST_AFTER
    in_state(requested, "running", heartbeat_at=timezone.now(), progress={"done": 1})
    assert audits.resume_lost() == 0
    in_state(requested, "failed", heartbeat_at=long_ago)
    assert audits.resume_lost() == 0
    in_state(requested, "running", heartbeat_at=long_ago)
    assert audits.resume_lost() == 1
    requested.refresh_from_db()
    assert (requested.status, requested.progress) == ("waiting", {})


def test_two_models_are_compared_on_the_set_that_both_finished(champion, requested) -> None:
    other = ModelVersion.objects.create(number=2, sha256="b" * 64, title="Retrain 1")
    audit_set = requested.audit_set
    pair = {"before": champion.pk, "after": other.pk, "audit_set": audit_set.pk}
    before = finished_audit(champion, audit_set, images(2))
    assert audits.comparable(**pair) is None
    assert audits.comparable(**pair | {"before": other.pk, "after": champion.pk}) is None
    after = finished_audit(other, audit_set, images(2, wrong=[0]))
    elsewhere = AuditSet.objects.create(
        name="other", manifest_sha256=manifests.publish([]), images=0
    )
    finished_audit(other, elsewhere, images(2))
    assert audits.comparable(**pair) == (before, after)
    in_state(after, "waiting")
    assert audits.comparable(**pair) is None
    in_state(after, "done")
    comparison = audits.compare(before=before, after=after)
    after.predictions.unlink()
    assert audits.comparable(**pair) is None
    assert audits.compare(before=before, after=after) == comparison  # as before, from the cache
    with pytest.raises(ArtifactMissing, match="answers that are gone"):
        audits.compare(before=after, after=before)


def test_a_threshold_needs_the_answers(champion, requested) -> None:
    audit = finished_audit(champion, requested.audit_set, images(2))
    use = {"axis": "overall", "threshold": 50, "explicit_share": 0.05, "limit": 0.02}
    figures = audits.at_operating_point(audit=audit, **use)
    assert figures["groups"]["overall"]["false_alarm"]["n"] == 2
    audit.predictions.unlink()
    assert audits.at_operating_point(audit=audit, **use) == figures  # as before, from the cache
    with pytest.raises(ArtifactMissing, match="answers that are gone"):
        audits.at_operating_point(audit=audit, **use | {"threshold": 60})


# A mutant of `audits` that survives changes nothing: `comparable` without the condition on models
# reads more audits, and returns the same two.
