"""Record everything a browser sends while it audits 300 images privately, and search it.

    PYTHONPATH=. .venv/bin/python bench/private_audit.py --url http://127.0.0.1:8000 --demo var/demo

Needs a site started with `make run`; --demo is the folder `demo` of its DATA_DIR. Takes two minutes
on two cores. Chromium logs every byte of every connection. The log is searched for the names of
files and folders, the SHA-256 of files and of pixels, and pieces of each file, raw, in hex and in
base64. Halfway, the audit is paused, the page is reloaded, and the audit continues. As a positive
control, the last request carries a name, a hash and a piece, which the search must find.
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

PIECE = 24  # bytes; long enough that no request contains them by chance


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--demo", type=Path, default=Path("var/demo"))
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / f"private-{secrets.token_hex(4)}"
        log = Path(temporary) / "network.json"
        files = create_folder(folder, args.demo, args.images)
        session = audit(args.url, folder, log, len(files), args.screenshots)
        matches = search(log, folder, files)
    report = {**session, **matches}
    print(json.dumps(report, indent=2))
    if args.out:
        args.out.write_text(json.dumps(report, indent=2))
    return int(bool(matches["found_before_the_control"]) or not matches["control_found"])


def create_folder(folder: Path, demo: Path, number: int) -> list[Path]:
    """Copy audit images into folders by group and label, and add a text file."""
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


def audit(
    url: str, folder: Path, log: Path, number: int, screenshots: Path | None
) -> dict[str, object]:
    netlog = [f"--log-net-log={log}", "--net-log-capture-mode=Everything"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *netlog])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        sent_requests: list[sync_api.Request] = []
        page.context.on("request", lambda request: sent_requests.append(request))
        started_at = time.monotonic()
        start(page, url, folder)
        while page.locator("progress").evaluate("bar => bar.value") < number // 2:
            page.wait_for_timeout(250)
        half_at = time.monotonic()
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("Paused at").wait_for()
        start(page, url, folder)
        page.get_by_text("Done:").wait_for(timeout=600_000)
        done_at = time.monotonic()
        summary = page.get_by_text("Done:").inner_text()
        table = page.locator("[data-table]").inner_text()
        for width in (1280, 390) if screenshots else ():
            page.set_viewport_size({"width": width, "height": 900})
            path = screenshots / f"private-audit-{width}.png"
            page.screenshot(path=path, full_page=True)
        requests = [
            f"{request.method} {request.url.removeprefix(url)}" for request in sent_requests
        ]
        send_control(page, folder)
        browser.close()
    return {
        "told": summary,
        "seconds_to_half": round(half_at - started_at, 1),
        "seconds_in_all": round(done_at - started_at, 1),
        "requests": len(requests),
        "methods": sorted({request.split()[0] for request in requests}),
        "bodies": sum(
            bool(request.post_data_buffer) for request in sent_requests if request.method != "GET"
        ),
        "addresses": sorted({request for request in requests}),
        "table": " ".join(table.split()),
    }


def start(page: sync_api.Page, url: str, folder: Path) -> None:
    page.goto(f"{url}/audits/yours/")
    page.locator("#files").set_input_files(folder)
    page.get_by_role("button", name="Begin").click()


def send_control(page: sync_api.Page, folder: Path) -> None:
    file = next(folder.rglob("*.png"))
    query = f"control={file.name}&{hashlib.sha256(file.read_bytes()).hexdigest()}"
    piece = base64.b64encode(pieces(file)[0]).decode()
    page.evaluate(
        "([query, piece]) => fetch('/health/live/?' + query, {headers: {'X-Piece': piece}})",
        [query, piece],
    )


def pieces(file: Path) -> list[bytes]:
    """Pieces of a file at offsets divisible by three, so that base64 encodes them alike."""
    data = file.read_bytes()
    step = max(PIECE, len(data) // 8) // 3 * 3
    return [data[at : at + PIECE] for at in range(60, len(data) - PIECE, step)]


def search(log: Path, folder: Path, files: list[Path]) -> dict[str, object]:
    """Search the sent bytes for the folder's contents, before and after the control."""
    events = json.loads(log.read_text())
    kinds = {number: name for name, number in events["constants"]["logEventTypes"].items()}
    before, after = bytearray(), bytearray()
    sent = before
    for event in events["events"]:
        params = event.get("params", {})
        kind = kinds[event["type"]]
        text = json.dumps(params)
        if "control=" in text:
            sent = after
        if kind.endswith("BYTES_RECEIVED"):
            continue  # what the site sent: the model, pages, scripts
        sent += base64.b64decode(params["bytes"]) if "bytes" in params else text.encode()
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
    matches = find(before, needles)
    return {
        "bytes_of_events_searched": len(before),
        "needles": len(needles),
        "found_before_the_control": [match.decode(errors="replace") for match in matches],
        "control_found": len(find(after, needles)) >= 3,
    }


def find(text: bytearray, needles: set[bytes]) -> list[bytes]:
    """Return the needles in the text. Candidates are found by their first eight bytes."""
    first = np.unique([np.frombuffer(needle[:8], np.uint64)[0] for needle in needles])
    matches = set()
    for shift in range(8):
        words = np.frombuffer(text, np.uint64, (len(text) - shift) // 8, shift)
        for place in np.flatnonzero(np.isin(words, first)) * 8 + shift:
            matches |= {needle for needle in needles if text.startswith(needle, place)}
    return sorted(matches)


if __name__ == "__main__":
    sys.exit(main())
