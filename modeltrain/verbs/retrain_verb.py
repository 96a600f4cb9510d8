"""Train a candidate, list doubtful labels, audit both models and judge the candidate."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options, stage_progress
from modeltrain.verbs.audit_verb import write_audit
from modeltrain.verbs.gate_verb import write_verdict

if TYPE_CHECKING:
    from modeltrain.data.manifest import Row
    from modeltrain.model.artifact import Artifact

CHECKPOINTS = "checkpoints"  # under --out: the last complete epoch of a training that may resume


def options(parser: ArgumentParser) -> None:
    add_path_options(
        parser,
        champion="folder of the model in service",
        manifest="of the dataset version",
        images="JSON from image hash to path, for both manifests",
        cache="folder of features",
        artifacts="folder of artifacts",
        audit_manifest="of the audit set",
        out="folder to write predictions, figures and verdict to",
    )
    parser.add_argument(
        "--champion-predictions", type=Path, help="existing predictions of the champion"
    )
    parser.add_argument(
        "--config", default="head", help="name of a config, or a .toml, .yaml or .json file"
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.training import configs
    from modeltrain.training.cost import StageTimer

    config = configs.get(args.config)  # a wrong one is refused before anything heavy is loaded
    progress = timer = StageTimer(progress)

    from modeltrain.data import manifest
    from modeltrain.data.dataset import Dataset
    from modeltrain.model import artifact
    from modeltrain.model.features import read_image_paths

    champion, rows = artifact.load(args.champion), manifest.read(args.manifest)
    images = read_image_paths(args.images)
    # What is wrong with these files is said before Keras is loaded, which takes seconds.
    from modeltrain.training.candidates import train_candidate

    progress("starting", 1, 1, "Loaded the libraries")
    trained = train_candidate(
        config,
        start=champion,
        data=Dataset(args.out, champion.labels, tuple(rows), images),
        cache=args.cache,
        parent=args.artifacts,
        checkpoints=args.out / CHECKPOINTS,
        progress=progress,
    )
    candidate = trained.artifact
    args.out.mkdir(parents=True, exist_ok=True)
    review = _review(champion, rows, images, args, progress)
    champion_predictions = args.champion_predictions or args.out / "champion.npz"
    if not args.champion_predictions:
        images_done = stage_progress(progress, "auditing", "Auditing the champion")
        write_audit(
            args.champion, args.audit_manifest, args.images, champion_predictions, images_done
        )
    images_done = stage_progress(progress, "auditing", "Auditing the candidate")
    candidate_predictions = args.out / "candidate.npz"
    _, figures = write_audit(
        candidate.path, args.audit_manifest, args.images, candidate_predictions, images_done
    )
    progress("gate", 0, 1, "Comparing with the champion")
    verdict = write_verdict(champion_predictions, candidate_predictions, args.out / "gate.json")
    progress("gate", 1, 1, verdict["sentence"])
    return {
        "artifact": str(candidate.path),
        **review,
        "sha256": candidate.sha256,
        "champion_predictions": str(champion_predictions),
        "candidate_predictions": str(candidate_predictions),
        "audit": str(figures),
        "gate": str(args.out / "gate.json"),
        "stages": timer.stages,
    }


def _review(
    champion: Artifact,
    rows: Sequence[Row],
    images: Mapping[str, Path],
    args: Namespace,
    progress: ProgressCallback,
) -> Result:
    """List the labels that the other images contradict; the features are cached by the training."""
    from modeltrain.curate import label_errors
    from modeltrain.model.classifier import Classifier
    from modeltrain.model.features import compute_features

    reviewed = [row for row in rows if row.split != "audit"]
    progress("reviewing", 0, 1, "Judging each label by the other images")
    image_features = compute_features(reviewed, images, Classifier(champion), args.cache)
    try:
        ranking = label_errors.rank_labels(reviewed, image_features)
    except label_errors.NothingToReview as error:
        progress("reviewing", 1, 1, str(error))
        return {"not_reviewed": str(error)}
    path = args.out / "doubts.jsonl"
    label_errors.write(path, ranking)
    progress("reviewing", 1, 1, f"{sum(ranked.is_issue for ranked in ranking.labels)} are doubtful")
    return {"doubts": str(path)}
