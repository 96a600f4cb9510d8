"""Archives of class folders are read like folders, and cannot lead out, link out or swell."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from modeltrain.importing import archives
from modeltrain.importing.archives import Bounds
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import PETS, imported, jpeg, told


def packed(pets, path, inside=""):
    """Pack class folders, perhaps in a folder, as the path's name says."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(pets.rglob("*.jpg")):
                archive.write(file, inside + str(file.relative_to(pets)))
    else:
        mode = "w:gz" if path.name.endswith("gz") else "w"
        with tarfile.open(path, mode, format=tarfile.USTAR_FORMAT) as archive:
            archive.add(pets, arcname=inside)
    return path


def add(archive, name, data=b"", kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.size, member.type = len(data), kind
    member.linkname = "" if kind == tarfile.REGTYPE else "/etc/passwd"
    archive.addfile(member, io.BytesIO(data))


def refused(path, **bounds):
    """Return what an archive is told for, and how many are not."""
    found = list(archives.read(path, bounds=Bounds(**bounds)).found(lambda *_: False))
    return [str(each.refused) for each in found if each.refused], len(found)


@pytest.mark.parametrize("name", ["pets.tar", "pets.tar.gz", "pets.tgz", "pets.zip"])
def test_an_archive_of_class_folders(pets, tmp_path, name):
    assert imported(tmp_path / "out", packed(pets, tmp_path / name)) == (0, PETS)


@pytest.mark.parametrize("name", ["pets.tar.gz", "pets.zip"])
def test_the_class_folders_may_be_in_one_folder(pets, tmp_path, name):
    status, found = imported(tmp_path / "out", packed(pets, tmp_path / name, inside="pets/"))
    assert (status, set(found)) == (0, {"cats", "dogs"})
    assert found["dogs"] == {"pets/dogs/3.jpg", "pets/dogs/4.jpg"}


def test_an_empty_folder_is_a_class(pets, tmp_path):
    (pets / "fish").mkdir()
    source = archives.read(packed(pets, tmp_path / "pets.tar"))
    assert source.labels == ("cats", "dogs", "fish")
    assert source.total == 5


@pytest.mark.parametrize("name", ["bad.tar", "bad.zip"])
def test_a_path_that_leads_out_is_told_and_nothing_is_written_there(pets, tmp_path, name):
    path, evil = tmp_path / name, ["../../evil/x.jpg", "/absolute/x.jpg", "cats\\..\\..\\x.jpg"]
    if name.endswith(".zip"):
        with zipfile.ZipFile(packed(pets, path), "a") as archive:
            for number, each in enumerate(evil):
                archive.writestr(each, jpeg(30 + number))
    else:
        with tarfile.open(packed(pets, path), "a") as archive:
            for number, each in enumerate(evil):
                add(archive, each, jpeg(30 + number))
    status, found = imported(tmp_path / "out", path)
    assert (status, found) == (3, PETS)
    assert {each.split(". ")[0] for each in told(tmp_path / "out").values()} == {
        "A path in an archive must lead into it"
    }
    assert len(told(tmp_path / "out")) == 3
    assert {each.name for each in tmp_path.iterdir()} == {"pets", name, "out"}


def test_links_and_devices_are_told(pets, tmp_path):
    with tarfile.open(packed(pets, tmp_path / "bad.tar"), "a") as archive:
        for name, kind in {"soft": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}.items():
            add(archive, f"cats/{name}.jpg", kind=kind)
        for name, kind in {"pipe": tarfile.FIFOTYPE, "disk": tarfile.BLKTYPE}.items():
            add(archive, f"cats/{name}.jpg", kind=kind)
    status, found = imported(tmp_path / "out", tmp_path / "bad.tar")
    assert (status, found) == (3, PETS)
    assert set(told(tmp_path / "out")) == {
        f"cats/{name}.jpg" for name in ("soft", "hard", "pipe", "disk")
    }


def test_a_link_in_a_zip_is_told(pets, tmp_path):
    with zipfile.ZipFile(packed(pets, tmp_path / "bad.zip"), "a") as archive:
        link = zipfile.ZipInfo("cats/link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    said, _ = refused(tmp_path / "bad.zip")
    assert len(said) == 1
    assert "a link or a device" in said[0]


def test_a_file_of_no_class_and_a_name_that_comes_twice_are_told(pets, tmp_path):
    with tarfile.open(packed(pets, tmp_path / "bad.tar"), "a") as archive:
        add(archive, "alone.jpg", jpeg(32))
        add(archive, "cats/0.jpg", jpeg(33))
    status, found = imported(tmp_path / "out", tmp_path / "bad.tar")
    assert (status, found) == (3, PETS)
    assert set(told(tmp_path / "out")) == {"alone.jpg", "cats/0.jpg (again)"}


@pytest.mark.parametrize("name", ["bomb.tar.gz", "bomb.zip"])
def test_a_member_that_swells_is_told_and_not_read(pets, tmp_path, name):
    (pets / "cats" / "bomb.jpg").write_bytes(b"\0" * 20_000_000)
    path = packed(pets, tmp_path / name)
    assert path.stat().st_size < 100_000
    status, found = imported(tmp_path / "out", path)
    assert (status, found) == (3, PETS)
    assert "20,000,000" in told(tmp_path / "out")["cats/bomb.jpg"]


def test_a_zip_that_understates_a_member_gives_no_more_than_it_states(pets, tmp_path):
    (pets / "cats" / "bomb.jpg").write_bytes(b"\0" * 20_000_000)
    data = bytearray(packed(pets, tmp_path / "lie.zip").read_bytes())
    true, small = struct.pack("<I", 20_000_000), struct.pack("<I", 1_000)
    assert data.count(true) == 2
    (tmp_path / "lie.zip").write_bytes(data.replace(true, small))
    status, found = imported(tmp_path / "out", tmp_path / "lie.zip")
    assert (status, found) == (3, PETS)
    assert "must be readable" in told(tmp_path / "out")["cats/bomb.jpg"]


@pytest.mark.parametrize("name", ["pets.tar", "pets.tar.gz", "pets.zip"])
def test_an_archive_with_too_many_members_or_bytes_ends_there(pets, tmp_path, name):
    path = packed(pets, tmp_path / name)
    said, _ = refused(path, members=3)
    assert ["more than 3 members" in each for each in said] == [True]
    said, count = refused(path, total_bytes=5_000)
    assert ["more than 5,000 bytes" in each for each in said] == [True]
    assert count < 6


def test_a_header_that_claims_to_be_long_is_not_read_into_memory(pets, tmp_path):
    with gzip.open(packed(pets, tmp_path / "pets.tar.gz")) as file:
        data = file.read().rstrip(b"\0")
    data += b"\0" * (-len(data) % 512)
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**30
    with gzip.open(tmp_path / "bad.tar.gz", "wb") as file:
        file.write(data + header.tobuf() + b"\0" * 1_000_000)
    said, count = refused(tmp_path / "bad.tar.gz")
    assert ["a header of 1,073,741,824 bytes" in each for each in said] == [True]
    assert count == 6


@pytest.mark.parametrize("where", [700, 512, 300, 0])
def test_a_tar_that_is_cut_gives_what_it_holds_and_says_so(pets, tmp_path, where):
    data = packed(pets, tmp_path / "whole.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: data.rindex(b"dogs/4.jpg") + where])
    status, found = imported(tmp_path / "out", tmp_path / "cut.tar")
    assert status == 3
    assert found["cats"] == PETS["cats"]
    assert "must be whole" in told(tmp_path / "out")["cut.tar"]


def test_a_tar_with_a_damaged_header_does_not_pass_for_one_that_ends_there(pets, tmp_path):
    data = bytearray(packed(pets, tmp_path / "bad.tar").read_bytes())
    data[data.rindex(b"dogs/4.jpg") + 148] ^= 0xFF  # its checksum
    (tmp_path / "bad.tar").write_bytes(data)
    said, count = refused(tmp_path / "bad.tar")
    assert ["must be whole" in each for each in said] == [True]
    assert count == 5


def test_a_zip_packed_by_what_takes_memory_at_will_is_told(pets, tmp_path):
    with zipfile.ZipFile(packed(pets, tmp_path / "bad.zip"), "a") as archive:
        archive.writestr("cats/x.jpg", jpeg(9), compress_type=zipfile.ZIP_LZMA)
    said, _ = refused(tmp_path / "bad.zip")
    assert ["in another way than by deflating" in each for each in said] == [True]


@pytest.mark.parametrize("name", ["cut.tar.gz", "cut.zip"])
def test_a_packed_archive_that_is_cut_is_told(pets, tmp_path, name):
    data = packed(pets, tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    if name.endswith(".zip"):  # its list of names is at the end
        with pytest.raises(ImportRefused, match="must be whole"):
            archives.read(tmp_path / name)
    else:
        assert "must be whole" in " ".join(refused(tmp_path / name)[0])


def test_a_damaged_member_is_told_and_the_rest_is_taken(pets, tmp_path):
    data = bytearray(packed(pets, tmp_path / "pets.zip").read_bytes())
    at = data.index(b"cats/1.jpg") + 100
    data[at : at + 20] = bytes(20)
    (tmp_path / "pets.zip").write_bytes(data)
    status, found = imported(tmp_path / "out", tmp_path / "pets.zip")
    assert (status, found) == (3, PETS | {"cats": {"cats/0.jpg", "cats/2.jpg"}})
    assert "must be readable" in told(tmp_path / "out")["cats/1.jpg"]


@pytest.mark.parametrize("data", [b"", b"not an archive", b"\x1f\x8bnot gzip", b"PKnot zip"])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "x.tar.gz").write_bytes(data)
    with pytest.raises(ImportRefused, match="must be whole"):
        archives.read(tmp_path / "x.tar.gz")


def test_an_archive_without_folders_is_refused(tmp_path):
    with tarfile.open(tmp_path / "flat.tar", "w") as archive:
        add(archive, "a.jpg", jpeg(1))
    with pytest.raises(ImportRefused, match="a folder of images for each class"):
        archives.read(tmp_path / "flat.tar")
