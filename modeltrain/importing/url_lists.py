"""Images at addresses: one list per label, in the layout of the NSFW data scraper."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from modeltrain.importing.download import download
from modeltrain.importing.fetch import FetchRules
from modeltrain.importing.items import (
    ImportRefused,
    Skip,
    Source,
    SourceItem,
    is_visible,
    to_text,
)

_MAX_ADDRESS_LENGTH = 2_000
_REMEDY = "Correct the line."


def find_lists(path: Path) -> dict[str, Path]:
    """Return each label's list: `LABEL/urls_LABEL.txt`, or else `LABEL.txt`."""
    folders = [entry for entry in path.iterdir() if entry.is_dir() and is_visible(entry.name)]
    scraped = {to_text(folder.name): folder / f"urls_{folder.name}.txt" for folder in folders}
    existing = {label: file for label, file in scraped.items() if os.path.isfile(file)}
    if existing or folders:
        return existing
    files = sorted(path.glob("*.txt"))
    return {to_text(file.stem): file for file in files if is_visible(file.name)}


def are_beside_images(lists: Mapping[str, Path]) -> bool:
    """Say whether there are other files than texts in the folders of lists of addresses."""
    return any(
        is_visible(name) and not name.lower().endswith(".txt")
        for file in lists.values()
        if file.name.startswith("urls_")
        for _, _, names in os.walk(file.parent)
        for name in names
    )


def read(path: Path, *, rules: FetchRules) -> Source:
    """Read lists of addresses, one per line; blank lines and lines that start with # are ignored.

    Raises
    ------
    ImportRefused
        When there is no list.
    """
    files = find_lists(path)
    if not files:
        rule = "Lists of addresses must be LABEL/urls_LABEL.txt or LABEL.txt."
        raise ImportRefused(rule, path, "Rename them.")
    lines = [item for label, file in sorted(files.items()) for item in _lines(label, file)]
    addresses = list(dict.fromkeys((item.source, item.label) for item in lines if not item.refused))
    refused = [item for item in lines if item.refused]

    def items(skip: Skip) -> Generator[SourceItem, None, None]:
        yield from refused
        yield from (SourceItem(*address) for address in addresses if skip(*address))
        yield from download([address for address in addresses if not skip(*address)], rules=rules)

    return Source(tuple(sorted(files)), len(addresses) + len(refused), items)


def _lines(label: str, path: Path) -> Iterator[SourceItem]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if (address := line.strip()) and not address.startswith("#"):
                try:
                    yield SourceItem(_checked(address), label)
                except ImportRefused as error:
                    yield SourceItem(f"{path.name}, line {number}", label, refused=error)


def _checked(address: str) -> str:
    """Return an address in the form in which it is requested."""
    try:
        parts = urlsplit(address)
        is_web = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_web = False
    has_space = any(character.isspace() for character in address)
    if not is_web or len(address) > _MAX_ADDRESS_LENGTH or has_space:
        raise ImportRefused(
            "An address must be http:// or https:// and a host, in "
            f"{_MAX_ADDRESS_LENGTH:,} characters.",
            address[:200],
            _REMEDY,
        )
    if parts.username is not None or parts.password is not None:
        raise ImportRefused("An address must hold no password.", "one that does", _REMEDY)
    return quote(parts._replace(fragment="").geturl(), safe="%/:=&?~#+!$,;'@()*[]")
