"""An artifact: one model as an immutable folder, named by the hash of its contents."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeltrain.images.hashing import sha256_file

MANIFEST = "MANIFEST.sha256"
REQUIRED = ("model.onnx", "labels.json", "config.json")

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[^\n]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REMEDY = "Restore the folder from its copy, or make the artifact again."


class ArtifactCorrupt(ValueError):
    """A folder is not the artifact that its name says it is.

    Attributes
    ----------
    file : str
        The file that broke the rule.
    rule, expected, received, remedy : str
        The rule, what should be there, what is there, and what to do.
    """

    def __init__(
        self, *, file: str, rule: str, expected: str, received: str, remedy: str = _REMEDY
    ) -> None:
        self.file = file
        self.rule = rule
        self.expected = expected
        self.received = received
        self.remedy = remedy
        super().__init__(f"{rule} {file}: expected {expected}. Received: {received}. {remedy}")


@dataclass(frozen=True)
class Artifact:
    """A verified artifact.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    sha256 : str
        SHA-256 of its `MANIFEST.sha256`, which holds the SHA-256 of every other file.
    labels : tuple of str
        Names of the outputs, in order.
    config : mapping
        The contents of `config.json`: how the model was made and from what.
    """

    path: Path
    sha256: str
    labels: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The first 12 digits of the hash, which are the folder's name."""
        return self.sha256[:12]

    @property
    def onnx(self) -> Path:
        """The graph that is served: pixels in, probabilities and features out."""
        return self.path / "model.onnx"

    @property
    def keras(self) -> Path:
        """The Keras model, for further training."""
        return self.path / "model.keras"


def write(*, parent: Path, files: Mapping[str, Path | bytes]) -> Artifact:
    """Write an artifact, completely or not at all.

    Parameters
    ----------
    parent : pathlib.Path
        Folder of artifacts; created if missing.
    files : mapping of str to pathlib.Path or bytes
        Plain file name to the file's content, or to a file to copy.

    Returns
    -------
    Artifact
        At `parent/<version>`. A valid artifact with the same content that already exists is kept.

    Raises
    ------
    ValueError
        When a file name is not plain, or a required file is missing.
    ArtifactCorrupt
        When the folder already exists and is damaged.
    """
    for name in files:
        if name == MANIFEST or not _NAME.fullmatch(name):
            raise ValueError(
                "A file in an artifact must have a plain name, without folders, other than "
                f"{MANIFEST}. Received: {name!r}. Rename it."
            )
    missing = [name for name in REQUIRED if name not in files]
    if missing:
        raise ValueError(
            f"An artifact must have {', '.join(REQUIRED)}. Received: none of "
            f"{', '.join(missing)}. Add what is missing."
        )
    parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=parent, prefix=".building-"))
    try:
        digest = _write_files(building, files)
        target = parent / digest[:12]
        if not target.exists():
            building.chmod(0o755)
            try:
                building.rename(target)
            except OSError:
                if not target.exists():
                    raise
                # Another process wrote the same artifact first; load checks it.
        return load(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_files(folder: Path, files: Mapping[str, Path | bytes]) -> str:
    lines = []
    for name in sorted(files):
        content, path = files[name], folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
        path.chmod(0o644)
        _sync(path)
        lines.append(f"{sha256_file(path)}  {name}\n")
    text = "".join(lines).encode()
    (folder / MANIFEST).write_bytes(text)
    _sync(folder / MANIFEST)
    return hashlib.sha256(text).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def load(path: Path) -> Artifact:
    """Open an artifact after checking the hash of every file in it.

    Raises
    ------
    ArtifactCorrupt
        When the folder's name is not its hash; when a file was changed, is missing or is not
        listed; when an entry is a link or a folder; or when the list names a file outside.
    """
    path = Path(path)
    manifest = path / MANIFEST
    if path.is_symlink() or manifest.is_symlink() or not manifest.is_file():
        raise ArtifactCorrupt(
            file=MANIFEST,
            rule="An artifact must be a folder with a list of hashes.",
            expected=f"a file at {manifest}",
            received="a link" if path.is_symlink() or manifest.is_symlink() else "nothing",
        )
    text = manifest.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if path.resolve().name != digest[:12]:
        raise ArtifactCorrupt(
            file=MANIFEST,
            rule="An artifact's folder must be named by the hash of its list.",
            expected=f"a list with hash {path.resolve().name}…",
            received=digest,
        )
    hashes_by_name = _parse_manifest(text)
    _check_names(path, hashes_by_name)
    for name, expected in hashes_by_name.items():
        received = sha256_file(path / name)
        if received != expected:
            raise ArtifactCorrupt(
                file=name,
                rule="A file in an artifact must not change.",
                expected=expected,
                received=received,
            )
    labels = json.loads((path / "labels.json").read_bytes())
    config = json.loads((path / "config.json").read_bytes())
    return Artifact(path=path, sha256=digest, labels=tuple(labels), config=config)


def file_hashes(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file as the artifact's list gives it, without checking it."""
    return _parse_manifest((path / MANIFEST).read_bytes())


def _parse_manifest(text: bytes) -> dict[str, str]:
    hashes_by_name: dict[str, str] = {}
    for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if not match or not _NAME.fullmatch(match["name"]) or match["name"] in hashes_by_name:
            raise ArtifactCorrupt(
                file=MANIFEST,
                rule="Each line must be a hash, two spaces and a plain file name, once.",
                expected="<sha256>  <name>",
                received=f"line {number}, {line[:120]!r}",
            )
        hashes_by_name[match["name"]] = match["sha256"]
    return hashes_by_name


def _check_names(path: Path, hashes_by_name: Mapping[str, str]) -> None:
    present = {entry.name: entry for entry in path.iterdir() if entry.name != MANIFEST}
    for name, entry in sorted(present.items()):
        if entry.is_symlink() or not entry.is_file():
            raise ArtifactCorrupt(
                file=name,
                rule="An artifact must hold plain files only.",
                expected="a plain file",
                received="a link" if entry.is_symlink() else "a folder or a device",
            )
        if name not in hashes_by_name:
            raise ArtifactCorrupt(
                file=name,
                rule="An artifact must hold only what its list names.",
                expected="no such file",
                received="a file",
            )
    for name in sorted({*hashes_by_name, *REQUIRED} - set(present)):
        raise ArtifactCorrupt(
            file=name,
            rule="An artifact must hold everything its list names, and what every artifact needs.",
            expected="a file",
            received="nothing",
        )
