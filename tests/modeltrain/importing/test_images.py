"""For every kind of source: what is left out is recorded, and an interrupted import resumes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modeltrain.data import dataset
from modeltrain.images.decoder import Limits
from modeltrain.importing import images, import_images, journal, sources
from modeltrain.importing.items import Source, SourceItem
from tests.modeltrain.importing.conftest import (
    PETS,
    journal_lines,
    jpeg,
    left_out,
    problems,
    run_import,
)

ROOT = Path(__file__).resolve().parents[3]


def test_unreadable_files_are_recorded_and_the_rest_is_imported(pets, tmp_path, capsys):
    (pets / "cats" / "text.png").write_text("<html>not found</html>")
    (pets / "cats" / "cut.jpg").write_bytes(jpeg(9)[:300])
    (pets / "cats" / "empty.jpg").write_bytes(b"")
    assert run_import(tmp_path / "out", pets) == (3, PETS)
    assert set(left_out(tmp_path / "out")) == {"cats/text.png", "cats/cut.jpg", "cats/empty.jpg"}
    assert "1 left out: An image file must be whole and readable." in problems(capsys)


def test_each_line_of_the_journal_has_time_outcome_and_reason(pets, tmp_path):
    (pets / "cats" / "text.png").write_text("<html>not found</html>")
    run_import(tmp_path / "out", pets)
    lines = journal_lines(tmp_path / "out")
    assert lines["cats/0.jpg"]["outcome"] == "taken"
    assert len(lines["cats/0.jpg"]["sha256"]) == 64
    assert lines["cats/0.jpg"]["time"].endswith("+00:00")
    assert all(lines["cats/text.png"][name] for name in ("rule", "received", "remedy"))


def test_a_file_is_recognised_by_its_content_not_its_name(pets, tmp_path):
    (pets / "dogs" / "really-a-jpeg.png").write_bytes(jpeg(20))
    status, taken = run_import(tmp_path / "out", pets)
    assert (status, taken["dogs"]) == (0, PETS["dogs"] | {"dogs/really-a-jpeg.png"})


def test_labels_outside_the_given_ones_are_refused(pets, tmp_path):
    status, taken = run_import(tmp_path / "out", pets, "--labels=cats,fish")
    assert (status, set(taken)) == (3, {"cats"})
    assert "one of the dataset's. 'dogs'" in left_out(tmp_path / "out")["dogs/3.jpg"]


def test_labels_with_fewer_than_two_images_are_problems(pets, tmp_path, capsys):
    (pets / "dogs" / "4.jpg").unlink()
    (pets / "fish").mkdir()
    status, taken = run_import(tmp_path / "out", pets)
    assert (status, taken["dogs"]) == (3, {"dogs/3.jpg"})
    assert [problem.split("Received: ")[1][:9] for problem in problems(capsys)] == [
        "1 in dogs",
        "0 in fish",
    ]


def test_splits_follow_the_shares(pets, tmp_path):
    assert run_import(tmp_path / "out", pets, "--audit-share=1", "--validation-share=0")[0] == 0
    assert {row.split for row in dataset.load(tmp_path / "out").rows} == {"audit"}


def test_invalid_shares_are_refused_before_anything_is_read(pets, tmp_path):
    assert run_import(tmp_path / "out", pets, "--audit-share=2") == (2, None)
    assert not (tmp_path / "out").exists()


def test_a_complete_dataset_is_not_overwritten(pets, tmp_path):
    run_import(tmp_path / "out", pets)
    manifest = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    (pets / "cats" / "9.jpg").write_bytes(jpeg(9))
    assert run_import(tmp_path / "out", pets) == (2, PETS)
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == manifest


def test_an_interrupted_run_resumes_without_reading_files_again(pets, tmp_path):
    out, reads = tmp_path / "out", []
    folders = sources.read(pets)

    def items(skip):
        for item in folders.items(skip):
            yield SourceItem(item.source, item.label, lambda item=item: read(item))

    def read(item):
        reads.append(item.source)
        if item.source == "dogs/4.jpg" and reads.count("dogs/4.jpg") == 1:
            raise KeyboardInterrupt
        return item.read()

    source = Source(folders.labels, folders.total, items)
    with pytest.raises(KeyboardInterrupt):
        import_images(source, out)
    lines = out / journal.JOURNAL_FILE
    lines.write_text(lines.read_text() + '{"source": "torn')
    assert len(import_images(source, out).dataset.rows) == 5
    assert {path: reads.count(path) for path in set(reads)} == {
        **dict.fromkeys(PETS["cats"] | {"dogs/3.jpg"}, 1),
        "dogs/4.jpg": 2,
    }


def test_an_image_that_is_missing_from_the_store_is_read_again(pets, tmp_path):
    run_import(tmp_path / "out", pets)
    (tmp_path / "out" / "manifest.jsonl").unlink()
    for image in (tmp_path / "out" / "images").rglob("*.png"):
        image.unlink()
    assert run_import(tmp_path / "out", pets) == (0, PETS)
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 5


def test_a_resumed_run_takes_labels_that_were_added(pets, tmp_path):
    run_import(tmp_path / "out", pets, "--labels=cats,fish")
    (tmp_path / "out" / "manifest.jsonl").unlink()
    assert run_import(tmp_path / "out", pets, "--labels=cats,dogs") == (0, PETS)


def test_a_repeated_line_is_a_copy_also_in_a_resumed_run(pets, tmp_path):
    lines = [{"path": path, "label": label} for label in PETS for path in sorted(PETS[label])]
    (pets / "list.jsonl").write_text("\n".join(map(json.dumps, [*lines, lines[0]])))
    assert run_import(tmp_path / "out", pets / "list.jsonl") == (0, PETS)
    (tmp_path / "out" / "manifest.jsonl").unlink()
    assert run_import(tmp_path / "out", pets / "list.jsonl") == (0, PETS)


def test_a_killed_and_resumed_run_gives_the_same_dataset(pets, tmp_path):
    for number in range(10, 30):
        (pets / "cats" / f"{number}.jpg").write_bytes(jpeg(number))
    run_import(tmp_path / "whole", pets)
    command = [sys.executable, "-m", "modeltrain", "import", str(pets), f"--out={tmp_path / 'out'}"]
    with subprocess.Popen([*command, "--json-progress"], cwd=ROOT, stdout=subprocess.PIPE) as run:
        for _ in range(3):
            run.stdout.readline()
        run.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    recorded = set(journal_lines(tmp_path / "out"))
    assert 3 <= len(recorded) < 25
    assert run_import(tmp_path / "out", pets)[0] == 0
    for name in ("manifest.jsonl", "images.json", "labels.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_full_disk_is_reported_and_another_run_resumes(pets, tmp_path):
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        "from modeltrain.__main__ import main; sys.exit(main())"
    )
    # Without -B, it would leave bytecode that is cut off for whoever imports it next.
    start = [sys.executable, "-B", "-c", program]
    command = [*start, "import", str(pets), f"--out={tmp_path / 'out'}"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "There must be space for the images." in process.stdout
    assert "Free some and run it again" in process.stdout
    assert run_import(tmp_path / "out", pets) == (0, PETS)


def test_a_busy_machine_stops_an_import_which_then_continues(pets, tmp_path, monkeypatch, capsys):
    """What is left out must not depend on the load of the machine."""
    out = tmp_path / "out"
    with monkeypatch.context() as busy:
        busy.setattr(images, "UNATTENDED_LIMITS", Limits(wall_seconds=0.0001))
        assert run_import(out, pets) == (2, None)
    assert "on a busy machine. Run it again" in capsys.readouterr().out
    assert run_import(out, pets) == (0, PETS)
