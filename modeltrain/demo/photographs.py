"""Photographs in packages that are not made of drawings. `sources.json` lists them by name."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from modeltrain.demo import qt_resources
from modeltrain.demo.sources import LISTS, SourceImage

_GCOMPRIS = Path("usr/share/gcompris-qt/rcc")
_LOMIRI = Path("usr/share/backgrounds")
_PALAPELI = Path("usr/share/palapeli/collection")


def gcompris_photographs(package: Path) -> Iterator[SourceImage]:
    """List the photographs of animals and monuments in the Debian package `gcompris-qt-data`."""
    for activity, names in LISTS["gcompris_photographs"].items():
        resource_file = package / _GCOMPRIS / f"{activity}.rcc"
        members = qt_resources.read(resource_file) if resource_file.is_file() else {}
        paths = {member.rpartition("/resource/")[2]: member for member in members}
        for name in names:
            if f"{name}.webp" in paths:
                yield SourceImage(
                    path=resource_file,
                    member=paths[f"{name}.webp"],
                    title=name.rpartition("/")[2].replace("_", " "),
                    groups={"medium": "photograph", "subject": "other"},
                    source=f"GCompris {activity}/{name}",
                    cluster=f"gcompris photograph: {name.rpartition('/')[2]}",
                )


def lomiri_photographs(package: Path) -> Iterator[SourceImage]:
    """List the photographs in the Debian package `lomiri-wallpapers-16.04`."""
    names = LISTS["lomiri_photographs"]
    yield from _files(package / _LOMIRI, names, "Lomiri wallpapers", {})


def palapeli_photographs(package: Path) -> Iterator[SourceImage]:
    """List the photographs in the Debian package `palapeli-data`."""
    names = LISTS["palapeli_photographs"]
    yield from _files(package / _PALAPELI, names, "Palapeli", {"subject": "other"})


def scikit_learn_photographs() -> Iterator[SourceImage]:
    """List the photographs in the Python package scikit-learn, without importing it."""
    spec = importlib.util.find_spec("sklearn")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "datasets" / "images"
        names = LISTS["scikit_learn_photographs"]
        yield from _files(folder, names, "scikit-learn", {"subject": "other"})


def _files(
    folder: Path, names: list[str], source: str, groups: dict[str, str]
) -> Iterator[SourceImage]:
    for name in names:
        path = folder / f"{name}.jpg"
        if path.is_file():
            yield SourceImage(
                path=path,
                title=name.replace("_", " ").replace("-", " "),
                groups={"medium": "photograph"} | groups,
                source=f"{source} {name}",
                cluster=f"{source.lower()} photograph: {name}",
            )
