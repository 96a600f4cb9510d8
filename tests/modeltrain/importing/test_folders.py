"""Class folders: every file is taken or told, and nothing outside is touched."""

import json
import os

import pytest

from modeltrain.data import dataset
from modeltrain.importing import sources
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import PETS, imported, jpeg, told


def test_class_folders(pets, tmp_path):
    assert imported(tmp_path / "out", pets) == (0, PETS)
    made = dataset.load(tmp_path / "out")
    for row in made.rows:
        assert made.images[row.sha256] == (
            tmp_path / "out" / "images" / row.sha256[:2] / f"{row.sha256}.png"
        )
        assert made.images[row.sha256].is_file()


def test_images_may_lie_deeper_in_their_class(pets, tmp_path):
    (pets / "dogs" / "small" / "brown").mkdir(parents=True)
    (pets / "dogs" / "small" / "brown" / "9.jpg").write_bytes(jpeg(9))
    status, found = imported(tmp_path / "out", pets)
    assert (status, found["dogs"]) == (0, PETS["dogs"] | {"dogs/small/brown/9.jpg"})


def test_links_pipes_and_files_of_no_class_are_told(pets, tmp_path):
    (pets / "cats" / "link.jpg").symlink_to(pets / "dogs" / "3.jpg")
    (pets / "cats" / "all-dogs").symlink_to(pets / "dogs")
    os.mkfifo(pets / "cats" / "pipe.jpg")
    (pets / "alone.jpg").write_bytes(jpeg(8))
    assert imported(tmp_path / "out", pets) == (3, PETS)
    said = told(tmp_path / "out")
    assert set(said) == {"cats/link.jpg", "cats/all-dogs", "cats/pipe.jpg", "alone.jpg"}
    assert "in the folder of its class" in said["alone.jpg"]


def test_hidden_files_and_folders_are_not_looked_at(pets, tmp_path):
    (pets / ".thumbnails").mkdir()
    (pets / ".thumbnails" / "0.jpg").write_bytes(b"x")
    (pets / "cats" / ".DS_Store").write_bytes(b"x")
    assert imported(tmp_path / "out", pets) == (0, PETS)


def test_a_name_that_is_not_utf8_is_written_down_all_the_same(pets, tmp_path):
    (pets / "cats" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(jpeg(9))
    status, found = imported(tmp_path / "out", pets)
    assert (status, found["cats"]) == (0, PETS["cats"] | {"cats/caf\\xe9.jpg"})


def test_labels_json_says_the_classes_and_their_order(pets, tmp_path):
    (pets / "labels.json").write_text('["dogs", "cats", "fish"]')
    assert imported(tmp_path / "out", pets) == (3, PETS)
    assert dataset.load(tmp_path / "out").labels == ("dogs", "cats", "fish")


@pytest.mark.parametrize("text", ["{}", '["one"]', "not json"])
def test_labels_json_that_is_no_list_of_classes_is_refused(pets, text):
    (pets / "labels.json").write_text(text)
    with pytest.raises(ImportRefused, match=r"labels\.json must be a list"):
        sources.read(pets)


def test_a_folder_without_class_folders_is_refused(tmp_path):
    with pytest.raises(ImportRefused, match="a folder for each class"):
        sources.read(tmp_path)


def test_a_file_is_read_no_further_than_an_image_may_be_long(pets, tmp_path):
    with (pets / "cats" / "endless.jpg").open("wb") as file:
        file.truncate(10**12)
    found = {each.source: each for each in sources.read(pets).found(lambda *_: False)}
    assert len(found["cats/endless.jpg"].read()) == 15 * 2**20 + 1
    assert json.dumps(sorted(found)) == json.dumps(
        sorted(PETS["cats"] | PETS["dogs"] | {"cats/endless.jpg"})
    )
