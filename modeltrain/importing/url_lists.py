"""Images at addresses: a list for each class, as the NSFW data scraper lays them out."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from modeltrain.importing.download import download
from modeltrain.importing.fetch import Rules
from modeltrain.importing.items import ImportRefused, Skip, Source, SourceItem, text, visible

_LONGEST = 2_000
_WAY_OUT = "Mend the line."


def lists(path: Path) -> dict[str, Path]:
    """Return each class's list: `LABEL/urls_LABEL.txt`, or else `LABEL.txt`."""
    folders = [each for each in path.iterdir() if each.is_dir() and visible(each.name)]
    scraped = {text(each.name): each / f"urls_{each.name}.txt" for each in folders}
    there = {label: file for label, file in scraped.items() if file.is_file()}
    if there or folders:
        return there
    return {text(each.stem): each for each in sorted(path.glob("*.txt")) if visible(each.name)}


def read(path: Path, *, rules: Rules) -> Source:
    """Read lists of addresses, one a line; blank lines and those that start with # do not count.

    Raises
    ------
    ImportRefused
        When there is no list.
    """
    by_label = lists(path)
    if not by_label:
        rule = "Lists of addresses must be LABEL/urls_LABEL.txt or LABEL.txt."
        raise ImportRefused(rule, path, "Name them so.")
    lines = [found for label, file in sorted(by_label.items()) for found in _lines(label, file)]
    wanted = list(dict.fromkeys((each.source, each.label) for each in lines if not each.refused))
    refused = [each for each in lines if each.refused]

    def found(skip: Skip) -> Generator[SourceItem, None, None]:
        yield from refused
        yield from (SourceItem(*each) for each in wanted if skip(*each))
        yield from download([each for each in wanted if not skip(*each)], rules=rules)

    return Source(tuple(sorted(by_label)), len(wanted) + len(refused), found)


def _lines(label: str, path: Path) -> Iterator[SourceItem]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if (address := line.strip()) and not address.startswith("#"):
                try:
                    yield SourceItem(_checked(address), label)
                except ImportRefused as refused:
                    yield SourceItem(f"{path.name}, line {number}", label, refused=refused)


def _checked(address: str) -> str:
    """Return an address as it is sent."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        plain = False
    received = address[:200]
    if not plain or len(address) > _LONGEST or any(each.isspace() for each in address):
        rule = f"An address must be http:// or https:// and a host, in {_LONGEST:,} characters."
        raise ImportRefused(rule, received, _WAY_OUT)
    if parts.username is not None or parts.password is not None:
        raise ImportRefused("An address must hold no password.", "one that does", _WAY_OUT)
    return quote(parts._replace(fragment="").geturl(), safe="%/:=&?~#+!$,;'@()*[]")
