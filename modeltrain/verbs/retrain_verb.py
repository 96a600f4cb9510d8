"""Train a head, list doubtful labels, audit both models, and judge: what the site runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths, stage
from modeltrain.verbs.audit_verb import audit
from modeltrain.verbs.gate_verb import judge

if TYPE_CHECKING:
    from modeltrain.data.manifest import Row
    from modeltrain.model.artifact import Artifact


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


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.data import manifest
    from modeltrain.model import artifact
    from modeltrain.model.features import read_images
    from modeltrain.training import configs
    from modeltrain.training.head import train_head

    champion, rows = artifact.load(args.champion), manifest.read(args.manifest)
    images = read_images(args.images)
    made = train_head(
        configs.get(args.config),
        champion=champion,
        rows=rows,
        images=images,
        cache=args.cache,
        parent=args.artifacts,
        progress=report,
    )
    args.out.mkdir(parents=True, exist_ok=True)
    doubtful = _review(champion, rows, images, args, report)
    of_champion = args.champion_predictions or args.out / "champion.npz"
    if not args.champion_predictions:
        step = stage(report, "auditing", "Auditing the champion")
        audit(args.champion, args.audit_manifest, args.images, of_champion, step)
    step = stage(report, "auditing", "Auditing the candidate")
    of_candidate = args.out / "candidate.npz"
    _, figures = audit(made.path, args.audit_manifest, args.images, of_candidate, step)
    report("gate", 0, 1, "Comparing with the champion")
    judged = judge(of_champion, of_candidate, args.out / "gate.json")
    report("gate", 1, 1, judged["sentence"])
    return {
        "artifact": str(made.path),
        **doubtful,
        "sha256": made.sha256,
        "champion_predictions": str(of_champion),
        "candidate_predictions": str(of_candidate),
        "audit": str(figures),
        "gate": str(args.out / "gate.json"),
    }


def _review(
    champion: Artifact,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    args: Namespace,
    report: ProgressCallback,
) -> Result:
    """List the labels that the other images speak against; the training has kept the features."""
    from modeltrain.curate import label_errors
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import features

    learnt = [row for row in rows if row.split != "audit"]
    report("reviewing", 0, 1, "Judging each label by the other images")
    image_features = features(learnt, images, Classifier(champion), args.cache)
    try:
        ranking = label_errors.rank_labels(learnt, image_features)
    except label_errors.NothingToReview as reason:
        report("reviewing", 1, 1, str(reason))
        return {"not_reviewed": str(reason)}
    path = args.out / "doubts.jsonl"
    label_errors.write(path, ranking)
    report("reviewing", 1, 1, f"{sum(ranked.is_issue for ranked in ranking.labels)} are doubtful")
    return {"doubts": str(path)}
