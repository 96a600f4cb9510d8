"""Record all that a browser sends while it audits 300 images privately, and search it.

    PYTHONPATH=. .venv/bin/python bench/private_audit.py --url http://127.0.0.1:8000 --demo var/demo

Against a site started with `make run`; --demo is the folder `demo` of its DATA_DIR. Two minutes on
two cores. Chromium writes down every byte of every connection. Searched for: the names of files and
folders, SHA-256 of files and of pixels, and pieces of each file as it is, in hex and in base64.
Halfway the audit is paused, the page is reloaded, and it goes on. To show that the search can find
something, the last request is made to carry one name, one hash and one piece: those must be found.
"""

import argparse
import base64
import hashlib
import json
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright import sync_api

from modeltrain.data import manifest
from modeltrain.images import codec
from tests.chromium import ARGUMENTS, CHROMIUM

PIECE = 24  # bytes; of random ones nobody sends as many by chance


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--demo", type=Path, default=Path("var/demo"))
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder, log = Path(made) / f"private-{secrets.token_hex(4)}", Path(made) / "network.json"
        files = lay_out(folder, given.demo, given.images)
        session = audit(given.url, folder, log, len(files), given.screenshots)
        found = search(log, folder, files)
    report = {**session, **found}
    print(json.dumps(report, indent=2))
    if given.out:
        given.out.write_text(json.dumps(report, indent=2))
    return int(bool(found["found_before_the_control"]) or not found["control_found"])


def lay_out(folder: Path, demo: Path, number: int) -> list[Path]:
    """A folder of groups and labels, of audit images, with a text file between."""
    rows = sorted(manifest.read(demo / "audit.jsonl"), key=lambda row: row.sha256)[:number]
    files = []
    for row in rows:
        group = f"{row.groups.get('medium', 'other')} of mine"
        path = folder / group / row.label / f"secret-{secrets.token_hex(6)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(demo / "images" / f"{row.sha256}.png", path)
        files.append(path)
    (folder / "notes.txt").write_text("nothing to see")
    return files


def audit(url: str, folder: Path, log: Path, number: int, shots: Path | None) -> dict[str, object]:
    netlog = [f"--log-net-log={log}", "--net-log-capture-mode=Everything"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *netlog])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        sent: list[sync_api.Request] = []
        page.context.on("request", lambda request: sent.append(request))
        begun = time.monotonic()
        start(page, url, folder)
        while page.locator("progress").evaluate("bar => bar.value") < number // 2:
            page.wait_for_timeout(250)
        half = time.monotonic()
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("Paused at").wait_for()
        start(page, url, folder)
        page.get_by_text("Done:").wait_for(timeout=600_000)
        done = time.monotonic()
        told = page.get_by_text("Done:").inner_text()
        table = page.locator("[data-table]").inner_text()
        for width in (1280, 390) if shots else ():
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=shots / f"private-audit-{width}.png", full_page=True)
        requests = [f"{request.method} {request.url.removeprefix(url)}" for request in sent]
        control(page, folder)
        browser.close()
    return {
        "told": told,
        "seconds_to_half": round(half - begun, 1),
        "seconds_in_all": round(done - begun, 1),
        "requests": len(requests),
        "methods": sorted({request.split()[0] for request in requests}),
        "bodies": sum(
            bool(request.post_data_buffer) for request in sent if request.method != "GET"
        ),
        "addresses": sorted({request for request in requests}),
        "table": " ".join(table.split()),
    }


def start(page: sync_api.Page, url: str, folder: Path) -> None:
    page.goto(f"{url}/audits/yours/")
    page.locator("#files").set_input_files(folder)
    page.get_by_role("button", name="Begin").click()


def control(page: sync_api.Page, folder: Path) -> None:
    file = next(folder.rglob("*.png"))
    told = f"control={file.name}&{hashlib.sha256(file.read_bytes()).hexdigest()}"
    piece = base64.b64encode(pieces(file)[0]).decode()
    page.evaluate(
        "([told, piece]) => fetch('/health/live/?' + told, {headers: {'X-Piece': piece}})",
        [told, piece],
    )


def pieces(file: Path) -> list[bytes]:
    """Some bytes of a file, from places that are whole groups of three, as base64 has them."""
    data = file.read_bytes()
    step = max(PIECE, len(data) // 8) // 3 * 3
    return [data[at : at + PIECE] for at in range(60, len(data) - PIECE, step)]


def search(log: Path, folder: Path, files: list[Path]) -> dict[str, object]:
    """What of the folder is in what was sent, before and after the control began."""
    events = json.loads(log.read_text())
    kinds = {number: name for name, number in events["constants"]["logEventTypes"].items()}
    before, after = bytearray(), bytearray()
    told = before
    for event in events["events"]:
        params = event.get("params", {})
        kind = kinds[event["type"]]
        text = json.dumps(params)
        if "control=" in text:
            told = after
        if kind.endswith("BYTES_RECEIVED"):
            continue  # the site's own words: the model, pages, scripts
        told += base64.b64decode(params["bytes"]) if "bytes" in params else text.encode()
    needles = {
        folder.name.encode(),
        *(part.name.encode() for part in folder.iterdir() if part.is_dir()),
    }
    for file in files:
        data = file.read_bytes()
        needles |= {file.name.encode(), hashlib.sha256(data).hexdigest().encode()}
        needles.add(codec.pixel_sha256(codec.decode(data)).encode())
        for piece in pieces(file):
            needles |= {piece, piece.hex().encode(), base64.b64encode(piece)}
    hits = found_in(before, needles)
    return {
        "bytes_of_events_searched": len(before),
        "needles": len(needles),
        "found_before_the_control": [hit.decode(errors="replace") for hit in hits],
        "control_found": len(found_in(after, needles)) >= 3,
    }


def found_in(text: bytearray, needles: set[bytes]) -> list[bytes]:
    """Which needles are in the text; looked for by their first eight bytes at every place."""
    first = np.unique([np.frombuffer(needle[:8], np.uint64)[0] for needle in needles])
    found = set()
    for shift in range(8):
        words = np.frombuffer(text, np.uint64, (len(text) - shift) // 8, shift)
        for place in np.flatnonzero(np.isin(words, first)) * 8 + shift:
            found |= {needle for needle in needles if text.startswith(needle, place)}
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main())
