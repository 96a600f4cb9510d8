"""An artifact: one model as an immutable folder, named by the hash of what is in it."""

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
_WAY_OUT = "Restore the folder from its copy, or make the artifact again."


class ArtifactCorrupt(ValueError):
    """A folder is not the artifact it claims to be.

    Attributes
    ----------
    file : str
        The file that broke the rule.
    rule, expected, received, remedy : str
        What holds, what should be there, what is, and what to do.
    """

    def __init__(
        self, *, file: str, rule: str, expected: str, received: str, remedy: str = _WAY_OUT
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
        What `config.json` says: how the model was made and from what.
    """

    path: Path
    sha256: str
    labels: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The first 12 digits of the hash: the folder's name."""
        return self.sha256[:12]

    @property
    def onnx(self) -> Path:
        """The graph that is served: pixels in, probabilities and features out."""
        return self.path / "model.onnx"

    @property
    def keras(self) -> Path:
        """The model that is trained further."""
        return self.path / "model.keras"


def write(*, parent: Path, files: Mapping[str, Path | bytes]) -> Artifact:
    """Write an artifact, whole or not at all.

    Parameters
    ----------
    parent : pathlib.Path
        Folder of artifacts; made if missing.
    files : mapping of str to pathlib.Path or bytes
        Plain file name to its content, or to a file to copy it from.

    Returns
    -------
    Artifact
        At `parent/<version>`. Where a valid artifact with this content is there already, that one.

    Raises
    ------
    ValueError
        When a file name is not plain, or a required file is missing.
    ArtifactCorrupt
        When the folder of that name exists and is damaged.
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
        digest = _fill(building, files)
        target = parent / digest[:12]
        if not target.exists():
            building.chmod(0o755)
            try:
                building.rename(target)
            except (
                OSError
            ):  # another process wrote the same artifact first: load says if it is good
                if not target.exists():
                    raise
        return load(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _fill(folder: Path, files: Mapping[str, Path | bytes]) -> str:
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
        When the folder's name is not its hash; when a file was changed, is missing or does not
        belong; when anything in it is a link or a folder, or the manifest names one outside.
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
    listed = _listed(text)
    _check_names(path, listed)
    for name, expected in listed.items():
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


def hashes(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of an artifact, by its list; nothing is compared with it."""
    return _listed((path / MANIFEST).read_bytes())


def _listed(text: bytes) -> dict[str, str]:
    listed: dict[str, str] = {}
    for number, line in enumerate(text.decode(errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if not match or not _NAME.fullmatch(match["name"]) or match["name"] in listed:
            raise ArtifactCorrupt(
                file=MANIFEST,
                rule="Each line must be a hash, two spaces and a plain file name, once.",
                expected="<sha256>  <name>",
                received=f"line {number}, {line[:120]!r}",
            )
        listed[match["name"]] = match["sha256"]
    return listed


def _check_names(path: Path, listed: Mapping[str, str]) -> None:
    present = {entry.name: entry for entry in path.iterdir() if entry.name != MANIFEST}
    for name, entry in sorted(present.items()):
        if entry.is_symlink() or not entry.is_file():
            raise ArtifactCorrupt(
                file=name,
                rule="An artifact must hold plain files only.",
                expected="a plain file",
                received="a link" if entry.is_symlink() else "a folder or a device",
            )
        if name not in listed:
            raise ArtifactCorrupt(
                file=name,
                rule="An artifact must hold only what its list names.",
                expected="no such file",
                received="a file",
            )
    for name in sorted({*listed, *REQUIRED} - set(present)):
        raise ArtifactCorrupt(
            file=name,
            rule="An artifact must hold everything its list names, and what every artifact needs.",
            expected="a file",
            received="nothing",
        )
