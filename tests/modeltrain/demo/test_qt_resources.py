import pytest

from modeltrain.demo import qt_resources
from modeltrain.demo.qt_resources import ResourcesRefused
from tests.modeltrain.demo.resource_files import COMPRESSED, ZSTANDARD, resource_file

FILES = {"owl.webp": b"an owl", "fox.webp": b"a fox" * 9}
PATHS = {"/activity/resource/owl.webp": b"an owl", "/activity/resource/fox.webp": b"a fox" * 9}


@pytest.mark.parametrize(("version", "flags"), [(2, 0), (3, 0), (3, COMPRESSED)])
def test_files_are_read_by_path(tmp_path, version, flags):
    path = tmp_path / "erase.rcc"
    path.write_bytes(resource_file(FILES, version=version, flags=flags))
    assert qt_resources.read(path) == PATHS


def test_files_compressed_with_zstandard_are_left_out(tmp_path):
    path = tmp_path / "erase.rcc"
    path.write_bytes(resource_file(FILES, flags=ZSTANDARD))
    assert qt_resources.read(path) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF" + bytes(40),
        resource_file(FILES, version=1),
        resource_file(FILES)[:60],
        resource_file(FILES).replace(b"\0\0\0\x06an owl", b"\xff\0\0\x06an owl"),
        resource_file(FILES, flags=COMPRESSED).replace(b"x\x9c", b"xx"),
    ],
)
def test_other_files_and_damaged_ones_are_refused(tmp_path, data):
    (tmp_path / "erase.rcc").write_bytes(data)
    with pytest.raises(ResourcesRefused, match=r"erase\.rcc"):
        qt_resources.read(tmp_path / "erase.rcc")
