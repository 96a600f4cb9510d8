import os

import pytest

from modeltrain.images.decoder import Limits
from modeltrain.importing import items
from modeltrain.importing.items import ImportRefused


@pytest.mark.parametrize("name", [".DS_Store", "__MACOSX", "Thumbs.db", ".hidden.png"])
def test_files_of_the_system_are_not_the_users(name):
    assert not items.is_visible(name)


def test_files_of_the_user_are_visible():
    assert all(items.is_visible(name) for name in ("cat.png", "thumbs", "MACOSX", "a.b"))


def test_a_name_that_is_not_utf_8_is_text_all_the_same():
    assert items.to_text(os.fsdecode(b"caf\xe9.png")) == "caf\\xe9.png"
    assert items.to_text("café.png") == "café.png"


def test_no_more_is_read_of_a_file_than_tells_that_it_is_too_large(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"abc")
    read = items.file_reader(path)
    assert read() == b"abc"
    with path.open("wb") as file:
        file.truncate(Limits().max_bytes + 1000)
    assert len(read()) == Limits().max_bytes + 1


def test_a_refusal_is_the_rule_what_was_received_and_the_way_out():
    refused = ImportRefused("A label must have a name.", "''", "Name the folder.")
    assert str(refused) == "A label must have a name. Received: ''. Name the folder."
