"""Cleaning leaves out copies and conflicts, says why, and changes no image."""

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


def cropped(image):
    return image.crop((30, 20, 270, 260))


@pytest.fixture
def make_dataset(tmp_path):
    """Write a dataset of tuples: image, label, split and, optionally, cluster."""

    def write(*contents):
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        rows, images = [], {}
        for number, (image, label, split, *cluster) in enumerate(contents):
            pixels = np.asarray(image)
            sha256 = pixel_sha256(pixels)
            images[sha256] = folder / f"{sha256}.png"
            images[sha256].write_bytes(to_png(pixels))
            name = cluster[0] if cluster else sha256
            rows.append(Row(sha256, label, {}, split, f"image {number}", name))
        return dataset.write(tmp_path / "set", labels=["drawn", "soft"], rows=rows, images=images)

    return write


@pytest.fixture
def run_clean(classifier, tmp_path):
    def run(data, **options):
        return clean.clean(
            data, tmp_path / "out", classifier=classifier, cache=tmp_path / "cache", **options
        )

    return run


def sources(rows):
    return sorted(row.source for row in rows)


HAND = ("1F44D-1F3FB", "1F44D-1F3FC", "1F44D-1F3FD")


def test_of_several_copies_only_the_one_with_most_detail_is_kept(make_dataset, run_clean):
    data = make_dataset(
        (snail().resize((200, 200)), "drawn", "train"),
        (snail(), "drawn", "train"),
        (ImageOps.mirror(snail()).resize((200, 200)).resize((500, 500)), "drawn", "train"),
        (Image.fromarray(openmoji("1F980")), "drawn", "train"),
    )
    cleaned, excluded = run_clean(data)
    assert sources(cleaned.rows) == ["image 1", "image 3"]
    assert [image.reason for image in excluded] == ["duplicate", "duplicate"]
    original = next(row for row in cleaned.rows if row.source == "image 1")
    assert {image.of for image in excluded} == {(original.sha256,)}
    assert any("mirrored" in image.sentence for image in excluded)


def test_drawings_in_different_skin_tones_are_all_kept(make_dataset, run_clean):
    data = make_dataset(*((openmoji(name), "drawn", "train") for name in HAND))
    cleaned, excluded = run_clean(data)
    assert len(cleaned.rows) == 3
    assert excluded == []


def test_copies_under_two_labels_are_a_conflict_and_both_are_left_out(make_dataset, run_clean):
    data = make_dataset(
        (snail(), "drawn", "train"),
        (cropped(snail()), "soft", "train"),
        (openmoji("1F980"), "drawn", "train"),
    )
    cleaned, excluded = run_clean(data)
    assert sources(cleaned.rows) == ["image 2"]
    assert {image.reason for image in excluded} == {"conflict"}
    assert {image.label for image in excluded} == {"drawn", "soft"}
    assert "as drawn and as soft" in excluded[0].sentence


def test_conflicts_can_be_kept_and_are_still_listed(make_dataset, run_clean):
    data = make_dataset((snail(), "drawn", "train"), (cropped(snail()), "soft", "train"))
    cleaned, excluded = run_clean(data, keep_conflicts=True)
    assert len(cleaned.rows) == 2
    assert len({row.cluster for row in cleaned.rows}) == 1
    assert {image.reason for image in excluded} == {"conflict"}


def test_the_copy_in_the_audit_split_is_kept(make_dataset, run_clean):
    data = make_dataset((snail(), "drawn", "train"), (cropped(snail()), "drawn", "audit"))
    cleaned, _ = run_clean(data)
    assert [(row.source, row.split) for row in cleaned.rows] == [("image 1", "audit")]


def test_images_in_the_cluster_of_an_audit_image_are_left_out_of_training(make_dataset, run_clean):
    data = make_dataset(
        (snail(), "drawn", "train", "snails"),
        (openmoji("1F980"), "drawn", "train", "snails"),
        (cropped(snail()), "drawn", "audit"),
    )
    cleaned, excluded = run_clean(data)
    assert [(row.source, row.split) for row in cleaned.rows] == [("image 2", "audit")]
    assert sorted(image.reason for image in excluded) == ["duplicate", "near audit"]


def test_nothing_is_deleted_and_images_stay_where_they_are(make_dataset, run_clean):
    data = make_dataset((snail(), "drawn", "train"), (cropped(snail()), "drawn", "train"))
    image_bytes = {path: path.read_bytes() for path in data.images.values()}
    manifest = (data.path / "manifest.jsonl").read_bytes()
    cleaned, _ = run_clean(data)
    assert {path: path.read_bytes() for path in image_bytes} == image_bytes
    assert (data.path / "manifest.jsonl").read_bytes() == manifest
    (row,) = cleaned.rows
    assert cleaned.images[row.sha256].resolve() == data.images[row.sha256].resolve()


def test_the_same_dataset_gives_the_same_files(make_dataset, classifier, tmp_path):
    data = make_dataset(
        *((openmoji(name), "drawn", "train") for name in HAND),
        (cropped(snail()), "drawn", "train"),
        (snail(), "drawn", "train"),
    )
    files = []
    for name in ("first", "second"):
        clean.clean(data, tmp_path / name, classifier=classifier, cache=tmp_path / "cache")
        files.append(
            [
                (tmp_path / name / file).read_bytes()
                for file in ("manifest.jsonl", clean.EXCLUDED_FILE)
            ]
        )
    assert files[0] == files[1]


def test_the_verb_reports_a_missing_image_and_continues(make_dataset, published, tmp_path, capsys):
    data = make_dataset((snail(), "drawn", "train"), (openmoji("1F980"), "drawn", "train"))
    missing = next(row for row in data.rows if row.source == "image 1")
    data.images[missing.sha256].unlink()
    options = [
        f"--dataset={data.path}",
        f"--artifact={published.path}",
        f"--cache={tmp_path / 'cache'}",
        f"--out={tmp_path / 'out'}",
    ]
    assert main(["clean", "--json-progress", *options]) == 3
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    assert (result["images"], result["kept"], result["left"]) == (2, 1, {"missing": 1})
    assert missing.sha256 in result["problems"][0]
    assert main(["clean", "--json-progress", *options]) == 2  # refuses to overwrite
