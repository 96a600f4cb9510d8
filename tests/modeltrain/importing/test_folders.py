"""Class folders: every file is taken or refused, and nothing outside is read."""

import os

import pytest

from modeltrain.data import dataset
from modeltrain.importing import sources
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import PETS, jpeg, left_out, run_import


def test_class_folders_are_imported(pets, tmp_path):
    assert run_import(tmp_path / "out", pets) == (0, PETS)
    data = dataset.load(tmp_path / "out")
    for row in data.rows:
        assert data.images[row.sha256] == (
            tmp_path / "out" / "images" / row.sha256[:2] / f"{row.sha256}.png"
        )
        assert data.images[row.sha256].is_file()


def test_images_may_be_in_subfolders_of_their_class(pets, tmp_path):
    (pets / "dogs" / "small" / "brown").mkdir(parents=True)
    (pets / "dogs" / "small" / "brown" / "9.jpg").write_bytes(jpeg(9))
    status, taken = run_import(tmp_path / "out", pets)
    assert (status, taken["dogs"]) == (0, PETS["dogs"] | {"dogs/small/brown/9.jpg"})


def test_links_pipes_and_files_outside_a_class_are_refused(pets, tmp_path):
    (pets / "cats" / "link.jpg").symlink_to(pets / "dogs" / "3.jpg")
    (pets / "cats" / "all-dogs").symlink_to(pets / "dogs")
    os.mkfifo(pets / "cats" / "pipe.jpg")
    (pets / "alone.jpg").write_bytes(jpeg(8))
    assert run_import(tmp_path / "out", pets) == (3, PETS)
    reasons = left_out(tmp_path / "out")
    assert set(reasons) == {"cats/link.jpg", "cats/all-dogs", "cats/pipe.jpg", "alone.jpg"}
    assert "in the folder of its class" in reasons["alone.jpg"]


def test_hidden_files_and_folders_are_ignored(pets, tmp_path):
    (pets / ".thumbnails").mkdir()
    (pets / ".thumbnails" / "0.jpg").write_bytes(b"x")
    (pets / "cats" / ".DS_Store").write_bytes(b"x")
    assert run_import(tmp_path / "out", pets) == (0, PETS)


def test_a_file_name_that_is_not_utf8_is_escaped(pets, tmp_path):
    (pets / "cats" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(jpeg(9))
    status, taken = run_import(tmp_path / "out", pets)
    assert (status, taken["cats"]) == (0, PETS["cats"] | {"cats/caf\\xe9.jpg"})


def test_labels_json_sets_the_labels_and_their_order(pets, tmp_path):
    (pets / "labels.json").write_text('["dogs", "cats", "fish"]')
    assert run_import(tmp_path / "out", pets) == (3, PETS)
    assert dataset.load(tmp_path / "out").labels == ("dogs", "cats", "fish")


@pytest.mark.parametrize("text", ["{}", '["one"]', "not json"])
def test_a_labels_json_that_is_not_a_list_of_labels_is_refused(pets, text):
    (pets / "labels.json").write_text(text)
    with pytest.raises(ImportRefused, match=r"labels\.json must be a list"):
        sources.read(pets)


def test_a_folder_without_class_folders_is_refused(tmp_path):
    with pytest.raises(ImportRefused, match="a folder for each class"):
        sources.read(tmp_path)


def test_a_file_is_read_no_further_than_the_size_limit_of_an_image(pets, tmp_path):
    with (pets / "cats" / "endless.jpg").open("wb") as file:
        file.truncate(10**12)
    items = {item.source: item for item in sources.read(pets).items(lambda *_: False)}
    assert len(items["cats/endless.jpg"].read()) == 15 * 2**20 + 1
    assert set(items) == PETS["cats"] | PETS["dogs"] | {"cats/endless.jpg"}
