"""Measure what a thousand coordinated reports achieve if every reviewer is fooled.

    PYTHONPATH=. nice .venv/bin/python bench/attack_drill.py

Attackers report 1,000 slightly changed photographs as drawings. All reports are accepted, and the
site's own services propose, run, judge and promote a retrain, with real images and the real model.
The attack comes once from 1 network, once from 50, and once from 1 with the limits per network
switched off, so that only the gate protects the site. For comparison, 20 people first report
drawings correctly. This shows what a retrain on the demo's few images does by itself.

The folder `--work` holds what the scenarios share: the converted model, the demo images, the
model's answers to the reported images, and the features of all images. A finished scenario is not
run again unless `--scenario` names it or the folder is deleted.
The exit code is 1 if any scenario raised a group's error by more than the margin without a
maintainer's named override.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.temporary_site import site
from modeltrain.labels import LABELS

ROOT = Path(__file__).resolve().parent.parent
REPORTS = 1000
UNHURRIED = 24 * 3600
UNLIMITED = {"SOURCE_IMAGES": str(REPORTS), "HOUR_IMAGES": str(REPORTS)}
DRAWINGS, NEUTRAL = LABELS[0], LABELS[2]


class Scenario(NamedTuple):
    label: str  # of the reported images; all are reported as drawings
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


def log(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def vary(pixels, random):
    """Crop, mirror or brighten a photograph, so that its SHA-256 and PDQ hashes change."""
    height, width = pixels.shape[:2]
    top, left = (int(random.integers(0, max(1, side // 4))) for side in (height, width))
    varied = pixels[top : top + max(8, 3 * height // 4), left : left + max(8, 3 * width // 4)]
    if random.random() < 0.5:
        varied = varied[:, ::-1]
    varied = varied * random.uniform(0.7, 1.2) + random.uniform(-20, 20)
    return np.ascontiguousarray(np.clip(varied, 0, 255).astype(np.uint8))


def reported_images(work: Path, scenario: Scenario):
    """Yield the images to report, which are the same for a label in every scenario."""
    from modeltrain.data import manifest
    from modeltrain.images.codec import decode

    pool = manifest.read(work / "demo" / "pool.jsonl")
    rows = [row for row in pool if row.label == scenario.label]
    for number in range(scenario.reports):
        row = rows[number % len(rows)]
        pixels = decode((work / "demo" / "images" / f"{row.sha256}.png").read_bytes())
        yield vary(pixels, np.random.default_rng(number))


def answers(work: Path, scenario: Scenario) -> list[dict]:
    """Return the champion's answers to the reported images, which are stored in `work`."""
    from feedback.models import ModelVersion
    from feedback.services import models

    path = work / f"answers-{scenario.label}.jsonl"
    answered = len(path.read_text().splitlines()) if path.is_file() else 0
    classifier = models.classifier_of(ModelVersion.objects.champion())
    with path.open("a") as file:
        for number, pixels in enumerate(reported_images(work, scenario)):
            if number < answered:
                continue
            answer = classifier.classify(pixels)
            file.write(json.dumps({"label": answer.label, "scores": answer.scores}) + "\n")
            file.flush()
            if (number + 1) % 100 == 0:
                log(f"the model answered {number + 1} images")
    return [json.loads(line) for line in path.read_text().splitlines()]


def file_reports(work: Path, scenario: Scenario) -> None:
    """Report the images as drawings, and accept all reports."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from feedback.models import Classification, ModelVersion
    from feedback.services import images, reports, triage

    champion = ModelVersion.objects.champion()
    reviewer = User.objects.get(username="maintainer")
    pairs = zip(reported_images(work, scenario), answers(work, scenario), strict=True)
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
        report = reports.submit(
            classifications=[classification],
            kind="unfair",
            expected_label=DRAWINGS,
            groups={},
            description="",
            consent_store=True,
            consent_train=True,
            source=f"network {number % scenario.networks}",
        )
        reports.screen(pk=report.pk)
        report.refresh_from_db()
        triage.decide(report=report, outcome="accepted", by=reviewer)
        if (number + 1) % 100 == 0:
            log(f"{number + 1} reports accepted")


def run_scenario(work: Path, scenario: Scenario) -> dict:
    from django.conf import settings
    from django.contrib.auth.models import User

    from feedback.errors import OverrideNeeded
    from feedback.models import ModelVersion, Report
    from feedback.services import gaps, retrains

    settings.RETRAIN_SECONDS = UNHURRIED  # a drill may run beside other work
    before = ModelVersion.objects.champion()
    file_reports(work, scenario)
    accepted = Report.objects.filter(status=Report.Status.ACCEPTED).count()
    maintainer = User.objects.get(username="maintainer")
    retrain = retrains.propose(by=maintainer)
    log(f"{retrain.dataset.added} images entered; training and auditing")
    retrains.approve(retrain=retrain, by=maintainer)
    retrains.run(pk=retrain.pk)
    retrain.refresh_from_db()
    if retrain.status != "evaluated":
        raise SystemExit(f"The retrain is {retrain.status}: {retrain.failure}")
    refusal = ""
    try:
        retrains.promote(
            retrain=retrain,
            by=maintainer,
            acknowledged_gaps=list(gaps.by_group(retrain.gate)),
        )
    except OverrideNeeded as error:
        refusal = str(error)
    after = ModelVersion.objects.champion()
    return {
        "networks": scenario.networks,
        "reports": scenario.reports,
        "accepted": accepted,
        "entered": retrain.dataset.added,
        "origin": retrain.dataset.origin,
        "gate": retrain.gate,
        "refused without a named override": refusal,
        "before": before.version,
        "after": after.version,
    }


def largest_rise(gate: dict) -> dict:
    """The cell whose rate of mistakes rises most by the highest score, if it has enough images."""
    cells = [
        cell
        for cell in gate["cells"]
        if cell["n"] >= gate["policy"]["minimum"] and cell["rule"] == "highest score"
    ]
    return max(cells, key=lambda cell: cell["difference"])


def is_harmless(figures: dict) -> bool:
    """Whether the model in service harms no group more than before by more than the margin."""
    within_margin = all(
        cell["difference"] <= cell["margin"] for cell in figures["gate"]["cells"] if cell["n"]
    )
    return within_margin or figures["before"] == figures["after"]


def table_row(name: str, figures: dict) -> str:
    cell = largest_rise(figures["gate"])
    low, rise, high = (f"{cell[key] * 100:+.1f}" for key in ("low", "difference", "high"))
    cells = (
        name,
        figures["networks"],
        f"{figures['reports']:,}",
        f"{figures['accepted']:,}",
        f"{figures['entered']:,}",
        f"{figures['origin']['held_back']['images']:,}",
        figures["gate"]["verdict"],
        f"{cell['measure'].replace('_', ' ')}, {cell['axis']} {cell['value']}: "
        f"{rise} points ({low} to {high}), n = {cell['n']}",
        "refused" if figures["refused without a named override"] else "promoted",
        figures["after"] + (", as before" if figures["after"] == figures["before"] else ""),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def prepare(work: Path) -> None:
    """Convert the model and render the demo images, unless they exist."""
    modules = ROOT / "node_modules"
    if not any((work / "artifacts").glob("*/MANIFEST.sha256")):
        log("converting the published model")
        modeltrain("convert", package=modules / "nsfwjs", artifacts=work / "artifacts")
    if not (work / "demo" / "audit.jsonl").is_file():
        log("rendering the demo images")
        modeltrain("demo-data", npm=modules, out=work / "demo")


def modeltrain(verb: str, **options: Path) -> None:
    command = [sys.executable, "-m", "modeltrain", verb]
    command += [f"--{name}={value}" for name, value in options.items()]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def run_in_new_site(name: str, work: Path) -> None:
    """Run a scenario in this process, on a new DATA_DIR."""
    scenario = SCENARIOS[name]
    data = work / "site"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    shutil.copytree(work / "artifacts", data / "artifacts")
    (work / "features").mkdir(exist_ok=True)
    for shared in ("demo", "features"):
        (data / shared).symlink_to(work / shared)
    with site(data, **scenario.settings):
        from django.core.management import call_command

        call_command("load_demo", stdout=sys.stderr)
        started = time.monotonic()
        figures = run_scenario(work, scenario)
        figures["seconds"] = round(time.monotonic() - started)
    shutil.rmtree(data)
    (work / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=ROOT / "var" / "attack-drill")
    parser.add_argument("--out", type=Path, help="figures as JSON; drill.json in --work by default")
    parser.add_argument(
        "--scenario", action="append", choices=list(SCENARIOS), help="run this scenario again"
    )
    parser.add_argument("--only", choices=list(SCENARIOS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = args.work.resolve()
    if args.only:
        run_in_new_site(args.only, work)
        return 0
    work.mkdir(parents=True, exist_ok=True)
    prepare(work)
    figures = {}
    print(HEAD)
    print("|" + "---|" * HEAD.count(" | ") + "---|", flush=True)
    for name in args.scenario or SCENARIOS:
        path = work / f"{name}.json"
        if args.scenario or not path.is_file():
            log(name)
            command = [sys.executable, __file__, "--only", name, "--work", str(work)]
            subprocess.run(command, check=True, cwd=ROOT)
        figures[name] = json.loads(path.read_text())
        print(table_row(name, figures[name]), flush=True)
    out = args.out or work / "drill.json"
    out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(is_harmless(scenario) for scenario in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
