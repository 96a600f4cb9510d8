import pytest
from django.db import IntegrityError

from feedback.errors import Invalid
from feedback.models import AuditSet, Example, Report, StoredImage
from feedback.services import datasets, manifests, reports, triage
from feedback.services.counterparts import Pair
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256
from tests.cast import DARK, LIGHT
from tests.conftest import noise, png

pytestmark = pytest.mark.django_db


@pytest.fixture
def folded(ravi, mona):
    """The rows that a report brings to a dataset, once it is accepted."""

    def fold(report: Report) -> list[Row]:
        triage.decide(report=report, outcome="accepted", by=ravi)
        dataset = datasets.fold(by=mona)
        return manifest.read(dataset.manifest) if dataset else []

    return fold


def test_pairs_and_single_images_are_told_apart(paired, judged):
    report = paired(classifications=[judged(7), judged(8)])

    assert [example.position for example in report.singles] == [0, 1]
    ((wrong, counterpart),) = report.pairs
    assert (wrong.position, counterpart.position) == (2, 3)
    assert (wrong.groups, counterpart.groups) == (DARK, LIGHT)


def test_an_image_has_one_counterpart(paired):
    wrong, _ = paired().pairs[0]
    more = {"report": wrong.report, "position": 2, "image_sha256": ""}
    with pytest.raises(IntegrityError, match="counterpart_of"):
        Example.objects.create(counterpart_of=wrong, **more)


@pytest.mark.parametrize(
    ("groups", "received"),
    [
        ((DARK, {}), "skin_tone=dark and not stated"),
        (({}, LIGHT), "not stated and skin_tone=light"),
        ((DARK, DARK), "skin_tone=dark and skin_tone=dark"),
        ((DARK, {"gender": "woman"}), "skin_tone=dark and gender=woman"),
        (({**DARK, "gender": "man"}, {**LIGHT, "gender": "man"}), "gender=man and"),
    ],
)
def test_a_pair_differs_in_one_group(judged, filed, groups, received):
    pair = Pair(judged(1), judged(2), groups)
    with pytest.raises(Invalid, match=rf"pair 1: .*{received}"):
        filed(kind="unfair", pairs=[pair])
    assert not Report.objects.exists()


def test_the_groups_of_a_pair_must_exist(judged, filed):
    with pytest.raises(Invalid, match="must be one of"):
        filed(kind="unfair", pairs=[Pair(judged(1), judged(2), (DARK, {"skin_tone": "blue"}))])


def test_a_pair_belongs_to_a_report_of_unfairness(judged, filed):
    with pytest.raises(Invalid, match="unfair to a group"):
        filed(pairs=[Pair(judged(1), judged(2))])
    assert filed().kind == "misclassified"


def test_the_model_must_get_the_first_image_of_a_pair_wrong(judged, filed):
    pairs = [Pair(judged(1), judged(2)), Pair(judged(3, label="drawings"), judged(4))]
    with pytest.raises(Invalid, match=r"pair 2.*the wrong way round"):
        filed(kind="unfair", pairs=pairs)
    assert not Report.objects.exists()


def test_images_of_a_pair_keep_their_own_groups_and_share_a_cluster(paired, folded):
    rows = folded(paired(groups={"subject": "hand", **DARK}))

    assert sorted((row.groups["skin_tone"], row.groups["subject"]) for row in rows) == [
        ("dark", "hand"),
        ("light", "hand"),
    ]
    assert {row.label for row in rows} == {"drawings"}
    assert len({row.cluster for row in rows}) == len({row.split for row in rows}) == 1


def test_a_counterpart_without_a_stated_group_gets_none(paired, folded, judged):
    rows = folded(paired(pairs=[Pair(judged(1), judged(2))], groups=DARK))

    assert sorted((row.groups for row in rows), key=len) == [{}, DARK]


def test_a_pair_with_an_audited_image_is_not_trained_on(paired, folded, settings):
    row = Row(
        sha256=pixel_sha256(noise(1, (80, 60))),
        label="drawings",
        groups={},
        split="audit",
        source="demo",
        cluster="c",
    )
    settings.AUDIT_IMAGES_DIR.mkdir(parents=True)
    (settings.AUDIT_IMAGES_DIR / f"{row.sha256}.png").write_bytes(png(1, (80, 60)))
    sha256 = manifests.publish([row])
    AuditSet.objects.create(name="demo", manifest_sha256=sha256, images=1)
    assert folded(paired()) == []


def test_without_consent_neither_image_of_a_pair_is_kept(paired, judged):
    wrong, counterpart = judged(1), judged(2)
    pk = {wrong.image_id, counterpart.image_id}
    paired(pairs=[Pair(wrong, counterpart)], consent_store=False, consent_train=False)
    assert not StoredImage.objects.filter(pk__in=pk).exists()


def test_withdrawing_erases_a_pair(paired):
    report = paired(subject="Two hands")
    reports.withdraw(report=report)

    report.refresh_from_db()
    assert report.subject == ""
    assert not Example.objects.exists()
