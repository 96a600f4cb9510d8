import pytest

from modeltrain.files import is_storable, write_whole


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path, durable):
    path = tmp_path / "figures.json"
    path.write_text("a longer text than the new one")
    write_whole(path, b"new", mode=0o600, durable=durable)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path):
    folder = tmp_path / "figures.json"
    (folder / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=str(folder)):
        write_whole(folder, b"new")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_reader_of_the_old_file_still_reads_all_of_it(tmp_path):
    path = tmp_path / "figures.json"
    path.write_bytes(b"old")
    with path.open("rb") as file:
        write_whole(path, b"new and longer")
        assert file.read() == b"old"


def test_half_of_a_surrogate_pair_is_no_text_that_can_be_stored():
    assert is_storable("é \U0001f600 \u2028")
    assert not is_storable("a\ud800")
