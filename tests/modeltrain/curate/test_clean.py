"""Cleaning leaves out copies and conflicts, tells why, and touches no image."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from modeltrain.__main__ import main
from modeltrain.curate import clean
from modeltrain.data import dataset
from modeltrain.data.manifest import Row
from modeltrain.images.codec import pixel_sha256, to_png
from tests.modeltrain.curate.test_alignment import openmoji, snail


def cropped(picture):
    return picture.crop((30, 20, 270, 260))


@pytest.fixture
def make(tmp_path):
    """Make a dataset of pictures: a list of pixels, label, split and, if wanted, cluster."""

    def build(*listed):
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        rows, images = [], {}
        for number, (picture, label, split, *cluster) in enumerate(listed):
            pixels = np.asarray(picture)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            name = cluster[0] if cluster else sha256
            rows.append(Row(sha256, label, {}, split, f"picture {number}", name))
        return dataset.write(tmp_path / "set", labels=["drawn", "soft"], rows=rows, images=images)

    return build


@pytest.fixture
def cleaned(classifier, tmp_path):
    def run(data, **options):
        return clean.clean(
            data, tmp_path / "out", classifier=classifier, cache=tmp_path / "cache", **options
        )

    return run


def sources(rows):
    return sorted(row.source for row in rows)


HAND = ("1F44D-1F3FB", "1F44D-1F3FC", "1F44D-1F3FD")


def test_copies_leave_and_the_largest_stays(make, cleaned):
    data = make(
        (snail().resize((200, 200)), "drawn", "train"),
        (snail(), "drawn", "train"),
        (ImageOps.mirror(snail()).resize((250, 250)), "drawn", "train"),
        (Image.fromarray(openmoji("1F980")), "drawn", "train"),
    )
    made, left = cleaned(data)
    assert sources(made.rows) == ["picture 1", "picture 3"]
    assert [each.reason for each in left] == ["duplicate", "duplicate"]
    kept = next(row for row in made.rows if row.source == "picture 1")
    assert {each.of for each in left} == {(kept.sha256,)}
    assert any("mirrored" in each.sentence for each in left)


def test_look_alikes_in_other_skin_tones_all_stay(make, cleaned):
    data = make(*((openmoji(name), "drawn", "train") for name in HAND))
    made, left = cleaned(data)
    assert len(made.rows) == 3
    assert left == []


def test_one_picture_under_two_labels_is_a_conflict_and_both_leave(make, cleaned):
    data = make(
        (snail(), "drawn", "train"),
        (cropped(snail()), "soft", "train"),
        (openmoji("1F980"), "drawn", "train"),
    )
    made, left = cleaned(data)
    assert sources(made.rows) == ["picture 2"]
    assert {each.reason for each in left} == {"conflict"}
    assert {each.label for each in left} == {"drawn", "soft"}
    assert "as drawn and as soft" in left[0].sentence


def test_conflicts_can_be_kept_and_are_listed_all_the_same(make, cleaned):
    data = make((snail(), "drawn", "train"), (cropped(snail()), "soft", "train"))
    made, left = cleaned(data, keep_conflicts=True)
    assert len(made.rows) == 2
    assert len({row.cluster for row in made.rows}) == 1
    assert {each.reason for each in left} == {"conflict"}


def test_what_is_in_the_audit_split_is_what_stays(make, cleaned):
    data = make((snail(), "drawn", "train"), (cropped(snail()), "drawn", "audit"))
    made, _ = cleaned(data)
    assert [(row.source, row.split) for row in made.rows] == [("picture 1", "audit")]


def test_relatives_of_a_picture_that_is_audited_leave_training(make, cleaned):
    data = make(
        (snail(), "drawn", "train", "snails"),
        (openmoji("1F980"), "drawn", "train", "snails"),
        (cropped(snail()), "drawn", "audit"),
    )
    made, left = cleaned(data)
    assert [(row.source, row.split) for row in made.rows] == [("picture 2", "audit")]
    assert sorted(each.reason for each in left) == ["duplicate", "near audit"]


def test_nothing_is_deleted_and_images_stay_where_they_lie(make, cleaned):
    data = make((snail(), "drawn", "train"), (cropped(snail()), "drawn", "train"))
    before = {path: path.read_bytes() for path in data.images.values()}
    manifest = (data.path / "manifest.jsonl").read_bytes()
    made, _ = cleaned(data)
    assert {path: path.read_bytes() for path in before} == before
    assert (data.path / "manifest.jsonl").read_bytes() == manifest
    (row,) = made.rows
    assert made.images[row.sha256].resolve() == data.images[row.sha256].resolve()


def test_the_same_dataset_gives_the_same_files(make, classifier, tmp_path):
    data = make(
        *((openmoji(name), "drawn", "train") for name in HAND),
        (cropped(snail()), "drawn", "train"),
        (snail(), "drawn", "train"),
    )
    files = []
    for name in ("one", "two"):
        clean.clean(data, tmp_path / name, classifier=classifier, cache=tmp_path / "cache")
        files.append(
            [(tmp_path / name / each).read_bytes() for each in ("manifest.jsonl", clean.LIST)]
        )
    assert files[0] == files[1]


def test_the_verb_tells_of_an_image_that_is_gone_and_goes_on(make, published, tmp_path, capsys):
    data = make((snail(), "drawn", "train"), (openmoji("1F980"), "drawn", "train"))
    gone = next(row for row in data.rows if row.source == "picture 1")
    data.images[gone.sha256].unlink()
    options = [
        f"--dataset={data.path}",
        f"--artifact={published.path}",
        f"--cache={tmp_path / 'cache'}",
        f"--out={tmp_path / 'out'}",
    ]
    assert main(["clean", "--json-progress", *options]) == 3
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert (result["images"], result["kept"], result["left"]) == (2, 1, {"missing": 1})
    assert gone.sha256 in result["problems"][0]
    assert main(["clean", "--json-progress", *options]) == 1  # not written over
