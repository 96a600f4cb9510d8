"""Write a model in 8-bit integers for browsers, and compare both graphs with Keras.

The artifact's own `model.onnx` is the export in float32. Ranges are measured on images of split
train, the comparison is on split audit. What is written is an artifact: evaluate, audit and gate
judge it like any other.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.progress import Report
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        artifact="the model's folder, with model.keras in it",
        dataset="folder of images and labels",
        artifacts="folder of artifacts",
    )


def run(args: Namespace, report: Report) -> Result:
    from modeltrain import artifact, dataset, int8

    made = int8.write(
        artifact.load(args.artifact),
        data=dataset.load(args.dataset),
        parent=args.artifacts,
        progress=report,
    )
    return {"artifact": str(made.path), "sha256": made.sha256, **made.config["export"]}
