"""Audit sets are imported whole, are frozen, and hold no image that a model has learnt from."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from feedback.errors import Invalid
from feedback.models import Audit, AuditSet, AxisValue, DatasetVersion, ModelVersion, StoredImage
from feedback.models.axis import SLICE
from feedback.services import audit_sets, manifests
from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import Row
from modeltrain.images import codec
from modeltrain.labels import LABELS
from tests.conftest import noise

pytestmark = pytest.mark.django_db
DRAWINGS, _, NEUTRAL, _, _ = LABELS


@pytest.fixture
def make_dataset(tmp_path):
    """A dataset of ten different pictures, as `python -m modeltrain import` writes it."""

    def make(count=10, *, label=DRAWINGS, name="set", start=0, **groups):
        folder = tmp_path / name
        folder.mkdir()
        rows, paths = [], {}
        for seed in range(start, start + count):
            pixels = noise(seed, (80, 60))
            sha256 = codec.pixel_sha256(pixels)
            paths[sha256] = folder / f"{seed}.png"
            paths[sha256].write_bytes(codec.to_png(pixels))
            rows.append(Row(sha256, label, groups, "train", f"picture {seed}", f"cluster {seed}"))
        labels = sorted({label, NEUTRAL, DRAWINGS})
        return dataset.write(folder, labels=labels, rows=rows, images=paths)

    return make


def import_set(data, name="first", **changes):
    return audit_sets.import_set(name=name, data=data, progress=lambda *_: None, **changes)


def test_import_copies_the_images_and_requests_an_audit_of_the_champion(
    make_dataset, champion, axes, tmp_path
) -> None:
    data = make_dataset(medium="vector")
    audit_set = import_set(data, card="CC0").audit_set
    rows = manifest.read(audit_set.manifest)
    assert (audit_set.images, audit_set.card) == (10, "CC0")
    assert {row.split for row in rows} == {"audit"}
    for path in data.images.values():
        path.unlink()
    assert all(manifests.image_path(row.sha256).is_file() for row in rows)
    assert Audit.objects.get().status == Audit.Status.WAITING


def test_import_requests_audits_of_retired_models_too(make_dataset, champion, axes) -> None:
    old = ModelVersion.objects.create(
        number=2, sha256="b" * 64, title="Old", status="retired", promoted_at=timezone.now()
    )
    ModelVersion.objects.create(number=3, sha256="c" * 64, title="Declined")
    audit_set = import_set(make_dataset(medium="vector")).audit_set
    audited = Audit.objects.filter(audit_set=audit_set).values_list("model", flat=True)
    assert set(audited) == {champion.pk, old.pk}


def test_learnt_images_are_left_out_with_a_warning(make_dataset, champion, axes) -> None:
    data = make_dataset()
    learnt, cousin = data.rows[0], data.rows[1]
    rows = [
        Row(learnt.sha256, NEUTRAL, {}, "train", "anchor", "x"),
        Row("a" * 64, NEUTRAL, {}, "train", "anchor", cousin.cluster),
    ]
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish(rows), images=2)
    imported = import_set(data)
    hashes = {row.sha256 for row in manifest.read(imported.audit_set.manifest)}
    assert hashes == {row.sha256 for row in data.rows[2:]}
    assert any(
        "2 images are left out: a model here has learnt" in line for line in imported.warnings
    )


def test_a_set_of_only_learnt_images_is_refused(make_dataset, champion, axes) -> None:
    data = make_dataset(2)
    DatasetVersion.objects.create(
        number=1, manifest_sha256=manifests.publish(list(data.rows)), images=2
    )
    with pytest.raises(Invalid, match="none of them is left"):
        import_set(data)
    assert not AuditSet.objects.exists()


def test_images_that_look_like_learnt_ones_are_left_out(make_dataset, champion, axes) -> None:
    data = make_dataset()
    pixels = noise(0, (80, 60)).copy()
    pixels[0, 0] ^= 1  # another file, and the same picture
    sha256 = codec.pixel_sha256(pixels)
    learnt = Path(settings.DEMO_DIR) / "images" / f"{sha256}.png"
    learnt.parent.mkdir(parents=True, exist_ok=True)
    learnt.write_bytes(codec.to_png(pixels))
    rows = [Row(sha256, NEUTRAL, {}, "train", "anchor", "x")]
    DatasetVersion.objects.create(number=1, manifest_sha256=manifests.publish(rows), images=1)
    assert import_set(data).audit_set.images == 9


def test_images_of_reports_are_left_out(make_dataset, champion, axes, queued) -> None:
    queued()
    data = make_dataset()
    StoredImage.objects.filter(example__isnull=False).update(sha256=data.rows[0].sha256)
    hashes = {row.sha256 for row in manifest.read(import_set(data).audit_set.manifest)}
    assert hashes == {row.sha256 for row in data.rows[1:]}


def test_images_are_public_only_if_the_import_says_so(make_dataset, champion, axes) -> None:
    assert import_set(make_dataset(), public_images=True).audit_set.public_images
    closed = make_dataset(name="closed", start=20)
    assert not import_set(closed, name="second").audit_set.public_images


def test_progress_counts_every_image_that_is_read(make_dataset, champion, axes) -> None:
    counts = []
    audit_sets.import_set(
        name="first", data=make_dataset(3), progress=lambda *count: counts.append(count)
    )
    assert counts == [(1, 3), (2, 3), (3, 3)]


def test_an_axis_named_like_the_slices_is_refused(make_dataset, champion, axes) -> None:
    with pytest.raises(Invalid, match="images with a value on the axis 'slice'"):
        import_set(make_dataset(**{SLICE: "dark corners"}), new_groups=True)


def test_import_warns_of_labels_and_groups_with_too_few_images(
    make_dataset, champion, axes
) -> None:
    warnings = " ".join(import_set(make_dataset(medium="vector")).warnings)
    assert "There is no image of neutral: no model passes the gate on this set" in warnings
    assert "There is no image of hentai, porn, sexy: the gate's verdicts on this set" in warnings
    assert (
        "fewer than 30 different images will read “not enough images”: medium=vector (10)"
        in warnings
    )


def test_unknown_groups_are_refused_or_created_on_request(make_dataset, champion, axes) -> None:
    data = make_dataset(era="1920s")
    with pytest.raises(Invalid, match=r"era=1920s \(10\)"):
        import_set(data)
    import_set(data, new_groups=True)
    assert AxisValue.objects.get(axis__name="era").title == "1920s"


def test_unknown_labels_are_refused(make_dataset, champion, axes) -> None:
    with pytest.raises(Invalid, match=r"cats \(10\)"):
        import_set(make_dataset(label="cats"))


@pytest.mark.parametrize("name", ["", "Two Words", "../up", "x" * 51])
def test_an_invalid_name_is_refused(make_dataset, champion, axes, name) -> None:
    with pytest.raises(Invalid, match="small letters"):
        import_set(make_dataset(), name=name)


def test_a_name_cannot_be_used_twice(make_dataset, champion, axes) -> None:
    import_set(make_dataset())
    with pytest.raises(Invalid, match="which is there already"):
        import_set(make_dataset(name="again", start=50))


def test_import_warns_of_images_shared_with_another_set(make_dataset, champion, axes) -> None:
    import_set(make_dataset())
    imported = import_set(make_dataset(12, name="again"), name="second")
    assert any("10 images are in audit set first too" in line for line in imported.warnings)


def test_an_unreadable_image_is_left_out_with_a_warning(make_dataset, champion, axes) -> None:
    data = make_dataset()
    data.images[data.rows[0].sha256].write_bytes(b"gone")
    imported = import_set(data)
    assert imported.audit_set.images == 9
    assert any("1 images cannot be read" in line for line in imported.warnings)


def test_the_command_prints_the_result_or_the_refusal(make_dataset, champion, axes, capsys) -> None:
    data = make_dataset()
    call_command("import_audit_set", "first", str(data.path))
    assert "first: 10 images" in capsys.readouterr().out
    with pytest.raises(CommandError, match="which is there already"):
        call_command("import_audit_set", "first", str(data.path))
    (data.path / "labels.json").write_text(json.dumps("no"))
    with pytest.raises(CommandError):
        call_command("import_audit_set", "second", str(data.path))


def test_a_confirmation_set_has_no_audits_and_decides_nothing(make_dataset, champion, axes) -> None:
    import_set(make_dataset(name="open"), "deciding")
    imported = import_set(make_dataset(name="closed", start=20), "sealed", confirmation=True)
    assert imported.audit_set.confirmation
    assert [audit.audit_set.name for audit in Audit.objects.all()] == ["deciding"]
    assert not any("no model passes the gate" in warning for warning in imported.warnings)
    assert any("verdicts on this set say nothing about" in text for text in imported.warnings)


def test_a_confirmation_set_shares_no_image(make_dataset, champion, axes) -> None:
    import_set(make_dataset(name="open"), "deciding")
    with pytest.raises(Invalid, match="4 images that are in deciding too"):
        import_set(make_dataset(name="shared", start=6), "sealed", confirmation=True)
    import_set(make_dataset(name="closed", start=20), "sealed", confirmation=True)
    with pytest.raises(Invalid, match="10 images that are in sealed too"):
        import_set(make_dataset(name="again", start=20), "next")
    assert AuditSet.objects.count() == 2


def test_nobody_sees_the_images_of_a_confirmation_set(make_dataset, champion, axes) -> None:
    with pytest.raises(Invalid, match="Nobody sees the images"):
        import_set(make_dataset(), confirmation=True, public_images=True)


def test_the_command_imports_a_confirmation_set(make_dataset, champion, axes, tmp_path, capsys):
    make_dataset(name="closed")
    call_command("import_audit_set", "sealed", str(tmp_path / "closed"), "--confirmation")
    assert AuditSet.objects.get().confirmation
    assert "No model is audited on it until" in capsys.readouterr().out
