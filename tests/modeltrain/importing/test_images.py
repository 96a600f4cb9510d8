"""Whatever the source: what is left out is told, what is stopped goes on."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modeltrain.data import dataset
from modeltrain.importing import import_images, journal, sources
from modeltrain.importing.items import Source, SourceItem
from tests.modeltrain.importing.conftest import PETS, imported, jpeg, met, problems, told

ROOT = Path(__file__).resolve().parents[3]


def test_unreadable_files_are_told_by_name_and_the_rest_goes_on(pets, tmp_path, capsys):
    (pets / "cats" / "text.png").write_text("<html>not found</html>")
    (pets / "cats" / "cut.jpg").write_bytes(jpeg(9)[:300])
    (pets / "cats" / "empty.jpg").write_bytes(b"")
    assert imported(tmp_path / "out", pets) == (3, PETS)
    assert set(told(tmp_path / "out")) == {"cats/text.png", "cats/cut.jpg", "cats/empty.jpg"}
    assert "1 left out: An image file must be whole and readable." in problems(capsys)


def test_each_line_says_when_what_and_why(pets, tmp_path):
    (pets / "cats" / "text.png").write_text("<html>not found</html>")
    imported(tmp_path / "out", pets)
    lines = met(tmp_path / "out")
    assert lines["cats/0.jpg"]["outcome"] == "taken"
    assert len(lines["cats/0.jpg"]["sha256"]) == 64
    assert lines["cats/0.jpg"]["time"].endswith("+00:00")
    assert all(lines["cats/text.png"][name] for name in ("rule", "received", "remedy"))


def test_the_content_decides_what_a_file_is_not_its_name(pets, tmp_path):
    (pets / "dogs" / "really-a-jpeg.png").write_bytes(jpeg(20))
    status, found = imported(tmp_path / "out", pets)
    assert (status, found["dogs"]) == (0, PETS["dogs"] | {"dogs/really-a-jpeg.png"})


def test_labels_that_are_not_among_the_given_ones_are_told(pets, tmp_path):
    status, found = imported(tmp_path / "out", pets, "--labels=cats,fish")
    assert (status, set(found)) == (3, {"cats"})
    assert "one of the dataset's. 'dogs'" in told(tmp_path / "out")["dogs/3.jpg"]


def test_a_class_with_one_image_and_an_empty_class_are_told(pets, tmp_path, capsys):
    (pets / "dogs" / "4.jpg").unlink()
    (pets / "fish").mkdir()
    status, found = imported(tmp_path / "out", pets)
    assert (status, found["dogs"]) == (3, {"dogs/3.jpg"})
    assert [each.split("Received: ")[1][:9] for each in problems(capsys)] == [
        "1 in dogs",
        "0 in fish",
    ]


def test_splits_follow_from_the_shares(pets, tmp_path):
    assert imported(tmp_path / "out", pets, "--audit-share=1", "--validation-share=0")[0] == 0
    assert {row.split for row in dataset.load(tmp_path / "out").rows} == {"audit"}


def test_shares_that_cannot_be_are_refused_before_anything_is_read(pets, tmp_path):
    assert imported(tmp_path / "out", pets, "--audit-share=2") == (1, None)
    assert not (tmp_path / "out").exists()


def test_a_whole_dataset_is_not_written_over(pets, tmp_path):
    imported(tmp_path / "out", pets)
    before = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    (pets / "cats" / "9.jpg").write_bytes(jpeg(9))
    assert imported(tmp_path / "out", pets) == (1, PETS)
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == before


def test_a_run_that_was_stopped_goes_on_without_reading_again(pets, tmp_path):
    out, reads = tmp_path / "out", []
    whole = sources.read(pets)

    def watched(skip):
        for each in whole.found(skip):
            yield SourceItem(each.source, each.label, lambda each=each: once(each))

    def once(each):
        reads.append(each.source)
        if each.source == "dogs/4.jpg" and reads.count("dogs/4.jpg") == 1:
            raise KeyboardInterrupt
        return each.read()

    source = Source(whole.labels, whole.total, watched)
    with pytest.raises(KeyboardInterrupt):
        import_images(source, out)
    lines = out / journal.NAME
    lines.write_text(lines.read_text() + '{"source": "torn')
    assert len(import_images(source, out).dataset.rows) == 5
    assert {each: reads.count(each) for each in set(reads)} == {
        **dict.fromkeys(PETS["cats"] | {"dogs/3.jpg"}, 1),
        "dogs/4.jpg": 2,
    }


def test_an_image_that_is_gone_from_the_store_is_read_again(pets, tmp_path):
    imported(tmp_path / "out", pets)
    (tmp_path / "out" / "manifest.jsonl").unlink()
    for image in (tmp_path / "out" / "images").rglob("*.png"):
        image.unlink()
    assert imported(tmp_path / "out", pets) == (0, PETS)
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 5


def test_stopped_and_run_with_more_labels_it_takes_those_too(pets, tmp_path):
    imported(tmp_path / "out", pets, "--labels=cats,fish")
    (tmp_path / "out" / "manifest.jsonl").unlink()
    assert imported(tmp_path / "out", pets, "--labels=cats,dogs") == (0, PETS)


def test_a_line_that_comes_twice_is_a_copy_also_when_going_on(pets, tmp_path):
    lines = [{"path": each, "label": label} for label in PETS for each in sorted(PETS[label])]
    (pets / "list.jsonl").write_text("\n".join(map(json.dumps, [*lines, lines[0]])))
    assert imported(tmp_path / "out", pets / "list.jsonl") == (0, PETS)
    (tmp_path / "out" / "manifest.jsonl").unlink()
    assert imported(tmp_path / "out", pets / "list.jsonl") == (0, PETS)


def test_killed_and_started_again_it_gives_the_same_dataset(pets, tmp_path):
    for number in range(10, 30):
        (pets / "cats" / f"{number}.jpg").write_bytes(jpeg(number))
    imported(tmp_path / "whole", pets)
    command = [sys.executable, "-m", "modeltrain", "import", str(pets), f"--out={tmp_path / 'out'}"]
    with subprocess.Popen([*command, "--json-progress"], cwd=ROOT, stdout=subprocess.PIPE) as run:
        for _ in range(3):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    done = set(met(tmp_path / "out"))
    assert 3 <= len(done) < 25
    assert imported(tmp_path / "out", pets)[0] == 0
    for name in ("manifest.jsonl", "images.json", "labels.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_full_disk_is_told_and_another_run_goes_on(pets, tmp_path):
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        "from modeltrain.__main__ import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", program, "import", str(pets), f"--out={tmp_path / 'out'}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "There must be room for the images." in ended.stdout
    assert "Free some and run it again" in ended.stdout
    assert imported(tmp_path / "out", pets) == (0, PETS)
