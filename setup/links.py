"""Every relative link in the Markdown files leads to a file, and its anchor to a heading.

Usage: python setup/links.py. Nothing is fetched, so links to other sites are not checked.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
PUNCTUATION = re.compile(r"[^\w\- ]")


def main() -> int:
    problems = [problem for page in pages() for problem in broken_links(page)]
    print("\n".join(problems))
    return min(len(problems), 1)


def pages() -> list[Path]:
    """Every Markdown file that is tracked or about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / line for line in listing.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


def broken_links(page: Path) -> Iterator[str]:
    place = page.relative_to(ROOT)
    for link in links(page):
        address = urlsplit(link)
        if address.scheme or address.netloc:
            continue
        target = (page.parent / unquote(address.path)).resolve() if address.path else page
        if not target.is_relative_to(ROOT) or not target.exists():
            yield f"{place}: {link} leads to no file. Correct the path or remove the link."
        elif address.fragment and address.fragment not in anchors(target):
            yield f"{place}: {link} leads to no heading. The page has: {anchor_list(target)}."


def links(page: Path) -> Iterator[str]:
    for token in inline_tokens(page):
        for child in token.children or []:
            address = child.attrGet("href") or child.attrGet("src")
            if isinstance(address, str):
                yield address


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub names them."""
    seen: Counter[str] = Counter()
    names = set()
    for heading in headings(page):
        name = PUNCTUATION.sub("", heading.lower()).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return frozenset(names)


def anchor_list(page: Path) -> str:
    return ", ".join(f"#{name}" for name in sorted(anchors(page))) or "no headings"


def headings(page: Path) -> Iterator[str]:
    if page.suffix != ".md":
        return
    tokens = parse(page)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            yield "".join(child.content for child in inline.children or [])


def inline_tokens(page: Path) -> list[Token]:
    return [token for token in parse(page) if token.type == "inline"]


@cache
def parse(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


if __name__ == "__main__":
    sys.exit(main())
