"""Train a head, audit both models, and judge: what the site runs for an approved retrain."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import Report
from modeltrain.verbs import Result, paths, stage
from modeltrain.verbs.audit_verb import audit
from modeltrain.verbs.gate_verb import judge


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        champion="folder of the model in service",
        manifest="of the dataset version",
        images="JSON from image hash to path, for both manifests",
        cache="folder of features",
        artifacts="folder of artifacts",
        audit_manifest="of the audit set",
        out="folder to write predictions, figures and verdict to",
    )
    parser.add_argument("--champion-predictions", type=Path, help="if they are there already")
    parser.add_argument("--config", default="head")


def run(args: Namespace, report: Report) -> Result:
    from modeltrain import artifact, configs, manifest
    from modeltrain.features import read_images
    from modeltrain.train import train_head

    made = train_head(
        configs.get(args.config),
        champion=artifact.load(args.champion),
        rows=manifest.read(args.manifest),
        images=read_images(args.images),
        cache=args.cache,
        parent=args.artifacts,
        progress=report,
    )
    args.out.mkdir(parents=True, exist_ok=True)
    of_champion = args.champion_predictions or args.out / "champion.jsonl"
    if not args.champion_predictions:
        step = stage(report, "auditing", "Auditing the champion")
        audit(args.champion, args.audit_manifest, args.images, of_champion, step)
    step = stage(report, "auditing", "Auditing the candidate")
    of_candidate = args.out / "candidate.jsonl"
    _, figures = audit(made.path, args.audit_manifest, args.images, of_candidate, step)
    report("gate", 0, 1, "Comparing with the champion")
    judged = judge(of_champion, of_candidate, args.out / "gate.json")
    report("gate", 1, 1, judged["sentence"])
    return {
        "artifact": str(made.path),
        "sha256": made.sha256,
        "champion_predictions": str(of_champion),
        "candidate_predictions": str(of_candidate),
        "audit": str(figures),
        "gate": str(args.out / "gate.json"),
    }
