"""A backup is one file with everything in it; restored elsewhere, it holds the same."""

import contextlib
import fcntl
import hashlib
import io
import itertools
import json
import os
import resource
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection, connections

from feedback.errors import Invalid, WrongState
from feedback.models import LedgerEntry, ModelVersion, Report, StoredImage
from feedback.services import backups, images, ledger, triage
from modeltrain.images import codec
from tests.cast import whole_artifact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def populated(queued, champion, ravi, settings, tmp_path) -> ModelVersion:
    """A site with a model, an accepted report and a ledger."""
    settings.DATA_DIR = tmp_path
    ModelVersion.objects.filter(pk=champion.pk).update(sha256=whole_artifact("champion"))
    ledger.begin()
    triage.decide(report=queued(), outcome="accepted", by=ravi)
    (tmp_path / "secret_key").write_text("a secret")
    champion.refresh_from_db()
    return champion


@contextlib.contextmanager
def empty_installation(settings, folder: Path):
    """An empty DATA_DIR and database, as a new machine has them; the tests' own come back after."""
    own_database = connection.settings_dict["NAME"]
    settings.DATA_DIR = folder
    folder.mkdir()
    for name in ("ARTIFACTS_DIR", "MANIFESTS_DIR", "RUNS_DIR", "DEMO_DIR", "AUDIT_IMAGES_DIR"):
        setattr(settings, name, folder / name.removesuffix("_DIR").lower().replace("_", "-"))
    storage = StoredImage._meta.get_field("file").storage
    own_images = storage._location
    connection.close()
    connection.settings_dict["NAME"] = str(folder / "db.sqlite3")
    storage._location = str(folder / "images")
    storage.__dict__.pop("base_location", None)
    storage.__dict__.pop("location", None)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own_database
        storage._location = own_images
        storage.__dict__.pop("base_location", None)
        storage.__dict__.pop("location", None)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {
            member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }


def rewrite(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_a_restored_backup_has_the_same_datasets_models_ledger_and_images(
    populated, settings, tmp_path
) -> None:
    before = backups.fingerprint()
    backups.back_up(tmp_path / "backup.tar")
    with empty_installation(settings, tmp_path / "new"):
        backups.restore(tmp_path / "backup.tar")
        assert backups.fingerprint() == before
        assert list(ledger.problems()) == []
        assert Report.objects.get().status == "accepted"
        assert images.pixels_of(StoredImage.objects.get()).shape == (60, 80, 3)
        assert (tmp_path / "new" / "secret_key").read_text() == "a secret"
        assert not list((tmp_path / "new").glob(".restoring-*"))


def test_backups_under_a_stream_of_reports_hold_one_moment_each(
    populated, queued, ravi, settings, tmp_path
) -> None:
    stopped = threading.Event()

    def decide_reports() -> int:
        try:
            for seed in itertools.count(1):
                triage.decide(report=queued(seed), outcome="accepted", by=ravi)
                if stopped.is_set():
                    return seed
        finally:
            connections.close_all()

    numbers = range(3)
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(decide_reports)
        for number in numbers:
            before = Report.objects.count()
            wait_until(lambda before=before: Report.objects.count() > before or stream.done())
            backups.back_up(tmp_path / f"{number}.tar")
        stopped.set()
        decided = stream.result()
    after, hashes = backups.fingerprint(), set(LedgerEntry.objects.values_list("hash", flat=True))
    sizes = []
    for number in numbers:
        with empty_installation(settings, tmp_path / f"new-{number}"):
            backups.restore(tmp_path / f"{number}.tar")
            restored = backups.fingerprint()
            assert list(ledger.problems()) == []
            assert restored["ledger"]["hash"] in hashes
            assert (restored["models"], restored["datasets"]) == (
                after["models"],
                after["datasets"],
            )
            for image in StoredImage.objects.all():
                assert codec.pixel_sha256(images.pixels_of(image)) == image.sha256
            assert Report.objects.filter(status="accepted", examples__image=None).count() == 0
            sizes.append(Report.objects.count())
    assert 1 < sizes[0] < sizes[1] < sizes[2] <= decided + 1


def test_files_are_backed_up_wherever_the_data_lies_but_unfinished_ones_are_not(
    populated, settings, tmp_path
) -> None:
    folder = settings.RUNS_DIR = tmp_path / ".local" / "old.part" / "runs"
    for name in ("a/whole", "a/.hidden", ".writing/b", "c.part", "d.part/e"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    backups.back_up(tmp_path / "backup.tar")
    names = {name for name in members(tmp_path / "backup.tar") if name.startswith("runs/")}
    assert names == {"runs/a/whole"}


def test_what_an_interrupted_backup_left_is_overwritten(populated, tmp_path) -> None:
    (tmp_path / "backup.tar.part").write_bytes(b"x" * 10**7)
    backups.back_up(tmp_path / "backup.tar")
    assert b"xxx" not in (tmp_path / "backup.tar").read_bytes()[-1000:]
    assert not (tmp_path / "backup.tar.part").exists()


def test_a_backup_is_on_the_disk_before_it_gets_its_name(populated, tmp_path, monkeypatch) -> None:
    fsync, sizes = os.fsync, []

    def record_size(descriptor: int) -> None:
        fsync(descriptor)
        sizes.append((os.fstat(descriptor).st_size, (tmp_path / "backup.tar").exists()))

    monkeypatch.setattr(os, "fsync", record_size)
    backups.back_up(tmp_path / "backup.tar")
    assert sizes == [((tmp_path / "backup.tar").stat().st_size, False)]


def test_a_backup_for_which_there_is_no_room_leaves_nothing(
    populated, settings, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be cut off
    folder = tmp_path / "small"
    folder.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        with pytest.raises((OSError, OperationalError)):
            backups.back_up(folder / "backup.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []


def test_empty_folders_are_replaced_and_missing_ones_are_made(
    populated, settings, tmp_path
) -> None:
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    (settings.RUNS_DIR / "a").write_text("a run")
    backups.back_up(tmp_path / "backup.tar")
    with empty_installation(settings, tmp_path / "new"):
        settings.ARTIFACTS_DIR = tmp_path / "new" / "deep" / "artifacts"
        (settings.RUNS_DIR / "empty").mkdir(parents=True)
        backups.restore(tmp_path / "backup.tar")
        assert [path.name for path in settings.RUNS_DIR.iterdir()] == ["a"]
        assert list(settings.ARTIFACTS_DIR.iterdir())


def test_only_its_owner_can_read_a_backup(populated, tmp_path) -> None:
    backups.back_up(tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0


def test_a_backup_replaces_no_file(populated, tmp_path) -> None:
    (tmp_path / "backup.tar").write_text("an older one")
    with pytest.raises(Invalid, match="written to a new file"):
        backups.back_up(tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "an older one"


def test_two_backups_are_not_written_to_one_file_at_once(populated, tmp_path, monkeypatch) -> None:
    refusals = []

    def begin_another(file: Path) -> None:
        monkeypatch.undo()
        with pytest.raises(WrongState, match="another process is writing") as refusal:
            backups.back_up(tmp_path / "backup.tar")
        refusals.append(refusal.value)
        backups._dump_database(file)

    monkeypatch.setattr(backups, "_dump_database", begin_another)
    contents = backups.back_up(tmp_path / "backup.tar")
    assert len(refusals) == 1
    assert set(members(tmp_path / "backup.tar")) == {*contents["files"], "backup.json"}


def test_a_backup_that_another_one_overtook_replaces_no_file(
    populated, tmp_path, monkeypatch
) -> None:
    flock = fcntl.flock

    def finish_another_first(file: int, operation: int) -> None:
        monkeypatch.undo()
        (tmp_path / "backup.tar.part").replace(tmp_path / "backup.tar")
        (tmp_path / "backup.tar").write_text("the other one")
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", finish_another_first)
    with pytest.raises(Invalid, match="written to a new file"):
        backups.back_up(tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "the other one"


def test_an_image_that_was_erased_during_the_backup_is_not_restored(
    populated, settings, tmp_path
) -> None:
    path = tmp_path / "backup.tar"
    backups.back_up(path)
    files = members(path)
    (name,) = (name for name in files if name.startswith("images/"))
    del files[name]
    contents = json.loads(files.pop(backups.CONTENTS))
    del contents["files"][name]
    rewrite(path, {**files, backups.CONTENTS: json.dumps(contents).encode()})
    with empty_installation(settings, tmp_path / "new"):
        backups.restore(path)
        assert not StoredImage.objects.exists()
        assert Report.objects.get().examples.get().image is None


def test_an_installation_in_use_is_not_overwritten(populated, tmp_path) -> None:
    backups.back_up(tmp_path / "backup.tar")
    with pytest.raises(WrongState, match="a database with models"):
        backups.restore(tmp_path / "backup.tar")
    assert ModelVersion.objects.get() == populated


def test_an_installation_has_something_in_it_from_its_first_model_on(
    request, settings, tmp_path
) -> None:
    settings.DATA_DIR = tmp_path
    with pytest.raises(Invalid, match="cannot be read"):
        backups.restore(tmp_path / "none.tar")
    request.getfixturevalue("champion")
    with pytest.raises(WrongState, match="a database with models"):
        backups.restore(tmp_path / "none.tar")


def test_files_without_a_database_are_not_overwritten(populated, settings, tmp_path) -> None:
    backups.back_up(tmp_path / "backup.tar")
    with empty_installation(settings, tmp_path / "new"):
        (tmp_path / "new" / "manifests").mkdir()
        (tmp_path / "new" / "manifests" / "a").write_text("")
        with pytest.raises(WrongState, match="files in"):
            backups.restore(tmp_path / "backup.tar")


def damage_a_file(files: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in files if name.startswith("artifacts/"))
    return {**files, name: files[name] + b"x"}


def drop_a_file(files: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in files if name.startswith("artifacts/"))
    return {other: data for other, data in files.items() if other != name}


def add_a_file(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "artifacts/another": b"x"}


def with_contents(**changes):
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        contents = json.loads(files[backups.CONTENTS]) | changes
        return {**files, backups.CONTENTS: json.dumps(contents).encode()}

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damage_a_file, "another artifacts/"),
        (drop_a_file, "another artifacts/"),
        (add_a_file, "another artifacts/another"),
        (lambda files: {**files, "../escaped": b"x"}, "cannot be read to its end"),
        (lambda files: {"a": b"x"}, "cannot be read to its end"),
        (lambda files: {**files, backups.CONTENTS: b"{"}, "cannot be read to its end"),
        (lambda files: {**files, backups.CONTENTS: b"{}"}, "cannot be read to its end"),
        (with_contents(format=2), "format 2"),
        (with_contents(migrations=["feedback.9999_later"]), "feedback.9999_later"),
        (with_contents(engine="postgresql"), "Set DATABASE_URL to a postgresql database"),
    ],
)
def test_a_backup_that_is_damaged_or_newer_changes_nothing(
    populated, settings, tmp_path, change, words
) -> None:
    path = tmp_path / "backup.tar"
    backups.back_up(path)
    rewrite(path, change(members(path)))
    with empty_installation(settings, tmp_path / "new"):
        with pytest.raises(Invalid, match=words):
            backups.restore(path)
        assert [entry.name for entry in (tmp_path / "new").iterdir() if entry.is_dir()] == []


def test_a_backup_that_was_cut_off_changes_nothing(populated, settings, tmp_path) -> None:
    path = tmp_path / "backup.tar"
    backups.back_up(path)
    path.write_bytes(path.read_bytes()[:4000])
    with empty_installation(settings, tmp_path / "new"), pytest.raises(Invalid):
        backups.restore(path)


def test_one_restore_at_a_time_works_in_a_data_dir(settings, tmp_path) -> None:
    import fcntl

    settings.DATA_DIR = tmp_path
    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="which is in use"):
            call_command("restore", str(tmp_path / "backup.tar"))


def test_a_backup_of_an_earlier_release_is_brought_up_to_date(
    populated, settings, tmp_path
) -> None:
    """The database in the backup has not had the last migrations."""
    path = tmp_path / "backup.tar"
    backups.back_up(path)
    files = members(path)
    with empty_installation(settings, tmp_path / "old"):
        database = Path(connection.settings_dict["NAME"])
        database.write_bytes(files[backups.DATABASE])
        call_command("migrate", "feedback", "0008", verbosity=0)
        migrations = backups._applied_migrations()
        connection.close()
        files[backups.DATABASE] = database.read_bytes()
    contents = json.loads(files.pop(backups.CONTENTS)) | {"migrations": migrations}
    contents["files"][backups.DATABASE] = hashlib.sha256(files[backups.DATABASE]).hexdigest()
    rewrite(path, {**files, backups.CONTENTS: json.dumps(contents).encode()})
    with empty_installation(settings, tmp_path / "new"):
        backups.restore(path)
        assert ModelVersion.objects.get().damage == ""
        assert LedgerEntry.objects.exists()


def test_without_the_programs_of_postgresql_nothing_is_begun(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Invalid, match="no pg_dump on PATH"):
        backups._dump_database(tmp_path / "dump")


@pytest.fixture
def postgres(monkeypatch, tmp_path) -> Iterator[Path]:
    """A database on a PostgreSQL server, and a program that writes down how it was called."""
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "${{0##*/}}" "$@" > {tmp_path}/call\nenv > {tmp_path}/env\n'
        f"test ! -e {tmp_path}/broken\n"
    )
    program.chmod(0o700)
    program.with_name("pg_restore").symlink_to(program)
    server = {"NAME": "speakup", "HOST": "db.example", "PORT": 5433, "USER": "rosa"}
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        patch.setattr(connection, "vendor", "postgresql")
        for key, value in (server | {"PASSWORD": "secret"}).items():
            patch.setitem(connection.settings_dict, key, value)
        yield tmp_path


def test_the_programs_of_postgresql_are_told_what_to_do_and_where(postgres) -> None:
    def lines(name: str) -> list[str]:
        return (postgres / name).read_text().splitlines()

    backups._dump_database(postgres / "dump")
    assert lines("call") == [
        *("pg_dump", "--format=custom", "--no-owner", f"--file={postgres}/dump")
    ]
    expected = {
        *("PGHOST=db.example", "PGPORT=5433", "PGUSER=rosa"),
        *("PGPASSWORD=secret", "PGDATABASE=speakup", f"DATA_DIR={os.environ['DATA_DIR']}"),
    }
    assert expected <= set(lines("env"))

    connection.settings_dict.update(HOST="", PORT="", USER="")  # a socket of this machine
    backups._load_database(postgres / "dump")
    assert lines("call") == [
        *("pg_restore", "--dbname=speakup", "--single-transaction", "--no-owner", "--clean"),
        *("--if-exists", str(postgres / "dump")),
    ]
    names = {line.partition("=")[0] for line in lines("env")}
    assert {name for name in names if name.startswith("PG")} == {"PGPASSWORD", "PGDATABASE"}


def test_a_database_that_cannot_be_restored_is_no_success(postgres) -> None:
    (postgres / "broken").touch()
    with pytest.raises(subprocess.CalledProcessError):
        backups._load_database(postgres / "dump")


# Mutants that survive and change nothing:
# - `_write` without `flush()`: tarfile writes blocks that are larger than the buffer.
# - `_load_database` without `connection.close()`: SQLite notices that the tables are others now.
