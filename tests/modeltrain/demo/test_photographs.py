from pathlib import Path

import pytest

from modeltrain.demo.photographs import (
    gcompris_photographs,
    lomiri_photographs,
    palapeli_photographs,
    scikit_learn_photographs,
)
from tests.modeltrain.demo.resource_files import resource_file

PLACES = {
    lomiri_photographs: "usr/share/backgrounds",
    palapeli_photographs: "usr/share/palapeli/collection",
}


def write(path: Path, data: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_listed_photographs_are_read_from_resource_files(tmp_path):
    data = resource_file({"red_panda.webp": b"a red panda", "eraser.webp": b"a drawing"})
    write(tmp_path / "usr/share/gcompris-qt/rcc/erase.rcc", data)
    (image,) = gcompris_photographs(tmp_path)
    assert (image.title, image.source) == ("red panda", "GCompris erase/red_panda")
    assert image.cluster == "gcompris photograph: red_panda"
    assert image.groups == {"medium": "photograph", "subject": "other"}
    assert image.data() == b"a red panda"


@pytest.mark.parametrize(
    ("photographs", "name", "groups"),
    [
        (lomiri_photographs, "Wine_by_Jakkub_Mede", {"medium": "photograph"}),
        (palapeli_photographs, "citrus-fruits", {"medium": "photograph", "subject": "other"}),
    ],
)
def test_listed_photographs_are_found_in_folders(tmp_path, photographs, name, groups):
    for file in (name, "umang_by_Abhishek_Mudgal"):  # the second is a pattern
        write(tmp_path / PLACES[photographs] / f"{file}.jpg")
    (image,) = photographs(tmp_path)
    assert image.path.stem == name
    assert image.groups == groups
    assert image.is_photograph


def test_an_empty_package_has_no_photographs(tmp_path):
    assert not list(gcompris_photographs(tmp_path))
    assert not list(lomiri_photographs(tmp_path))


def test_scikit_learn_has_two_photographs():
    assert [image.title for image in scikit_learn_photographs()] == ["china", "flower"]
