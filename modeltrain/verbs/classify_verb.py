"""Classify image files with a model."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(parser, artifact="the model's folder")
    parser.add_argument("image", type=Path, nargs="+")


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.images.codec import decode_in_child
    from modeltrain.model import artifact
    from modeltrain.model.classifier import Classifier

    classifier = Classifier(artifact.load(args.artifact))
    answers = {}
    for number, path in enumerate(args.image, start=1):
        prediction = classifier.classify(decode_in_child(path.read_bytes()))
        answers[str(path)] = {"label": prediction.label, "scores": prediction.scores}
        progress("classifying", number, len(args.image), f"{path}: {prediction.label}")
    return {"images": answers}
