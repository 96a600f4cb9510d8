"""A dataset is read back as it was written, or refused with the name of the file and the rule."""

import json

import pytest

from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import ManifestError, Row

CAT, DOG = "a" * 64, "b" * 64


def row(sha256: str, label: str) -> Row:
    return Row(sha256, label, {"medium": "photograph"}, "train", "a test", sha256)


@pytest.fixture
def pets(tmp_path):
    images = tmp_path / "elsewhere"
    images.mkdir()
    return dataset.write(
        tmp_path / "pets",
        labels=["cats", "dogs"],
        rows=[row(DOG, "dogs"), row(CAT, "cats")],
        images={CAT: images / "cat.png", DOG: images / "dog.png", "c" * 64: images / "c"},
    )


def test_a_dataset_is_read_back_as_it_was_written(pets):
    loaded = dataset.load(pets.path)
    assert loaded == pets
    assert [pet.label for pet in loaded.rows] == ["cats", "dogs"]
    assert loaded.labels == ("cats", "dogs")


def test_images_may_be_elsewhere_and_both_folders_may_move_together(pets, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "elsewhere" / "cat.png").write_bytes(b"a cat")
    for name in ("pets", "elsewhere"):
        (tmp_path / name).rename(moved / name)
    assert dataset.load(moved / "pets").images[CAT].read_bytes() == b"a cat"


def test_paths_of_images_without_a_row_are_not_written(pets):
    assert set(dataset.load(pets.path).images) == {CAT, DOG}


def test_split_returns_the_rows_of_the_named_splits(pets):
    assert len(pets.split("train", "audit")) == 2
    assert pets.split("audit") == []


def test_a_dataset_is_never_overwritten(pets):
    with pytest.raises(dataset.DatasetRefused, match="written once"):
        dataset.write(pets.path, labels=["x", "y"], rows=[], images={})


@pytest.mark.parametrize("missing", ["manifest.jsonl", "labels.json", "images.json"])
def test_a_folder_that_lacks_a_file_is_refused_with_its_name(pets, missing):
    (pets.path / missing).unlink()
    with pytest.raises(dataset.DatasetRefused, match=f"without {missing}"):
        dataset.load(pets.path)


@pytest.mark.parametrize("labels", [[], ["one"], ["same", "same"], ["", "x"], ["x" * 61, "y"], {}])
def test_labels_that_cannot_be_model_outputs_are_refused(tmp_path, labels):
    with pytest.raises(dataset.DatasetRefused, match="two or more different names"):
        dataset.check_labels(labels)


def test_a_row_without_an_image_is_refused(tmp_path):
    with pytest.raises(dataset.DatasetRefused, match=CAT):
        dataset.write(tmp_path / "x", labels=["cats", "dogs"], rows=[row(CAT, "cats")], images={})
    assert not (tmp_path / "x").exists()


def test_a_label_outside_the_dataset_is_refused_with_its_line(pets):
    (pets.path / "labels.json").write_text(json.dumps(["cats", "fish"]))
    with pytest.raises(ManifestError, match=r"cats, fish.*'dogs'.*line 2"):
        dataset.load(pets.path)


def test_a_manifest_accepts_the_five_labels_by_default(tmp_path):
    with pytest.raises(ManifestError, match="drawings"):
        manifest.write(tmp_path / "m", [row(CAT, "cats")])


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": 1}'])
def test_a_malformed_index_of_images_is_refused(pets, text):
    (pets.path / "images.json").write_text(text)
    with pytest.raises(dataset.DatasetRefused, match=r"images\.json"):
        dataset.load(pets.path)
