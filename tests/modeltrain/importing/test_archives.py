"""Archives are read like class folders; paths, links and sizes cannot exceed their bounds."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from modeltrain.importing import archives
from modeltrain.importing.archives import ArchiveLimits
from modeltrain.importing.items import ImportRefused
from tests.modeltrain.importing.conftest import PETS, jpeg, left_out, run_import


def pack(pets, path, parent=""):
    """Pack class folders, optionally in a parent folder, in the format of the path's suffix."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(pets.rglob("*.jpg")):
                archive.write(file, parent + str(file.relative_to(pets)))
    else:
        mode = "w:gz" if path.name.endswith("gz") else "w"
        with tarfile.open(path, mode, format=tarfile.USTAR_FORMAT) as archive:
            archive.add(pets, arcname=parent)
    return path


def add(archive, name, data=b"", kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.size, member.type = len(data), kind
    member.linkname = "" if kind == tarfile.REGTYPE else "/etc/passwd"
    archive.addfile(member, io.BytesIO(data))


def read_errors(path, **limits):
    """Return the errors in an archive and the number of its items, errors included."""
    source = archives.read(path, limits=ArchiveLimits(**limits))
    items = list(source.items(lambda *_: False))
    return [str(item.refused) for item in items if item.refused], len(items)


@pytest.mark.parametrize("name", ["pets.tar", "pets.tar.gz", "pets.tgz", "pets.zip"])
def test_an_archive_of_class_folders_is_imported(pets, tmp_path, name):
    assert run_import(tmp_path / "out", pack(pets, tmp_path / name)) == (0, PETS)


@pytest.mark.parametrize("name", ["pets.tar.gz", "pets.zip"])
def test_the_class_folders_may_be_in_one_folder(pets, tmp_path, name):
    status, taken = run_import(tmp_path / "out", pack(pets, tmp_path / name, parent="pets/"))
    assert (status, set(taken)) == (0, {"cats", "dogs"})
    assert taken["dogs"] == {"pets/dogs/3.jpg", "pets/dogs/4.jpg"}


def test_an_empty_folder_is_a_label(pets, tmp_path):
    (pets / "fish").mkdir()
    source = archives.read(pack(pets, tmp_path / "pets.tar"))
    assert source.labels == ("cats", "dogs", "fish")
    assert source.total == 5


@pytest.mark.parametrize("name", ["bad.tar", "bad.zip"])
def test_a_path_that_leads_out_is_refused_and_nothing_is_written_there(pets, tmp_path, name):
    path, evil = tmp_path / name, ["../../evil/x.jpg", "/absolute/x.jpg", "cats\\..\\..\\x.jpg"]
    if name.endswith(".zip"):
        with zipfile.ZipFile(pack(pets, path), "a") as archive:
            for number, member in enumerate(evil):
                archive.writestr(member, jpeg(30 + number))
    else:
        with tarfile.open(pack(pets, path), "a") as archive:
            for number, member in enumerate(evil):
                add(archive, member, jpeg(30 + number))
    status, taken = run_import(tmp_path / "out", path)
    assert (status, taken) == (3, PETS)
    assert {reason.split(". ")[0] for reason in left_out(tmp_path / "out").values()} == {
        "A path in an archive must lead into it"
    }
    assert len(left_out(tmp_path / "out")) == 3
    assert {file.name for file in tmp_path.iterdir()} == {"pets", name, "out"}


def test_links_and_devices_are_refused(pets, tmp_path):
    with tarfile.open(pack(pets, tmp_path / "bad.tar"), "a") as archive:
        for name, kind in {"soft": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}.items():
            add(archive, f"cats/{name}.jpg", kind=kind)
        for name, kind in {"pipe": tarfile.FIFOTYPE, "disk": tarfile.BLKTYPE}.items():
            add(archive, f"cats/{name}.jpg", kind=kind)
    status, taken = run_import(tmp_path / "out", tmp_path / "bad.tar")
    assert (status, taken) == (3, PETS)
    assert set(left_out(tmp_path / "out")) == {
        f"cats/{name}.jpg" for name in ("soft", "hard", "pipe", "disk")
    }


def test_a_link_in_a_zip_is_refused(pets, tmp_path):
    with zipfile.ZipFile(pack(pets, tmp_path / "bad.zip"), "a") as archive:
        link = zipfile.ZipInfo("cats/link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    errors, _ = read_errors(tmp_path / "bad.zip")
    assert len(errors) == 1
    assert "a link or a device" in errors[0]


def test_a_file_outside_a_class_and_a_repeated_name_are_refused(pets, tmp_path):
    with tarfile.open(pack(pets, tmp_path / "bad.tar"), "a") as archive:
        add(archive, "alone.jpg", jpeg(32))
        add(archive, "cats/0.jpg", jpeg(33))
    status, taken = run_import(tmp_path / "out", tmp_path / "bad.tar")
    assert (status, taken) == (3, PETS)
    assert set(left_out(tmp_path / "out")) == {"alone.jpg", "cats/0.jpg (again)"}


@pytest.mark.parametrize("name", ["bomb.tar.gz", "bomb.zip"])
def test_a_member_that_is_too_large_unpacked_is_refused_without_reading_it(pets, tmp_path, name):
    (pets / "cats" / "bomb.jpg").write_bytes(b"\0" * 20_000_000)
    path = pack(pets, tmp_path / name)
    assert path.stat().st_size < 100_000
    status, taken = run_import(tmp_path / "out", path)
    assert (status, taken) == (3, PETS)
    assert "20,000,000" in left_out(tmp_path / "out")["cats/bomb.jpg"]


def test_a_zip_that_understates_the_size_of_a_member_is_not_read_beyond_it(pets, tmp_path):
    (pets / "cats" / "bomb.jpg").write_bytes(b"\0" * 20_000_000)
    data = bytearray(pack(pets, tmp_path / "lie.zip").read_bytes())
    true_size, small_size = struct.pack("<I", 20_000_000), struct.pack("<I", 1_000)
    assert data.count(true_size) == 2
    (tmp_path / "lie.zip").write_bytes(data.replace(true_size, small_size))
    status, taken = run_import(tmp_path / "out", tmp_path / "lie.zip")
    assert (status, taken) == (3, PETS)
    assert "must be readable" in left_out(tmp_path / "out")["cats/bomb.jpg"]


@pytest.mark.parametrize("name", ["pets.tar", "pets.tar.gz", "pets.zip"])
def test_reading_stops_at_too_many_members_or_bytes(pets, tmp_path, name):
    path = pack(pets, tmp_path / name)
    errors, _ = read_errors(path, members=3)
    assert ["more than 3 members" in error for error in errors] == [True]
    errors, count = read_errors(path, total_bytes=5_000)
    assert ["more than 5,000 bytes" in error for error in errors] == [True]
    assert count < 6


def test_a_header_that_claims_a_huge_length_is_not_read_into_memory(pets, tmp_path):
    with gzip.open(pack(pets, tmp_path / "pets.tar.gz")) as file:
        data = file.read().rstrip(b"\0")
    data += b"\0" * (-len(data) % 512)
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**30
    with gzip.open(tmp_path / "bad.tar.gz", "wb") as file:
        file.write(data + header.tobuf() + b"\0" * 1_000_000)
    errors, count = read_errors(tmp_path / "bad.tar.gz")
    assert ["a header of 1,073,741,824 bytes" in error for error in errors] == [True]
    assert count == 6


@pytest.mark.parametrize("offset", [700, 512, 300, 0])
def test_a_truncated_tar_gives_its_whole_members_and_an_error(pets, tmp_path, offset):
    data = pack(pets, tmp_path / "whole.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: data.rindex(b"dogs/4.jpg") + offset])
    status, taken = run_import(tmp_path / "out", tmp_path / "cut.tar")
    assert status == 3
    assert taken["cats"] == PETS["cats"]
    assert "must be whole" in left_out(tmp_path / "out")["cut.tar"]


def test_a_damaged_header_is_not_mistaken_for_the_end_of_a_tar(pets, tmp_path):
    data = bytearray(pack(pets, tmp_path / "bad.tar").read_bytes())
    data[data.rindex(b"dogs/4.jpg") + 148] ^= 0xFF  # its checksum
    (tmp_path / "bad.tar").write_bytes(data)
    errors, count = read_errors(tmp_path / "bad.tar")
    assert ["must be whole" in error for error in errors] == [True]
    assert count == 5


def test_a_zip_member_with_an_unsupported_compression_is_refused(pets, tmp_path):
    with zipfile.ZipFile(pack(pets, tmp_path / "bad.zip"), "a") as archive:
        archive.writestr("cats/x.jpg", jpeg(9), compress_type=zipfile.ZIP_LZMA)
    errors, _ = read_errors(tmp_path / "bad.zip")
    assert ["in another way than by deflating" in error for error in errors] == [True]


@pytest.mark.parametrize("name", ["cut.tar.gz", "cut.zip"])
def test_a_truncated_compressed_archive_is_refused(pets, tmp_path, name):
    data = pack(pets, tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    if name.endswith(".zip"):  # its list of names is at the end
        with pytest.raises(ImportRefused, match="must be whole"):
            archives.read(tmp_path / name)
    else:
        assert "must be whole" in " ".join(read_errors(tmp_path / name)[0])


def test_a_damaged_member_is_refused_and_the_rest_is_taken(pets, tmp_path):
    data = bytearray(pack(pets, tmp_path / "pets.zip").read_bytes())
    start = data.index(b"cats/1.jpg") + 100
    data[start : start + 20] = bytes(20)
    (tmp_path / "pets.zip").write_bytes(data)
    status, taken = run_import(tmp_path / "out", tmp_path / "pets.zip")
    assert (status, taken) == (3, PETS | {"cats": {"cats/0.jpg", "cats/2.jpg"}})
    assert "must be readable" in left_out(tmp_path / "out")["cats/1.jpg"]


@pytest.mark.parametrize("data", [b"", b"not an archive", b"\x1f\x8bnot gzip", b"PKnot zip"])
def test_what_is_no_archive_is_read_errors(tmp_path, data):
    (tmp_path / "x.tar.gz").write_bytes(data)
    with pytest.raises(ImportRefused, match="must be whole"):
        archives.read(tmp_path / "x.tar.gz")


def test_an_archive_without_folders_is_read_errors(tmp_path):
    with tarfile.open(tmp_path / "flat.tar", "w") as archive:
        add(archive, "a.jpg", jpeg(1))
    with pytest.raises(ImportRefused, match="a folder of images for each class"):
        archives.read(tmp_path / "flat.tar")
