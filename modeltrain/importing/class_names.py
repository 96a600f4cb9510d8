"""The names behind numbers as labels, as Hugging Face datasets list them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

FILES = ("README.md", "dataset_infos.json", "dataset_info.json")
MAX_BYTES = 256 * 1024
_MAX_DEPTH = 8


def read_folder(folder: Path, column: str) -> tuple[str, ...]:
    """Return the names in the order of their numbers, or nothing if no file lists them."""
    paths = [folder / name for name in FILES]
    return find({path.name: _read(path) for path in paths if path.is_file()}, column)


def find(files: Mapping[str, bytes], column: str) -> tuple[str, ...]:
    """Return the names of a column's `ClassLabel`.

    Parameters
    ----------
    files : mapping of str to bytes
        By name, those of `FILES` that there are. `README.md` has the names under `dataset_info` in
        its YAML header; the others have them under `features`.
    column : str
        The column of labels.

    Returns
    -------
    tuple of str
        In the order of their numbers; empty if no file lists them.
    """
    for name in FILES:
        for node in _nodes(_parse(name, files.get(name, b""))):
            names = _names(node, column)
            if names:
                return names
    return ()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def _parse(name: str, data: bytes) -> Any:
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    try:
        if name != "README.md":
            return json.loads(text)
        before, _, rest = text.partition("---\n")
        header, has_end, _ = rest.partition("\n---")
        return yaml.safe_load(header) if has_end and not before.strip() else None
    except (ValueError, yaml.YAMLError, RecursionError):
        return None


def _nodes(root: Any) -> Iterator[dict[Any, Any]]:
    """Yield every object in a document once, also where YAML repeats it by reference."""
    level, seen = [root], set()
    for _ in range(_MAX_DEPTH):
        unseen = [node for node in level if id(node) not in seen]
        seen |= {id(node) for node in unseen}
        level = []
        for node in unseen:
            if isinstance(node, dict):
                yield node
                level += node.values()
            elif isinstance(node, list):
                level += node


def _names(node: dict[Any, Any], column: str) -> tuple[str, ...]:
    if node.get("name") == column and isinstance(node.get("dtype"), dict):  # in a README.md
        feature = node["dtype"].get("class_label")
    else:
        features = node.get("features")
        feature = features.get(column) if isinstance(features, dict) else None
    names = feature.get("names") if isinstance(feature, dict) else None
    if isinstance(names, dict):  # by number
        try:
            names = [names[number] for number in sorted(names, key=int)]
        except (ValueError, TypeError):
            return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()
