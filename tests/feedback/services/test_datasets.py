import pytest
from django.utils import timezone

from feedback import queries
from feedback.models import (
    AuditSet,
    DatasetVersion,
    Decision,
    Example,
    ExampleScore,
    LedgerEntry,
    ModelVersion,
    NotLearnt,
    PublicReport,
    Report,
    StoredImage,
)
from feedback.services import datasets, manifests, reports, triage
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.conftest import noise

pytestmark = pytest.mark.django_db


@pytest.fixture
def first_version() -> DatasetVersion:
    anchor = Row(
        sha256="b" * 64,
        label="neutral",
        groups={"medium": "photograph"},
        split="train",
        source="stamps",
        cluster="owl",
    )
    sha256 = manifests.publish([anchor])
    return DatasetVersion.objects.create(number=1, manifest_sha256=sha256, images=1)


@pytest.fixture
def accepted(queued, ravi, first_version):
    def make(seed: int = 0, **changes) -> Report:
        report = queued(seed, **changes)
        triage.decide(report=report, outcome="accepted", by=ravi)
        return report

    return make


def rows_of(dataset: DatasetVersion) -> list[Row]:
    return manifest.read(dataset.manifest)


def test_accepted_examples_join_the_earlier_rows(accepted, mona):
    report = accepted()
    dataset = datasets.fold(by=mona)
    assert dataset.number == 2
    assert {row.source for row in rows_of(dataset)} == {"stamps", "report"}
    reported = next(row for row in rows_of(dataset) if row.source == "report")
    assert (reported.label, reported.groups) == ("drawings", {"medium": "vector"})
    assert reported.split in {"train", "validation"}
    report.refresh_from_db()
    assert (report.status, report.folded_into) == (Report.Status.FOLDED, dataset)


def test_folding_again_changes_nothing(accepted, mona):
    accepted()
    datasets.fold(by=mona)
    assert datasets.fold(by=mona) is None
    assert DatasetVersion.objects.count() == 2


def test_a_manifest_is_named_by_the_hash_of_its_bytes(accepted, mona):
    accepted()
    dataset = datasets.fold(by=mona)
    assert manifest.sha256(rows_of(dataset)) == dataset.manifest_sha256


def test_without_consent_to_train_nothing_is_folded(accepted, mona):
    accepted(consent_train=False)
    assert datasets.fold(by=mona) is None


def test_an_image_of_the_audit_set_is_never_trained_on(accepted, mona, settings):
    pixels = noise(0, (80, 60))
    row = Row(
        sha256=pixel_sha256(pixels),
        label="drawings",
        groups={},
        split="audit",
        source="demo",
        cluster="c",
    )
    AuditSet.objects.create(name="demo", manifest_sha256=manifests.publish([row]), images=1)
    settings.AUDIT_IMAGES_DIR.mkdir()
    (settings.AUDIT_IMAGES_DIR / f"{row.sha256}.png").write_bytes(to_png(pixels))
    report = accepted(seed=0)
    assert datasets.fold(by=mona) is None
    report.refresh_from_db()
    assert report.status == Report.Status.ACCEPTED


def test_a_withdrawn_image_is_not_in_the_next_version(accepted, mona):
    first, second = accepted(seed=1), accepted(seed=2)
    datasets.fold(by=mona)
    first.refresh_from_db()
    gone, stays = (report.examples.get().image.name for report in (first, second))
    reports.withdraw(report=first)
    accepted(seed=3)
    hashes = {row.sha256 for row in rows_of(datasets.fold(by=mona))}
    assert gone not in hashes
    assert stays in hashes


def test_a_withdrawal_alone_makes_the_next_version(accepted, mona):
    first, second = accepted(seed=1), accepted(seed=2)
    datasets.fold(by=mona)
    reports.withdraw(report=Report.objects.get(pk=first.pk))
    rows = rows_of(datasets.fold(by=mona))
    assert [row.sha256 for row in rows if row.source == "report"] == [
        second.examples.get().image.name
    ]


def test_a_report_that_was_withdrawn_while_folding_names_no_dataset(accepted, mona, monkeypatch):
    gone, stays = accepted(seed=1), accepted(seed=2)

    def publish_late(rows):
        reports.withdraw(report=Report.objects.get(pk=gone.pk))
        return publish(rows)

    publish = manifests.publish
    monkeypatch.setattr(manifests, "publish", publish_late)
    dataset = datasets.fold(by=mona)
    gone.refresh_from_db()
    stays.refresh_from_db()
    assert (gone.status, gone.folded_into) == (Report.Status.WITHDRAWN, None)
    assert (stays.status, stays.folded_into) == (Report.Status.FOLDED, dataset)


def test_near_duplicates_share_a_cluster_and_so_a_split(accepted, mona):
    accepted(seed=1)
    accepted(seed=1)
    copy = StoredImage.objects.last()
    StoredImage.objects.filter(pk=copy.pk).update(sha256="c" * 64)
    StoredImage.objects.update(pdq_quality=100)
    rows = [row for row in rows_of(datasets.fold(by=mona)) if row.source == "report"]
    assert len(rows) == 2
    assert len({row.cluster for row in rows}) == 1


def test_a_decision_that_was_taken_back_is_not_in_the_next_version_and_a_new_label_is(
    accepted, mona, ravi
):
    first, second = accepted(seed=1), accepted(seed=2)
    datasets.fold(by=mona)
    triage.reopen(report=first, by=mona)
    triage.reopen(report=second, by=mona)
    triage.decide(report=second, outcome="accepted", by=ravi, label="neutral")
    rows = rows_of(datasets.fold(by=mona))
    assert {row.sha256: row.label for row in rows if row.source == "report"} == {
        second.examples.get().image.name: "neutral"
    }


def test_a_decision_that_was_taken_back_stays_in_the_history(accepted, ravi):
    report = accepted()
    triage.reopen(report=report, by=ravi)
    triage.decide(report=report, outcome="rejected", by=ravi, reason="It is a photograph.")
    assert [decision.outcome for decision in report.decisions.all()] == ["accepted", "rejected"]
    assert report.decision.outcome == "rejected"


def recorded_datasets() -> list[dict]:
    return [e.facts for e in LedgerEntry.objects.filter(kind="dataset").order_by("number")]


def test_a_version_counts_its_images_and_names_its_parent(accepted, first_version, mona):
    report, _ = accepted(1), accepted(2)
    dataset = datasets.fold(by=mona)
    dataset.refresh_from_db()
    assert (dataset.number, dataset.parent, dataset.images, dataset.added) == (
        2,
        first_version,
        3,
        2,
    )
    (facts,) = recorded_datasets()
    assert (facts["dataset"], facts["parent"], facts["images"], facts["added"]) == (2, 1, 3, 2)
    event = report.events.last()
    assert (event.status, event.by, event.note) == ("folded", mona, "Added to dataset 2.")
    assert PublicReport.objects.get(report=report).learnt_in == str(dataset)


def test_the_first_version_has_no_parent_and_all_of_its_images_are_new(db):
    rows = [Row("b" * 64, "neutral", {}, "train", "stamps", "owl")]
    dataset = datasets.create_first(rows)
    dataset.refresh_from_db()
    assert (dataset.number, dataset.parent, dataset.images, dataset.added) == (1, None, 1, 1)
    assert rows_of(dataset) == rows
    (facts,) = recorded_datasets()
    assert (facts["dataset"], facts["parent"], facts["images"]) == (1, None, 1)


def test_without_an_earlier_version_a_fold_makes_the_first(queued, ravi, mona):
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    dataset = datasets.fold(by=mona)
    assert (dataset.number, dataset.parent, dataset.images) == (1, None, 1)


def test_without_accepted_reports_there_is_nothing_to_fold(queued, first_version, mona):
    queued()
    assert datasets.fold(by=mona) is None
    assert DatasetVersion.objects.count() == 1


def test_a_version_that_exists_already_is_not_made_twice(accepted, first_version, mona):
    report = accepted()
    datasets.fold(by=mona)
    triage.reopen(report=report, by=mona)
    entries = len(recorded_datasets())
    assert datasets.fold(by=mona) == first_version
    assert DatasetVersion.objects.count() == 2
    assert len(recorded_datasets()) == entries


def test_a_report_that_was_not_folded_names_no_dataset(accepted, mona, settings):
    settings.SOURCE_IMAGES = 1
    fits, held_back = accepted(1, source="mallory"), accepted(2, source="mallory")
    dataset = datasets.fold(by=mona)
    for report in (fits, held_back):
        report.refresh_from_db()
    assert (fits.status, fits.folded_into) == ("folded", dataset)
    assert (held_back.status, held_back.folded_into) == ("accepted", None)
    assert dataset.added == 1


def test_a_report_without_images_is_not_folded(accepted, mona):
    report = accepted(1)
    StoredImage.objects.all().delete()
    assert datasets.fold(by=mona) is None
    report.refresh_from_db()
    assert report.status == "accepted"


def in_audit_set(settings, seed: int) -> None:
    pixels = noise(seed, (80, 60))
    row = Row(pixel_sha256(pixels), "drawings", {}, "audit", "demo", "c")
    AuditSet.objects.create(name="demo", manifest_sha256=manifests.publish([row]), images=1)
    settings.AUDIT_IMAGES_DIR.mkdir()
    (settings.AUDIT_IMAGES_DIR / f"{row.sha256}.png").write_bytes(to_png(pixels))


def test_a_near_duplicate_of_an_audited_image_is_never_trained_on(accepted, mona, settings):
    in_audit_set(settings, 1)
    report = accepted(1)
    StoredImage.objects.update(sha256="c" * 64, pdq_quality=100)
    assert datasets.fold(by=mona) is None
    report.refresh_from_db()
    assert report.status == "accepted"


def test_an_audited_image_without_marks_is_known_by_its_pixels(accepted, mona, settings):
    in_audit_set(settings, 1)
    accepted(1)
    StoredImage.objects.update(pdq_quality=0)
    assert datasets.fold(by=mona) is None


@pytest.mark.parametrize("audited", [1, 2])
def test_a_pair_with_an_audited_image_is_left_out_whole(
    paired, judged, first_version, ravi, mona, settings, audited
):
    in_audit_set(settings, audited)
    report = paired(1, classifications=[judged(5)])
    assert set(report.examples.exclude(position=0).values_list("left_out", flat=True)) == {
        NotLearnt.AUDITED,
        NotLearnt.PAIR,
    }  # since it was screened
    triage.decide(report=report, outcome="accepted", by=ravi)
    dataset = datasets.fold(by=mona)
    single = report.examples.get(position=0).image
    assert [row.sha256 for row in rows_of(dataset) if row.source == "report"] == [single.name]
    assert dataset.added == 1
    assert dataset.origin["left_out"] == {NotLearnt.AUDITED: 1, NotLearnt.PAIR: 1}
    (note,) = report.events.filter(status="folded").values_list("note", flat=True)
    assert note.startswith("Added to dataset 2. Left out: image ")
    assert NotLearnt.AUDITED.label in note


def test_every_image_that_is_left_out_is_counted_by_its_reason(accepted, judged, mona, settings):
    settings.SOURCE_IMAGES = 1
    in_audit_set(settings, 7)
    accepted(1, source="mallory")
    accepted(2, source="mallory")
    accepted(3, consent_train=False)
    accepted(4, classifications=[judged(4, pixels=False)], consent_store=False, consent_train=False)
    accepted(7)
    waiting = queries.reports.learnable_counts()["images"]
    dataset = datasets.fold(by=mona)
    left_out = dataset.origin["left_out"]
    assert left_out == {"no consent": 2, "audited": 1, "held back": 1}
    assert waiting == dataset.added + left_out["held back"]
    assert Example.objects.count() == dataset.added + sum(left_out.values())


def test_what_was_held_back_may_come_with_the_next_version(accepted, mona, settings):
    settings.SOURCE_IMAGES = 1
    accepted(1, source="mallory")
    held_back = accepted(2, source="mallory")
    datasets.fold(by=mona)
    assert held_back.examples.get().left_out == NotLearnt.HELD_BACK
    datasets.fold(by=mona)
    assert held_back.examples.get().left_out == ""
    held_back.refresh_from_db()
    assert held_back.status == "folded"


def test_the_images_of_a_pair_are_one_cluster_with_groups_of_their_own(
    paired, first_version, ravi, mona
):
    triage.decide(report=paired(1), outcome="accepted", by=ravi)
    rows = [row for row in rows_of(datasets.fold(by=mona)) if row.source == "report"]
    assert {row.groups["skin_tone"] for row in rows} == {"dark", "light"}
    assert {row.groups["medium"] for row in rows} == {"vector"}
    (cluster,) = {row.cluster for row in rows}
    assert len(cluster) == 16


def test_images_that_look_different_are_clusters_of_their_own(accepted, mona):
    accepted(1)
    accepted(2)
    rows = [row for row in rows_of(datasets.fold(by=mona)) if row.source == "report"]
    assert len({row.cluster for row in rows}) == 2


def test_a_near_duplicate_joins_the_cluster_of_an_earlier_version(accepted, mona):
    accepted(1)
    StoredImage.objects.update(pdq_quality=100)
    (earlier,) = [row for row in rows_of(datasets.fold(by=mona)) if row.source == "report"]
    accepted(1)
    StoredImage.objects.filter(pk=StoredImage.objects.last().pk).update(
        sha256="c" * 64, pdq_quality=100
    )
    rows = [row for row in rows_of(datasets.fold(by=mona)) if row.source == "report"]
    assert [row.cluster for row in rows] == [earlier.cluster] * 2


def test_the_same_pixels_enter_a_dataset_once(accepted, mona):
    accepted(1)
    accepted(1)
    dataset = datasets.fold(by=mona)
    assert (dataset.images, dataset.added) == (2, 2)
    assert len(rows_of(dataset)) == 2


def test_more_than_a_thousand_reports_are_folded_at_once(
    queued, ravi, mona, first_version, settings
):
    settings.SOURCE_IMAGES = settings.HOUR_IMAGES = 2000
    report = queued(0)
    triage.decide(report=report, outcome="accepted", by=ravi)
    image = StoredImage.objects.get()
    created = Report.objects.bulk_create(
        [
            Report(
                receipt=f"r{n}",
                expected_label="drawings",
                consent_train=True,
                consent_store=True,
                status="accepted",
            )
            for n in range(1000)
        ]
    )
    pictures = StoredImage.objects.bulk_create(
        [
            StoredImage(
                sha256=f"{n:064x}",
                name=f"{n:064x}",
                pdq=image.pdq,
                pdq_quality=0,
                width=1,
                height=1,
                file=f"{n}.png",
            )
            for n in range(1000)
        ]
    )
    examples = Example.objects.bulk_create(
        [
            Example(report=report, position=0, image=image, image_sha256=image.sha256)
            for report, image in zip(created, pictures, strict=True)
        ]
    )
    model = ModelVersion.objects.champion()
    ExampleScore.objects.bulk_create(
        [
            ExampleScore(example=example, model=model, label="neutral", scores={})
            for example in examples
        ]
    )
    Decision.objects.bulk_create(
        [
            Decision(
                report=report,
                by=ravi,
                outcome="accepted",
                label="drawings",
                settled_at=timezone.now(),
            )
            for report in created
        ]
    )
    assert datasets.fold(by=mona).added == 1001


# Mutants that survive and change nothing:
# - `fold` without the condition on consent, `_offers` without its look at the image: no consent and
#   no image are reasons why an example is not learnt.
# - `_offers` without the `AssertionError`: what it denies does not occur.
