"""Play the whole loop against a running site, using only curl and the API.

    SOURCE_IMAGES=200 make run                # in one terminal, until it prints ready
    .venv/bin/python bench/loop.py            # in another; takes about ten minutes on two cores

Reports flat vector drawings that the model calls something else, accepts them, retrains, promotes,
and prints how every class and group changed. Writes the figures to DATA_DIR/loop.json.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any


class Site:
    """A client of the API that calls curl."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.token = token

    def call(self, path: str, *arguments: str, token: bool = False) -> Any:
        url = path if path.startswith("http") else f"{self.base}/api/v1/{path}"
        secret = ["-H", f"Authorization: Token {self.token}"] if token else []
        command = ["curl", "-sS", "--max-time", "60", "-w", "\n%{http_code}", *secret, *arguments]
        response = subprocess.run([*command, url], check=True, capture_output=True, text=True)
        body, _, status = response.stdout.rpartition("\n")
        if int(status) >= 400:
            raise SystemExit(f"{path} answered {status}: {body}")
        return json.loads(body)

    def send(self, path: str, **body: Any) -> Any:
        """POST JSON as the maintainer."""
        kind = ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return self.call(path, *kind, token=True)

    def get(self, path: str) -> Any:
        return self.call(path, token=True)


def find_mistakes(site: Site, data: Path, count: int) -> list[dict[str, Any]]:
    """Find drawings in the pool that the champion calls neutral."""
    rows = [json.loads(line) for line in (data / "demo" / "pool.jsonl").read_text().splitlines()]
    drawings = [row for row in rows if row["groups"].get("medium") == "vector"]
    mistakes = []
    for row in drawings:
        path = data / "demo" / "images" / f"{row['sha256']}.png"
        sent = ("-H", "Prefer: wait=30", "-F", f"image=@{path}")
        answer = site.call("classifications/", *sent, token=True)  # a burst without challenges
        if answer["label"] == "neutral":
            mistakes.append({**row, "path": path})
        if len(mistakes) == count:
            return mistakes
    raise SystemExit(f"Only {len(mistakes)} of {len(drawings)} drawings are called neutral.")


def report(site: Site, row: dict[str, Any]) -> str:
    fields = {
        "expected_label": "drawings",
        "kind": "misclassified",
        "groups": json.dumps(row["groups"]),
        "description": "This is a drawing.",
        "consent_store": "true",
        "consent_train": "true",
    }
    form = [part for name, value in fields.items() for part in ("-F", f"{name}={value}")]
    key = ["-H", f"Idempotency-Key: loop-{row['sha256']}"]
    return str(site.call("reports/", *key, *form, "-F", f"images=@{row['path']}")["receipt"])


def accept_all(site: Site, expected: int) -> int:
    accepted = 0
    deadline = time.monotonic() + 120
    while accepted < expected and time.monotonic() < deadline:
        page = site.get("triage/?page_size=200")
        for case in page["results"]:
            site.send(f"triage/{case['id']}/decision/", outcome="accepted")
            accepted += 1
        if not page["results"]:
            time.sleep(0.5)
    return accepted


def retrain(site: Site) -> dict[str, Any]:
    proposed = site.send("retrains/")
    path = f"retrains/{proposed['id']}/"
    site.send(f"{path}approve/")
    started = time.monotonic()
    while True:
        result = site.get(path)
        if result["status"] not in {"approved", "running"}:
            result["seconds"] = round(time.monotonic() - started, 1)
            return result
        progress = result["progress"]
        print(
            f"  {progress.get('stage', result['status'])} "
            f"{progress.get('done', '')}/{progress.get('total', '')}",
            flush=True,
        )
        time.sleep(3)


def wait_for_audit(site: Site, version: str) -> dict[str, Any]:
    while True:
        audit = site.get(f"models/{version}/audit/")
        if audit["status"] in {"done", "failed"}:
            return audit
        time.sleep(2)


def wait_for_answers(site: Site, receipts: list[str]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        stories = [site.call(f"reports/{receipt}/") for receipt in receipts]
        if all(story["status"] == "answered" for story in stories):
            return stories
        time.sleep(2)
    raise SystemExit("Not every receipt was answered within five minutes.")


def recall(figures: dict[str, Any], label: str) -> float:
    return 1 - figures["classes"][label]["error"]["rate"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    port = os.environ.get("PORT", "8000")
    parser.add_argument("--site", default=f"http://127.0.0.1:{port}")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA_DIR", "var")))
    parser.add_argument("--reports", type=int, default=120)
    options = parser.parse_args()
    token = json.loads((options.data / "maintainer.json").read_text())["token"]
    site = Site(options.site, token)
    models = site.get("models/")["results"]
    champion = next(model for model in models if model["status"] == "champion")

    print("audit of the model in service …", flush=True)
    before = wait_for_audit(site, champion["version"])["figures"]
    print("looking for mistakes …", flush=True)
    rows = find_mistakes(site, options.data, options.reports)
    print(f"reporting {len(rows)} of them …", flush=True)
    receipts = [report(site, row) for row in rows]
    print(f"accepted {accept_all(site, len(receipts))}", flush=True)
    result = retrain(site)
    if result["status"] != "evaluated":
        raise SystemExit(f"The retrain ended as {result['status']}: {result['failure']}")
    gate = result["gate"]
    print(f"retrained and audited in {result['seconds']} s\ngate: {gate['sentence']}")
    for cell in gate["cells"]:
        print(f"  {cell['axis']}={cell['value']}: {cell['sentence']}")
    for gap in gate["gaps"]:
        print(f"  {gap['sentence']}")
    site.send(
        f"retrains/{result['id']}/promote/",
        override_reason="The loop's demonstration.",
        acknowledged_gaps=[f"{gap['axis']}={gap['value']}" for gap in result["gate"]["gaps"]],
    )
    after = wait_for_audit(site, result["candidate"])["figures"]
    stories = wait_for_answers(site, receipts)
    changed = sum(
        example["now"]["label"] == "drawings" != example["then"]["label"]
        for story in stories
        for example in story["examples"]
    )
    summary = {
        "reports": len(receipts),
        "retrain_seconds": result["seconds"],
        "recall_of_never_reported_drawings": [
            recall(before, "drawings"),
            recall(after, "drawings"),
        ],
        "recall_of_neutral_photographs": [recall(before, "neutral"), recall(after, "neutral")],
        "receipts_that_now_say_drawings": changed,
        "verdict": gate["verdict"],
    }
    (options.data / "loop.json").write_text(json.dumps({**summary, "gate": gate}, indent=2))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
