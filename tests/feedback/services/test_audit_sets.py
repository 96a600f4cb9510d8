"""Audit sets come in whole, frozen, and without anything that a model has learnt from."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from feedback.errors import Invalid
from feedback.models import Audit, AuditSet, AxisValue, DatasetVersion, ModelVersion
from feedback.services import audit_sets, manifests
from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import Row
from modeltrain.images import codec
from modeltrain.labels import LABELS
from tests.conftest import noise

pytestmark = pytest.mark.django_db
DRAWINGS, _, NEUTRAL, _, _ = LABELS


@pytest.fixture
def made(tmp_path):
    """A dataset of ten different pictures, as `python -m modeltrain import` leaves one."""

    def make(count=10, *, label=DRAWINGS, name="set", start=0, **groups):
        folder = tmp_path / name
        folder.mkdir()
        rows, where = [], {}
        for seed in range(start, start + count):
            pixels = noise(seed, (80, 60))
            sha256 = codec.pixel_sha256(pixels)
            where[sha256] = folder / f"{seed}.png"
            where[sha256].write_bytes(codec.to_png(pixels))
            rows.append(Row(sha256, label, groups, "train", f"picture {seed}", f"cluster {seed}"))
        labels = sorted({label, NEUTRAL, DRAWINGS})
        return dataset.write(folder, labels=labels, rows=rows, images=where)

    return make


def bring_in(data, name="first", **changes):
    return audit_sets.import_set(name=name, data=data, progress=lambda *_: None, **changes)


def test_a_set_is_frozen_with_its_pictures_and_the_champion_is_audited_next(
    made, champion, axes, tmp_path
) -> None:
    data = made(medium="vector")
    found = bring_in(data, card="CC0").audit_set
    rows = manifest.read(found.manifest)
    assert (found.images, found.card) == (10, "CC0")
    assert {row.split for row in rows} == {"audit"}
    for path in data.images.values():
        path.unlink()
    assert all(manifests.image_path(row.sha256).is_file() for row in rows)
    assert Audit.objects.get().status == Audit.Status.WAITING


def test_models_that_were_in_service_are_audited_too_so_that_trends_begin_with_them(
    made, champion, axes
) -> None:
    old = ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="Old", status="retired", promoted_at=timezone.now()
    )
    ModelVersion.objects.create(number=3, sha256="c" * 64, title="Declined")
    found = bring_in(made(medium="vector")).audit_set
    audited = Audit.objects.filter(audit_set=found).values_list("model", flat=True)
    assert set(audited) == {champion.pk, old.pk}


def test_what_a_model_has_learnt_from_is_left_out_and_told(made, champion, axes) -> None:
    data = made()
    learnt, cousin = data.rows[0], data.rows[1]
    rows = [
        Row(learnt.sha256, NEUTRAL, {}, "train", "anchor", "x"),
        Row("a" * 64, NEUTRAL, {}, "train", "anchor", cousin.cluster),
    ]
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish(rows), images=2)
    imported = bring_in(data)
    hashes = {row.sha256 for row in manifest.read(imported.audit_set.manifest)}
    assert hashes == {row.sha256 for row in data.rows[2:]}
    assert any(
        "2 images are left out: a model here has learnt" in line for line in imported.warnings
    )


def test_a_set_of_nothing_but_learnt_images_is_refused(made, champion, axes) -> None:
    data = made(2)
    DatasetVersion.objects.create(
        number=1, manifest_sha256=manifests.publish(list(data.rows)), images=2
    )
    with pytest.raises(Invalid, match="none of them is left"):
        bring_in(data)
    assert not AuditSet.objects.exists()


def test_what_the_set_can_say_nothing_of_is_told(made, champion, axes) -> None:
    told = " ".join(bring_in(made(medium="vector")).warnings)
    assert "There is no image of hentai, neutral, porn, sexy" in told
    assert "fewer than 30 images will read insufficient data: medium=vector (10)" in told


def test_unknown_groups_are_refused_by_name_or_made_when_asked(made, champion, axes) -> None:
    data = made(era="1920s")
    with pytest.raises(Invalid, match=r"era=1920s \(10\)"):
        bring_in(data)
    bring_in(data, new_groups=True)
    assert AxisValue.objects.get(axis__name="era").title == "1920s"


def test_unknown_labels_are_refused_by_name(made, champion, axes) -> None:
    with pytest.raises(Invalid, match=r"cats \(10\)"):
        bring_in(made(label="cats"))


@pytest.mark.parametrize("name", ["", "Two Words", "../up", "x" * 51])
def test_a_name_that_is_none_is_refused(made, champion, axes, name) -> None:
    with pytest.raises(Invalid, match="small letters"):
        bring_in(made(), name=name)


def test_a_name_is_used_once(made, champion, axes) -> None:
    bring_in(made())
    with pytest.raises(Invalid, match="which is there already"):
        bring_in(made(name="again", start=50))


def test_two_sets_with_the_same_images_are_told(made, champion, axes) -> None:
    bring_in(made())
    imported = bring_in(made(12, name="again"), name="second")
    assert any("10 images are in audit set first too" in line for line in imported.warnings)


def test_an_image_that_cannot_be_read_is_left_out_and_told(made, champion, axes) -> None:
    data = made()
    data.images[data.rows[0].sha256].write_bytes(b"gone")
    imported = bring_in(data)
    assert imported.audit_set.images == 9
    assert any("1 images cannot be read" in line for line in imported.warnings)


def test_the_command_says_what_came_of_it(made, champion, axes, capsys) -> None:
    data = made()
    call_command("import_audit_set", "first", str(data.path))
    assert "first: 10 images" in capsys.readouterr().out
    with pytest.raises(CommandError, match="which is there already"):
        call_command("import_audit_set", "first", str(data.path))
    (data.path / "labels.json").write_text(json.dumps("no"))
    with pytest.raises(CommandError):
        call_command("import_audit_set", "second", str(data.path))
