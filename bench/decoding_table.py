"""What server and browser make of each file of `decoding_members`, as the table of a page.

    PYTHONPATH=. .venv/bin/python bench/decoding_table.py --write docs/decoding.md

Needs Chromium; 20 seconds.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.decoding_members import members
from bench.two_decoders import (
    Answer,
    BrowserDecoder,
    Refusal,
    browser_decoder,
    disagreement,
    distance,
    server_decode,
)

START = "| file | server | browser | differ by |\n|---|---|---|---|\n"


def table(browser: BrowserDecoder) -> str:
    return START + "".join(rows(browser))


def rows(browser: BrowserDecoder) -> Iterator[str]:
    files = members()
    answers = browser.decode(list(files.values()))
    for (name, data), in_browser in zip(files.items(), answers, strict=True):
        on_server = server_decode(data)
        cells = [name, cell(on_server), cell(in_browser), comparison(on_server, in_browser)]
        yield f"| {' | '.join(cells)} |\n"


def cell(answer: Answer) -> str:
    if not isinstance(answer, Refusal):
        height, width, _ = answer.shape
        return f"{width} × {height}"
    return "left to the server" if answer.is_read_by_site else f"refused: {answer.received}"


def comparison(on_server: Answer, in_browser: Answer) -> str:
    if isinstance(on_server, Refusal) or isinstance(in_browser, Refusal):
        return disagreement(on_server, in_browser)
    return disagreement(on_server, in_browser) or str(distance(on_server, in_browser))


def with_table(page: str, new: str) -> str:
    """The page with its table replaced: the lines from its head to the next empty line."""
    before, _, rest = page.partition(START)
    _, gap, after = rest.partition("\n\n")
    return before + new + ("\n" + after if gap else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    args = parser.parse_args()
    with browser_decoder() as browser:
        new = table(browser)
    if args.write:
        args.write.write_text(with_table(args.write.read_text(), new))
    else:
        print(new)


if __name__ == "__main__":
    main()
