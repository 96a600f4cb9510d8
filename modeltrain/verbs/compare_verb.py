"""Train the same on TensorFlow, JAX and PyTorch: accuracy, time and memory in one table.

The recipe of `train article`, with the same dataset, start, seed and config on each of Keras's
backends, one after the other, each in a process of its own. A backend that is not installed is
told, and the rest goes on.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, fields, paths


def options(parser: ArgumentParser) -> None:
    paths(
        parser,
        dataset="folder of images and labels; accuracy is on split audit",
        start="folder of an artifact, whose base is trained further",
        cache="folder of activations and unfinished trainings",
        artifacts="folder; each backend's models go into one named after it",
        out="figures to write (.json); the table goes beside them (.md)",
    )
    parser.add_argument(
        "--backends",
        default="tensorflow,jax,torch",
        help="which, with commas between; tensorflow,jax,torch unless given",
    )
    fields(parser)


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.files import write_whole
    from modeltrain.training import compare, configs

    backends = compare.chosen(args.backends)
    configs.get("article", args.set)  # refused now, not by each backend
    training = ["--start", str(args.start), "--cache", str(args.cache)]
    training += [part for each in args.set for part in ("--set", each)]
    found, problems = [], []
    for backend in backends:
        lacking = compare.missing(backend)
        if lacking:
            problems.append(lacking)
            continue
        try:
            found.append(
                compare.run(
                    backend,
                    training,
                    dataset=args.dataset,
                    artifacts=args.artifacts,
                    progress=report,
                )
            )
        except compare.CompareRefused as error:
            problems.append(str(error))
    if not found:
        raise compare.CompareRefused(" ".join(problems))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, compare.to_json(found))
    page = args.out.with_suffix(".md")
    write_whole(page, compare.to_markdown(found).encode())
    return {"figures": str(args.out), "page": str(page), "problems": problems}
