"""Back up an installation into one file while it runs, and restore it into an empty one."""

import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from feedback.errors import Invalid, WrongState
from feedback.models import DatasetVersion, LedgerEntry, ModelVersion, StoredImage
from feedback.services import images
from modeltrain.images.hashing import sha256_file
from modeltrain.model import artifact

FORMAT = 1
CONTENTS = "backup.json"  # the last member: what the archive holds, with hashes
DATABASE = "database"
SECRETS = ("secret_key", "maintainer.json")


def back_up(path: Path) -> dict[str, Any]:
    """Write everything that cannot be computed again to one tar file.

    The database is as it was at one moment. Files are copied after that: an image that was erased
    meanwhile is left out, and restoring deletes its row.

    Returns
    -------
    dict
        `created_at`, `migrations` and `files`, the SHA-256 of each.

    Raises
    ------
    Invalid
        There is a file at `path` already.
    WrongState
        Another process is writing it.
    OSError
        It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    _refuse_to_overwrite(path)
    with part.open("ab") as file:
        part.chmod(0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongState(
                rule="One backup at a time is written to a file.",
                received=f"{path}, which another process is writing",
                remedy="Wait for it, or name another file.",
            ) from None
        try:
            _refuse_to_overwrite(path)  # the other process may have finished before the lock
            contents = _write(file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return contents


def _refuse_to_overwrite(path: Path) -> None:
    if path.exists():
        raise Invalid(
            rule="A backup is written to a new file.",
            received=f"{path}, which exists",
            remedy="Name another file, or move this one away.",
        )


def _write(file: BinaryIO) -> dict[str, Any]:
    contents: dict[str, Any] = {
        "format": FORMAT,
        "created_at": timezone.now().isoformat(),
        "engine": connection.vendor,
        "files": {},
    }
    file.truncate(0)  # what an interrupted backup left
    with tarfile.open(fileobj=file, mode="w|") as archive:
        with tempfile.TemporaryDirectory(dir=Path(file.name).parent, prefix=".backup-") as folder:
            dump = Path(folder) / DATABASE
            _dump_database(dump)
            contents["migrations"] = _applied_migrations()
            contents["files"][DATABASE] = _add(archive, dump, DATABASE)
        for name, source in _files():
            try:
                contents["files"][name] = _add(archive, source, name)
            except FileNotFoundError:
                continue  # it was erased meanwhile
        data = json.dumps(contents, indent=1, sort_keys=True).encode()
        member = tarfile.TarInfo(CONTENTS)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
        archive.close()
        file.flush()
        os.fsync(file.fileno())
    return contents


def _add(archive: tarfile.TarFile, source: Path, name: str) -> str:
    """Add a file, read once, and return its SHA-256."""
    with source.open("rb") as file:
        member = tarfile.TarInfo(name)
        member.size, member.mode = os.fstat(file.fileno()).st_size, 0o600
        reader = _Hashing(file)
        archive.addfile(member, reader)
    return reader.digest.hexdigest()


class _Hashing(io.RawIOBase):
    """A file that hashes what is read from it."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data


def _folders() -> dict[str, Path]:
    """Where each part of an archive lies. Features are left out: they are computed again."""
    return {
        "images": Path(storages["images"].path("")),
        "artifacts": Path(settings.ARTIFACTS_DIR),
        "manifests": Path(settings.MANIFESTS_DIR),
        "runs": Path(settings.RUNS_DIR),
        "demo": Path(settings.DEMO_DIR),
        "audit-images": Path(settings.AUDIT_IMAGES_DIR),
    }


def _files() -> Iterator[tuple[str, Path]]:
    """The name in the archive and the path of each file that is whole."""
    for name, folder in _folders().items():
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            unfinished = any(
                part.startswith(".") or part.endswith(".part") for part in inside.parts
            )
            if path.is_file() and not unfinished:
                yield f"{name}/{inside.as_posix()}", path
    for name in SECRETS:
        path = Path(settings.DATA_DIR) / name
        if path.is_file():
            yield name, path


def _dump_database(path: Path) -> None:
    """Write the database as it is at one moment; nobody has to wait for it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
        return
    _run_postgres("pg_dump", "--format=custom", "--no-owner", f"--file={path}")


def _load_database(path: Path) -> None:
    if connection.vendor == "sqlite":
        target = str(connection.settings_dict["NAME"])
        connection.close()
        with sqlite3.connect(path) as source, sqlite3.connect(target) as database:
            source.backup(database)
        return
    options = ["--single-transaction", "--no-owner", "--clean", "--if-exists"]
    _run_postgres("pg_restore", *options, path)


def _run_postgres(program: str, *arguments: object) -> None:
    if shutil.which(program) is None:
        raise Invalid(
            rule="With PostgreSQL, backups are made and restored by its own programs.",
            received=f"no {program} on PATH",
            remedy="Install PostgreSQL's client programs, as new as the server or newer.",
        )
    database = connection.settings_dict
    environment = os.environ | {
        f"PG{name}": str(database[key])
        for name, key in (("HOST", "HOST"), ("PORT", "PORT"), ("USER", "USER"))
        if database[key]
    }
    environment |= {"PGPASSWORD": str(database["PASSWORD"]), "PGDATABASE": str(database["NAME"])}
    target = [f"--dbname={database['NAME']}"] if program == "pg_restore" else []
    command = [program, *target, *map(str, arguments)]
    subprocess.run(command, env=environment, check=True)  # noqa: S603 - our own arguments


def _applied_migrations() -> list[str]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def restore(path: Path) -> dict[str, Any]:
    """Restore a backup into an empty installation, completely or not at all.

    Everything is checked against its hash before anything is put in place. The database is put in
    place last and then migrated, so a backup of an earlier release is brought up to date.

    Raises
    ------
    Invalid
        The file is no backup, is damaged, or comes from a later release or another database.
    WrongState
        The installation is not empty.
    """
    _refuse_unless_empty()
    data_dir = Path(settings.DATA_DIR)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix=".restoring-") as folder:
        contents = _unpack(path, Path(folder))
        for name, target in _folders().items():
            source = Path(folder) / name
            if source.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(target, ignore_errors=True)  # _refuse_unless_empty saw no file in it
                source.rename(target)
        for name in SECRETS:
            if (Path(folder) / name).is_file():
                (Path(folder) / name).replace(data_dir / name)
        _load_database(Path(folder) / DATABASE)
    call_command("migrate", verbosity=0, interactive=False)
    _delete_rows_without_files()
    return contents


def _refuse_unless_empty() -> None:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    rows = ModelVersion._meta.db_table in tables and ModelVersion.objects.exists()
    files = [
        str(folder)
        for folder in _folders().values()
        if any(path.is_file() for path in folder.rglob("*"))
    ]
    if rows or files:
        raise WrongState(
            rule="A backup is restored into an empty installation.",
            received="a database with models" if rows else f"files in {', '.join(files)}",
            remedy="Choose an empty DATA_DIR and an empty database.",
        )


def _unpack(path: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        contents: dict[str, Any] = json.loads((folder / CONTENTS).read_bytes())
        expected: dict[str, str] = contents["files"]
    except (OSError, tarfile.TarError, ValueError, KeyError) as problem:
        raise _damaged(path, f"a file that cannot be read to its end ({problem})") from problem
    if contents["format"] > FORMAT or (unknown := _unknown_migrations(contents["migrations"])):
        raise Invalid(
            rule="A backup is restored by the release that made it, or a later one.",
            received=f"format {contents['format']}"
            if contents["format"] > FORMAT
            else f"a database with {', '.join(unknown)}",
            remedy="Install the release that made it.",
        )
    if contents["engine"] != connection.vendor:
        raise Invalid(
            rule="A backup is restored into the kind of database that it comes from.",
            received=f"{contents['engine']}, and DATABASE_URL names {connection.vendor}",
            remedy=f"Set DATABASE_URL to a {contents['engine']} database.",
        )
    received = {
        file.relative_to(folder).as_posix(): sha256_file(file)
        for file in folder.rglob("*")
        if file.is_file() and file.name != CONTENTS
    }
    for name in sorted({*received, *expected}):
        if received.get(name) != expected.get(name):
            raise _damaged(path, f"another {name} than the one that was backed up")
    return contents


def _damaged(path: Path, received: str) -> Invalid:
    return Invalid(
        rule="A backup is restored only if every file in it is the one that was backed up.",
        received=f"{path}: {received}",
        remedy="Nothing was changed. Use another copy of it, or an earlier backup.",
    )


def _unknown_migrations(applied: list[str]) -> list[str]:
    own_migrations = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    return sorted(set(applied) - own_migrations)


def _delete_rows_without_files() -> None:
    """Finish the erasures that happened between the copy of the database and that of the files."""
    for image in StoredImage.objects.all():
        if not image.file.storage.exists(str(image.file.name)):
            images.delete_image(image)


def fingerprint() -> dict[str, Any]:
    """What must be the same after a backup was restored: datasets, models, ledger and images."""
    newest = LedgerEntry.objects.order_by("-number").first()
    return {
        "datasets": {
            str(dataset.number): sha256_file(dataset.manifest)
            for dataset in DatasetVersion.objects.order_by("number")
        },
        "models": {
            model.version: artifact.load(model.folder).sha256
            for model in ModelVersion.objects.order_by("number")
        },
        "ledger": {"entries": LedgerEntry.objects.count(), "hash": newest.hash if newest else ""},
        "images": StoredImage.objects.count(),
    }
