"""Images from anywhere become a dataset; what is left out is told, with the file and the rule."""

import csv
import io
import json
import resource
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from modeltrain import dataset
from modeltrain.__main__ import main
from modeltrain.importing import images, sources
from tests.modeltrain.conftest import blobs

ROOT = Path(__file__).resolve().parents[3]


def jpeg(number: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(blobs(number)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def pets(tmp_path):
    """Three cats and two dogs, in class folders."""
    for number in range(5):
        folder = tmp_path / "pets" / ("cats" if number < 3 else "dogs")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    return tmp_path / "pets"


def taken(out, *arguments):
    """Run the verb and return its exit status and the taken sources by label."""
    status = main(["import", "--json-progress", *map(str, arguments), f"--out={out}"])
    if not (out / "manifest.jsonl").exists():
        return status, None
    found = {}
    for row in dataset.load(out).rows:
        found.setdefault(row.label, set()).add(row.source)
    return status, found


def told(out):
    """Return why things were left out, by source."""
    lines = [json.loads(line) for line in (out / images.JOURNAL).read_text().splitlines()]
    return {line["source"]: line["left_out"] for line in lines if line["left_out"]}


PETS = {"cats": {"cats/0.jpg", "cats/1.jpg", "cats/2.jpg"}, "dogs": {"dogs/3.jpg", "dogs/4.jpg"}}


def test_class_folders(pets, tmp_path):
    assert taken(tmp_path / "out", pets) == (0, PETS)
    made = dataset.load(tmp_path / "out")
    for row in made.rows:
        assert made.images[row.sha256].parent.parent.name == "images"
        assert made.images[row.sha256].is_file()


@pytest.mark.parametrize("name", ["pets.tar", "pets.tar.gz"])
def test_a_tar_of_class_folders(pets, tmp_path, name):
    with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as archive:
        archive.add(pets, arcname="")
    assert taken(tmp_path / "out", tmp_path / name) == (0, PETS)


def test_a_zip_of_a_folder_of_class_folders(pets, tmp_path):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for file in pets.rglob("*.jpg"):
            archive.write(file, Path("pets") / file.relative_to(pets))
    status, found = taken(tmp_path / "out", tmp_path / "pets.zip")
    assert (status, set(found)) == (0, {"cats", "dogs"})
    assert found["dogs"] == {"pets/dogs/3.jpg", "pets/dogs/4.jpg"}


@pytest.mark.parametrize("split", ["", "train"])
def test_an_imagefolder_with_metadata(pets, tmp_path, split):
    folder = pets / split
    folder.mkdir(exist_ok=True)
    lines = []
    for number in range(5):
        label = "cats" if number < 3 else "dogs"
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
        lines.append(json.dumps({"file_name": f"{number}.jpg", "label": label}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    status, found = taken(tmp_path / "out", pets)
    assert (status, {k: len(v) for k, v in found.items()}) == (0, {"cats": 3, "dogs": 2})


def test_a_csv_with_groups(pets, tmp_path):
    with (pets / "list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "kind", "group:medium"])
        for number in range(5):
            label = "cats" if number < 3 else "dogs"
            writer.writerow([f"{label}/{number}.jpg", label, "photograph" if number else ""])
    options = ["--path-column=file", "--label-column=kind"]
    assert taken(tmp_path / "out", pets / "list.csv", *options) == (0, PETS)
    groups = {row.source: row.groups for row in dataset.load(tmp_path / "out").rows}
    assert groups["cats/1.jpg"] == {"medium": "photograph"}
    assert groups["cats/0.jpg"] == {}


def test_a_jsonl_with_groups_and_another_root(pets, tmp_path):
    lines = [
        {"path": f"{label}/{n}.jpg", "label": label, "groups": {"medium": "photograph"}}
        for n, label in enumerate(["cats", "cats", "cats", "dogs", "dogs"])
    ]
    table = tmp_path / "elsewhere.jsonl"
    table.write_text("\n".join(map(json.dumps, lines)))
    assert taken(tmp_path / "out", table, f"--root={pets}") == (0, PETS)


def test_splits_follow_from_the_shares(pets, tmp_path):
    assert taken(tmp_path / "out", pets, "--audit-share=1", "--validation-share=0")[0] == 0
    assert {row.split for row in dataset.load(tmp_path / "out").rows} == {"audit"}


def test_unreadable_files_are_told_by_name_and_the_rest_goes_on(pets, tmp_path):
    (pets / "cats" / "text.png").write_text("<html>not found</html>")
    (pets / "cats" / "cut.jpg").write_bytes(jpeg(9)[:300])
    (pets / "cats" / "empty.jpg").write_bytes(b"")
    status, found = taken(tmp_path / "out", pets)
    assert (status, found) == (3, PETS)
    assert set(told(tmp_path / "out")) == {"cats/text.png", "cats/cut.jpg", "cats/empty.jpg"}


def test_the_content_decides_what_a_file_is_not_its_name(pets, tmp_path):
    (pets / "dogs" / "really-a-jpeg.png").write_bytes(jpeg(20))
    status, found = taken(tmp_path / "out", pets)
    assert status == 0
    assert "dogs/really-a-jpeg.png" in found["dogs"]


def test_labels_that_are_not_among_the_given_ones_are_told(pets, tmp_path):
    status, found = taken(tmp_path / "out", pets, "--labels=cats,fish")
    assert (status, set(found)) == (3, {"cats"})
    assert "cats, fish. Received: 'dogs'" in told(tmp_path / "out")["dogs/3.jpg"]


def test_a_class_with_one_image_and_an_empty_class_are_told(pets, tmp_path, capsys):
    (pets / "dogs" / "4.jpg").unlink()
    status, found = taken(tmp_path / "out", pets, "--labels=cats,dogs,fish")
    problems = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["problems"]
    assert status == 3
    assert found["dogs"] == {"dogs/3.jpg"}
    assert [each.split(":")[0] for each in problems] == [
        "Class dogs has 1 image",
        "Class fish has no images",
    ]


def test_an_exact_copy_is_taken_once(pets, tmp_path):
    (pets / "cats" / "9.jpg").write_bytes(jpeg(0))
    assert taken(tmp_path / "out", pets) == (0, PETS)
    assert told(tmp_path / "out") == {"cats/9.jpg": "A copy of cats/0.jpg, which is taken."}


def test_one_picture_under_two_labels_is_left_out_under_both(pets, tmp_path):
    (pets / "dogs" / "9.jpg").write_bytes(jpeg(0))
    status, found = taken(tmp_path / "out", pets)
    assert status == 3
    assert found["cats"] == {"cats/1.jpg", "cats/2.jpg"}
    assert set(told(tmp_path / "out")) == {"cats/0.jpg", "dogs/9.jpg"}
    assert "as cats and as dogs" in told(tmp_path / "out")["dogs/9.jpg"]


def test_files_that_a_table_names_and_that_are_gone_are_told(pets, tmp_path):
    lines = [
        {"path": "cats/0.jpg", "label": "cats"},
        {"path": "cats/1.jpg", "label": "cats"},
        {"path": "dogs/3.jpg", "label": "dogs"},
        {"path": "dogs/4.jpg", "label": "dogs"},
        {"path": "gone.jpg", "label": "dogs"},
        {"path": "../../outside.jpg", "label": "dogs"},
        {"path": 3, "label": "dogs"},
        {"path": "dogs/3.jpg", "label": "dogs", "groups": ["x"]},
        [],
    ]
    table = pets / "list.jsonl"
    table.write_text("\n".join(map(json.dumps, lines)) + "\n{not json\n")
    status, found = taken(tmp_path / "out", table)
    said = told(tmp_path / "out")
    assert status == 3
    assert {label: len(each) for label, each in found.items()} == {"cats": 2, "dogs": 2}
    assert "must be there" in said["gone.jpg"]
    assert "must not lead out" in said["../../outside.jpg"]
    assert "one JSON object" in said["list.jsonl, line 9"]
    assert "one JSON object" in said["list.jsonl, line 10"]
    assert "must have text in path and label" in said["list.jsonl, line 7"]


def add(archive, name, data=b"", kind=None):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.type = kind or tarfile.REGTYPE
    member.linkname = "/etc/passwd" if kind else ""
    archive.addfile(member, io.BytesIO(data))


def test_an_archive_cannot_lead_out_link_out_or_swell(pets, tmp_path):
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        archive.add(pets, arcname="")
        add(archive, "../../evil/x.jpg", jpeg(30))
        add(archive, "/absolute/x.jpg", jpeg(31))
        add(archive, "cats/link.jpg", kind=tarfile.SYMTYPE)
        add(archive, "cats/hard.jpg", kind=tarfile.LNKTYPE)
        add(archive, "cats/device.jpg", kind=tarfile.CHRTYPE)
        add(archive, "alone.jpg", jpeg(32))
        add(archive, "cats/huge.jpg", b"\0" * 16_000_000)
    status, found = taken(tmp_path / "out", tmp_path / "bad.tar")
    assert (status, found) == (3, PETS)
    assert len(told(tmp_path / "out")) == 7
    assert {each.name for each in tmp_path.iterdir()} == {"pets", "bad.tar", "out"}


def test_a_zip_bomb_is_read_no_further_than_an_image_may_be_long(pets, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(pets.rglob("*.jpg")):
            archive.write(file, file.relative_to(pets))
        archive.writestr("cats/bomb.png", b"\0" * 200_000_000)
    status, found = taken(tmp_path / "out", tmp_path / "bomb.zip")
    assert (status, found) == (3, PETS)
    assert "200,000,000" in told(tmp_path / "out")["cats/bomb.png"]


def test_a_truncated_archive_gives_what_it_holds_and_says_where_it_breaks(pets, tmp_path):
    with tarfile.open(tmp_path / "whole.tar", "w") as archive:
        archive.add(pets, arcname="")
    data = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: data.rindex(b"dogs/4.jpg") + 700])
    status, found = taken(tmp_path / "out", tmp_path / "cut.tar")
    assert status == 3
    assert found["cats"] == PETS["cats"]
    assert "breaks here" in told(tmp_path / "out")["cut.tar"]


@pytest.mark.parametrize("name", ["nothing", "file.docx"])
def test_a_source_of_no_known_kind_is_refused(tmp_path, name, capsys):
    (tmp_path / "file.docx").write_bytes(b"x")
    (tmp_path / "nothing").mkdir()
    assert taken(tmp_path / "out", tmp_path / name) == (1, None)
    assert "must" in capsys.readouterr().out


def test_a_whole_dataset_is_not_written_over(pets, tmp_path):
    taken(tmp_path / "out", pets)
    before = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    assert main(["import", "--json-progress", str(pets), f"--out={tmp_path / 'out'}"]) == 1
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == before


def test_a_run_that_was_stopped_goes_on_without_reading_again(pets, tmp_path):
    out = tmp_path / "out"
    found = list(sources.read(pets))
    reads = []

    def counted(each):
        def read():
            reads.append(each.source)
            if each.source == "dogs/4.jpg" and reads.count("dogs/4.jpg") == 1:
                raise KeyboardInterrupt
            return each.read()

        return sources.Found(each.source, each.label, read)

    with pytest.raises(KeyboardInterrupt):
        images.import_images(map(counted, found), out)
    journal = out / images.JOURNAL
    journal.write_text(journal.read_text() + '{"source": "torn')
    made = images.import_images(map(counted, found), out).dataset
    assert len(made.rows) == 5
    assert {each: reads.count(each) for each in set(reads)} == {
        **{source: 1 for source in PETS["cats"] | {"dogs/3.jpg"}},
        "dogs/4.jpg": 2,
    }


def test_killed_at_once_and_started_again_it_gives_the_same_dataset(pets, tmp_path):
    command = [sys.executable, "-m", "modeltrain", "import", str(pets), f"--out={tmp_path / 'out'}"]
    with subprocess.Popen([*command, "--json-progress"], cwd=ROOT, stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    (tmp_path / "out" / "manifest.jsonl").unlink(missing_ok=True)
    assert taken(tmp_path / "out", pets) == (0, PETS)


def test_a_full_disk_is_told_and_another_run_goes_on(pets, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, limits[1]))
    try:
        with pytest.raises(images.DiskFull, match="Free some and run it again"):
            images.import_images(sources.read(pets), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert taken(tmp_path / "out", pets) == (0, PETS)
