"""Compare every page of two running sites, such as the same data under old and new code.

    cp -r var var-copy                             # while the site is stopped
    make run PORT=8001                             # the old code, in one terminal
    make run PORT=8002 DATA_DIR=var-copy           # the new code, in another
    .venv/bin/python bench/compare_pages.py --before http://127.0.0.1:8001 \\
        --after http://127.0.0.1:8002 --data var

Signs in as the maintainer of DATA_DIR, crawls as a stranger and as the maintainer from the first
page and from receipts, and prints a diff for each page that differs. What changes with every
request is left out: CSRF tokens, nonces, hashes in the names of static files, relative times.
Exits 1 if any page differs. `--allow-percent-spelling` takes "76.6 %" for "76.6%", and
`--allow-colours` any colour of a chart for any other. About a minute for a thousand pages on two
cores.
"""

import argparse
import difflib
import hashlib
import http.cookiejar
import json
import re
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

SKIPPED = ("/static/", "/admin/")  # compared by name alone; Django's own pages
LINKS = {"href", "src", "hx-get"}
TEXT = re.compile(r"text/|json|xml|javascript|markdown")
BINARY_BYTES = 2**20  # of a larger file the beginning is compared
MAX_DIFF_LINES, MAX_DIFF_COLUMNS = 40, 500
MOMENT = r"(?:an?|\d+)[\s\xa0](?:second|minute|hour|day|week|month|year)s?"
Replacements = tuple[tuple[re.Pattern[str], str], ...]
VOLATILE: Replacements = (
    (re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*'), r"\1…"),
    (re.compile(r'(name="key" value=")[^"]*'), r"\1…"),  # of a report that is not filed yet
    (re.compile(r'(nonce=")[^"]*'), r"\1…"),
    (re.compile(r"(/static/[\w./\\-]+?)\.[0-9a-f]{12}(\.\w+)"), r"\1\2"),
    (re.compile(rf"\b(?:now|{MOMENT}(?:, {MOMENT})? ago)\b"), "some time ago"),
    # The page that names static files keeps their sizes, too.
    (re.compile(r'("runtime": .*"bytes": )\d+'), r"\1…"),
)
COLOURS = ((re.compile(r"#[0-9a-f]{6}\b"), "#…"),)
PERCENT_SPELLINGS = (
    (re.compile(r"(\d)[ \xa0]%"), r"\1%"),
    (re.compile(r"(\d%) \(([\d.]+) to ([\d.]+);"), r"\1 (\2% to \3%;"),  # in cards
)


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def is_text(self) -> bool:
        return bool(TEXT.search(self.content_type))


class Site:
    """A running site, as one visitor sees it."""

    def __init__(self, origin: str) -> None:
        self.origin = origin.rstrip("/")
        self.cookies = http.cookiejar.CookieJar()
        processor = urllib.request.HTTPCookieProcessor(self.cookies)
        self.opener = urllib.request.build_opener(processor)

    def sign_in(self, username: str, password: str) -> None:
        path = "/sign-in/"
        form = self.get(path).body.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)', form)
        fields = {
            "csrfmiddlewaretoken": token[1] if token else "",
            "login": username,
            "password": password,
        }
        answer = self.get(path, urllib.parse.urlencode(fields).encode())
        if f"Sign out {username}" not in answer.body.decode():
            raise SystemExit(f"{username} must be able to sign in at {self.origin}{path}.")

    def get(self, path: str, data: bytes | None = None) -> Answer:
        request = urllib.request.Request(self.origin + path, data)
        try:
            response = self.opener.open(request, timeout=120)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            kind = response.headers.get("Content-Type", "")
            body = response.read(None if TEXT.search(kind) else BINARY_BYTES)
            return Answer(response.status, kind, body)


class LinkParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in LINKS:
                self.links.append(value)
            elif value and name == "srcset":
                self.links += [candidate.split()[0] for candidate in value.split(",")]


def links_of(answer: Answer, *, path: str, origin: str) -> list[str]:
    """Paths with queries on the same origin that a page leads to."""
    if "html" not in answer.content_type:
        return []
    parser = LinkParser()
    parser.feed(answer.body.decode())
    paths = []
    for link in parser.links:
        url = urllib.parse.urldefrag(urllib.parse.urljoin(origin + path, link)).url
        if url.startswith(f"{origin}/"):
            paths.append(url.removeprefix(origin))
    return paths


def normalised(answer: Answer, *, origin: str, allowed: Replacements) -> list[str]:
    """The lines of an answer that should be the same on both sites."""
    head = [f"{answer.status} {answer.content_type}"]
    if allowed and answer.content_type == "image/png":
        return head  # what it shows cannot be read; the same chart as SVG can
    if not answer.is_text:
        return [*head, hashlib.sha256(answer.body).hexdigest()]
    text = answer.body.decode().replace(origin, "http://site")
    text = text.replace(urllib.parse.urlsplit(origin).netloc, "site")
    for pattern, replacement in (*VOLATILE, *allowed):
        text = pattern.sub(replacement, text)
    return head + text.splitlines()


def compare(
    before: Site, after: Site, *, start: list[str], allowed: Replacements
) -> Iterator[tuple[str, str]]:
    """Crawl both sites at once. Yield each path with its diff, which is empty where equal."""
    queue, seen = deque(start), set(start)
    with ThreadPoolExecutor(2) as pool:
        while queue:
            path = queue.popleft()
            answers = list(pool.map(lambda site: site.get(path), (before, after)))  # noqa: B023
            lines = [
                normalised(answer, origin=site.origin, allowed=allowed)
                for site, answer in zip((before, after), answers, strict=True)
            ]
            diff = [
                line[:MAX_DIFF_COLUMNS] for line in difflib.unified_diff(*lines, lineterm="", n=0)
            ][2:]
            if len(diff) > MAX_DIFF_LINES:
                diff = [*diff[:MAX_DIFF_LINES], f"… {len(diff) - MAX_DIFF_LINES} more lines"]
            yield path, "\n".join(diff)
            for site, answer in zip((before, after), answers, strict=True):
                for link in links_of(answer, path=path, origin=site.origin):
                    if link not in seen and not link.startswith(SKIPPED):
                        seen.add(link)
                        queue.append(link)


def receipts(data: Path, limit: int) -> list[str]:
    with sqlite3.connect(f"file:{data / 'db.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT receipt FROM feedback_report ORDER BY id LIMIT ?", [limit])
        return [f"/r/{receipt}/" for (receipt,) in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, help="address of a running site")
    parser.add_argument("--after", required=True, help="address of the other")
    parser.add_argument("--data", type=Path, required=True, help="DATA_DIR of either")
    parser.add_argument("--receipts", type=int, default=10, help="how many receipts to open")
    parser.add_argument("--allow-percent-spelling", action="store_true")
    parser.add_argument("--allow-colours", action="store_true", help="of charts")
    args = parser.parse_args()
    account = json.loads((args.data / "maintainer.json").read_text())
    start = ["/", "/in-browser.json", "/service-worker.js", *receipts(args.data, args.receipts)]
    allowed = PERCENT_SPELLINGS * args.allow_percent_spelling + COLOURS * args.allow_colours
    different: Counter[str] = Counter()
    for role in ("stranger", "maintainer"):
        sites = Site(args.before), Site(args.after)
        if role == "maintainer":
            for site in sites:
                site.sign_in(account["username"], account["password"])
        total = 0
        for path, diff in compare(*sites, start=start, allowed=allowed):
            total += 1
            if diff:
                different[role] += 1
                print(f"\n=== {role} {path}\n{diff}", flush=True)
        print(f"\n{role}: {different[role]} of {total} pages differ", flush=True)
    sys.exit(1 if different.total() else 0)


if __name__ == "__main__":
    main()
