"""`python -m modeltrain`: each verb is a function; what a verb does not need is not imported."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modeltrain import progress
from modeltrain.progress import Report

Arguments = argparse.Namespace
Result = dict[str, Any]


def convert(args: Arguments, report: Report) -> Result:
    """Turn the published npm package into an artifact."""
    from modeltrain import baseline

    made = baseline.convert(args.package, parent=args.artifacts, report=report)
    return {"artifact": str(made.path), "sha256": made.sha256}


def demo_data(args: Arguments, report: Report) -> Result:
    """Make the harmless pictures that the demo starts with."""
    from modeltrain import demo_data as module

    module.build(
        openmoji=args.openmoji,
        stamps=args.stamps or module.fetch_stamps(args.out.resolve().parent / "stamps"),
        out=args.out,
        progress=_stage(report, "rendering", "Rendering pictures"),
    )
    return {"out": str(args.out)}


def train(args: Arguments, report: Report) -> Result:
    """Train a head on a dataset."""
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
    return {"artifact": str(made.path), "sha256": made.sha256}


def audit(args: Arguments, report: Report) -> Result:
    """Predict every audit image and count the errors."""
    step = _stage(report, "auditing", "Auditing")
    predictions, figures = _audit(args.artifact, args.manifest, args.images, args.out, step)
    return {"predictions": str(predictions), "audit": str(figures)}


def gate(args: Arguments, report: Report) -> Result:
    """Judge a candidate by its predictions and the champion's."""
    report("gate", 0, 1, "Comparing with the champion")
    judged = _gate(args.champion, args.candidate, args.out)
    report("gate", 1, 1, judged["sentence"])
    return {"gate": str(args.out), "verdict": judged["verdict"]}


def retrain(args: Arguments, report: Report) -> Result:
    """Train, audit both models, and judge: what the site runs for an approved retrain."""
    made = train(args, report)
    args.out.mkdir(parents=True, exist_ok=True)
    of_champion = args.champion_predictions or args.out / "champion.jsonl"
    if not args.champion_predictions:
        step = _stage(report, "auditing", "Auditing the champion")
        _audit(args.champion, args.audit_manifest, args.images, of_champion, step)
    step = _stage(report, "auditing", "Auditing the candidate")
    of_candidate = args.out / "candidate.jsonl"
    _, figures = _audit(
        Path(made["artifact"]), args.audit_manifest, args.images, of_candidate, step
    )
    report("gate", 0, 1, "Comparing with the champion")
    judged = _gate(of_champion, of_candidate, args.out / "gate.json")
    report("gate", 1, 1, judged["sentence"])
    return made | {
        "champion_predictions": str(of_champion),
        "candidate_predictions": str(of_candidate),
        "audit": str(figures),
        "gate": str(args.out / "gate.json"),
    }


def classify(args: Arguments, report: Report) -> Result:
    """Say what a model makes of image files."""
    from modeltrain import artifact
    from modeltrain.classifier import Classifier
    from modeltrain.images import decode_in_child

    classifier = Classifier(artifact.load(args.artifact))
    said = {}
    for number, path in enumerate(args.image, start=1):
        prediction = classifier.classify(decode_in_child(path.read_bytes()))
        said[str(path)] = {"label": prediction.label, "scores": prediction.scores}
        report("classifying", number, len(args.image), f"{path}: {prediction.label}")
    return {"images": said}


def _audit(
    folder: Path, rows: Path, images: Path, out: Path, step: Callable[[int, int], None]
) -> tuple[Path, Path]:
    from modeltrain import artifact, evaluate, manifest
    from modeltrain.classifier import Classifier
    from modeltrain.features import read_images

    classifier = Classifier(artifact.load(folder))
    predicted = evaluate.predict(classifier, manifest.read(rows), read_images(images), step)
    out.parent.mkdir(parents=True, exist_ok=True)
    evaluate.write_predictions(out, predicted)
    figures = out.with_suffix(".json")
    figures.write_text(json.dumps(evaluate.audit(predicted), indent=2, ensure_ascii=False) + "\n")
    return out, figures


def _gate(champion: Path, candidate: Path, out: Path) -> dict[str, Any]:
    from modeltrain import gate as module
    from modeltrain.evaluate import read_predictions

    judged = module.judge(
        champion=read_predictions(champion),
        candidate=read_predictions(candidate),
        policy=module.Policy.load(),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(judged, indent=2, ensure_ascii=False) + "\n")
    return judged


def _stage(report: Report, stage: str, message: str) -> Callable[[int, int], None]:
    return lambda done, total: report(stage, done, total, message)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    root = argparse.ArgumentParser(prog="python -m modeltrain", description=__doc__)
    verbs = root.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Callable[[Arguments, Report], Result], *paths: str) -> Any:
        added = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.add_argument("--json-progress", action="store_true", help="JSON lines on stdout")
        added.set_defaults(run=run)
        for path in paths:
            optional = path.endswith("?")
            added.add_argument(f"--{path.rstrip('?')}", type=Path, required=not optional)
        return added

    training = ("champion", "manifest", "images", "cache", "artifacts")
    verb("convert", convert, "package", "artifacts")
    verb("demo-data", demo_data, "openmoji", "stamps?", "out")
    verb("train", train, *training).add_argument("--config", default="head")
    verb("audit", audit, "artifact", "manifest", "images", "out")
    verb("gate", gate, "champion", "candidate", "out")
    both = verb("retrain", retrain, *training, "audit-manifest", "champion-predictions?", "out")
    both.add_argument("--config", default="head")
    verb("classify", classify, "artifact").add_argument("image", type=Path, nargs="+")
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0, or 1 after a failure that is explained."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders are removed
    args = parser().parse_args(argv)
    report = progress.on(json_lines=args.json_progress)
    try:
        result = args.run(args, report)
    except (ValueError, OSError) as error:  # every refusal of this package is a ValueError
        report.failed(str(error))
        return 1
    finally:
        report.close()
    report.done(result, "Done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
