"""A dataset is a folder that is read back as it was written, or refused by file and rule."""

import json

import pytest

from modeltrain.data import dataset, manifest
from modeltrain.data.manifest import ManifestError, Row

CAT, DOG = "a" * 64, "b" * 64


def row(sha256: str, label: str) -> Row:
    return Row(sha256, label, {"medium": "photograph"}, "train", "a test", sha256)


@pytest.fixture
def pets(tmp_path):
    pictures = tmp_path / "elsewhere"
    pictures.mkdir()
    return dataset.write(
        tmp_path / "pets",
        labels=["cats", "dogs"],
        rows=[row(DOG, "dogs"), row(CAT, "cats")],
        images={CAT: pictures / "cat.png", DOG: pictures / "dog.png", "c" * 64: pictures / "c"},
    )


def test_what_is_written_is_read_back(pets):
    again = dataset.load(pets.path)
    assert again == pets
    assert [each.label for each in again.rows] == ["cats", "dogs"]
    assert again.labels == ("cats", "dogs")


def test_images_may_lie_elsewhere_and_the_folders_may_move_together(pets, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "elsewhere" / "cat.png").write_bytes(b"a cat")
    for name in ("pets", "elsewhere"):
        (tmp_path / name).rename(moved / name)
    assert dataset.load(moved / "pets").images[CAT].read_bytes() == b"a cat"


def test_paths_of_images_without_a_row_are_not_written(pets):
    assert set(dataset.load(pets.path).images) == {CAT, DOG}


def test_rows_of_a_split_are_picked_out(pets):
    assert len(pets.split("train", "audit")) == 2
    assert pets.split("audit") == []


def test_a_dataset_is_not_written_over(pets):
    with pytest.raises(dataset.DatasetRefused, match="written once"):
        dataset.write(pets.path, labels=["x", "y"], rows=[], images={})


@pytest.mark.parametrize("missing", ["manifest.jsonl", "labels.json", "images.json"])
def test_a_folder_without_one_of_the_files_is_refused_by_name(pets, missing):
    (pets.path / missing).unlink()
    with pytest.raises(dataset.DatasetRefused, match=f"without {missing}"):
        dataset.load(pets.path)


@pytest.mark.parametrize("labels", [[], ["one"], ["same", "same"], ["", "x"], ["x" * 61, "y"], {}])
def test_labels_that_no_model_could_have_are_refused(tmp_path, labels):
    with pytest.raises(dataset.DatasetRefused, match="two or more different names"):
        dataset.check_labels(labels)


def test_a_row_without_an_image_is_refused(tmp_path):
    with pytest.raises(dataset.DatasetRefused, match=CAT):
        dataset.write(tmp_path / "x", labels=["cats", "dogs"], rows=[row(CAT, "cats")], images={})
    assert not (tmp_path / "x").exists()


def test_a_label_that_the_dataset_does_not_know_is_refused_with_the_line(pets):
    (pets.path / "labels.json").write_text(json.dumps(["cats", "fish"]))
    with pytest.raises(ManifestError, match=r"cats, fish.*'dogs'.*line 2"):
        dataset.load(pets.path)


def test_the_five_names_are_what_a_manifest_knows_unless_told_otherwise(tmp_path):
    with pytest.raises(ManifestError, match="drawings"):
        manifest.write(tmp_path / "m", [row(CAT, "cats")])


@pytest.mark.parametrize("text", ["not json", "[1]", '{"a": 1}'])
def test_an_index_that_cannot_be_read_is_refused(pets, text):
    (pets.path / "images.json").write_text(text)
    with pytest.raises(dataset.DatasetRefused, match=r"images\.json"):
        dataset.load(pets.path)
