"""Fetch Debian packages of images and unpack them without installing them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMES = (
    "tuxpaint-stamps-default",
    "gcompris-qt-data",
    "lomiri-wallpapers-16.04",
    "palapeli-data",
)


class PackageUnavailable(RuntimeError):
    """A Debian package could not be downloaded or unpacked."""


def fetch(folder: Path, names: Sequence[str] = NAMES) -> dict[str, Path]:
    """Download Debian packages and unpack each into a folder of its name.

    Parameters
    ----------
    folder : Path
        Where to unpack. What it already holds is not downloaded again.
    names : sequence of str
        Of packages.

    Returns
    -------
    dict of str to Path
        The folder of each package. One that could not be had is missing, with the reason on stderr;
        call again to retry.
    """
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        folders = list(threads.map(lambda name: _unpacked(name, folder / name), names))
    return {name: path for name, path in zip(names, folders, strict=True) if path}


def _unpacked(name: str, folder: Path) -> Path | None:
    if not folder.is_dir():
        try:
            unpack(name, folder)
        except PackageUnavailable as error:
            print(f"Images are missing: {error}", file=sys.stderr)
            return None
    return folder


def unpack(name: str, folder: Path) -> None:
    """Download a Debian package and unpack it, without its sounds and without installing it.

    Parameters
    ----------
    name : str
    folder : Path
        Replaced by the package's files once they are complete.

    Raises
    ------
    PackageUnavailable
        When apt or dpkg is missing or the download failed, with the reason.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        unpacked = Path(scratch) / "unpacked"
        try:
            _run("apt-get", "download", name, cwd=scratch)
            package = next(Path(scratch).glob("*.deb"))
            _run("dpkg-deb", "-x", str(package), str(unpacked), cwd=scratch)
            for sound in (*unpacked.rglob("*.ogg"), *unpacked.rglob("*.wav")):
                sound.unlink()
            if folder.exists():
                shutil.rmtree(folder)
            unpacked.rename(folder)
        except (OSError, subprocess.SubprocessError, StopIteration) as error:
            reason = getattr(error, "stderr", None) or error
            raise PackageUnavailable(f"{name} could not be fetched. {reason}") from error


def _run(*command: str, cwd: str) -> None:
    options = {"check": True, "capture_output": True, "text": True, "timeout": 300}
    subprocess.run(command, cwd=cwd, **options)  # type: ignore[call-overload]  # noqa: S603
