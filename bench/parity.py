"""Does the browser give the same scores as the server? The same images through both.

    PYTHONPATH=. .venv/bin/python bench/parity.py --url http://127.0.0.1:8000 --data var

Against a site started with `make run`; --data is its DATA_DIR. Real Chromium classifies images of
the demo's audit set with every graph that the site serves, on the page that audits a folder, and
the server's own classifier takes the same files. Requirements: the original model within 0.001 on
every image; the quantized one within 0.03 and with the same decision, safe or NSFW, on 99% of the
images, and not blocked by the gate in any group. Five minutes for 240 images on two cores.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from playwright import sync_api

from modeltrain.audit.evaluate import Predicted
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.gate import judge
from modeltrain.images import codec
from modeltrain.labels import LABELS, NSFW
from modeltrain.model import artifact
from modeltrain.model.classifier import Classifier
from tests.chromium import ARGUMENTS, CHROMIUM

BARS = {
    "float32": (0.001, 1.0),
    "int8": (0.03, 0.99),
}  # distance, and the share of images that must be within it
SAME_DECISION = 0.99

Scores = Mapping[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--data", type=Path, default=Path("var"))
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with urllib.request.urlopen(f"{args.url}/in-browser.json") as response:
        site = json.load(response)
    demo = args.data / "demo"
    rows = sorted(manifest.read(demo / "audit.jsonl"), key=lambda row: row.sha256)[: args.images]
    serving = artifact.load(args.data / "artifacts" / site["model"]["sha256"][:12])
    server = server_scores(Classifier(serving), rows, demo)
    report = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "images"
        folder.mkdir()
        for row in rows:
            shutil.copy(demo / "images" / f"{row.sha256}.png", folder)
        for number, graph in enumerate(site["graphs"]):
            browser = browser_scores(args.url, folder, number)
            report[graph["kind"]] = compare(graph["kind"], rows, server, browser)
    print(json.dumps(report, indent=2))
    if args.out:
        args.out.write_text(json.dumps(report, indent=2))
    return int(
        set(report) != set(BARS) or not all(figures["reached"] for figures in report.values())
    )


def server_scores(classifier: Classifier, rows: list[Row], demo: Path) -> dict[str, Scores]:
    scores_by_hash = {}
    for row in rows:
        data = (demo / "images" / f"{row.sha256}.png").read_bytes()
        scores_by_hash[row.sha256] = classifier.classify(codec.decode(data)).scores
    return scores_by_hash


def browser_scores(url: str, folder: Path, graph: int) -> dict[str, Scores]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"{url}/audits/yours/")
        page.locator("#graph").select_option(str(graph))
        page.locator("#files").set_input_files(folder)
        page.get_by_role("button", name="Begin").click()
        page.get_by_text("Done:").wait_for(timeout=1_800_000)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download every answer").click()
        text = download.value.path().read_text()
        browser.close()
    lines = csv.DictReader(text.splitlines())
    return {
        Path(line["file"]).stem: {label: float(line[label]) for label in LABELS} for line in lines
    }


def compare(
    kind: str, rows: list[Row], server: dict[str, Scores], browser: dict[str, Scores]
) -> dict[str, object]:
    distance, share = BARS[kind]
    distances = [
        max(abs(browser[sha256][label] - scores[label]) for label in LABELS)
        for sha256, scores in server.items()
    ]
    within = sum(largest <= distance for largest in distances) / len(rows)
    top = [(best(browser[sha256]), best(scores)) for sha256, scores in server.items()]
    same_label = sum(a == b for a, b in top) / len(rows)
    same_decision = sum((a in NSFW) == (b in NSFW) for a, b in top) / len(rows)
    verdict = judge.judge(champion=predicted(rows, server), candidate=predicted(rows, browser))
    blocked = [
        f"{cell['axis']}={cell['value']}: {cell['measure']}, {cell['rule']}"
        for cell in verdict["cells"]
        if cell["verdict"] == "blocked"
    ]
    return {
        "images": len(rows),
        f"within_{distance}": round(within, 4),
        "largest_distance": round(max(distances), 5),
        "same_label": round(same_label, 4),
        "same_decision": round(same_decision, 4),
        "gate": verdict["verdict"],
        "groups_blocked": blocked,
        "reached": within >= share and same_decision >= SAME_DECISION and not blocked,
    }


def best(scores: Scores) -> str:
    return max(LABELS, key=lambda label: scores[label])


def predicted(rows: list[Row], scores: dict[str, Scores]) -> list[Predicted]:
    return [
        Predicted(row.sha256, row.cluster, row.label, row.groups, scores[row.sha256])
        for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
