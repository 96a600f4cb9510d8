"""Train the same model on TensorFlow, JAX and PyTorch: accuracy, time and memory in one table.

Runs the recipe of `train article`, with the same dataset, start, seed and config, on each of
Keras's backends in turn, each in its own process. A backend that is not installed is reported, and
the others are compared.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_config_option, add_path_options


def options(parser: ArgumentParser) -> None:
    add_path_options(
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
        help="comma-separated; tensorflow,jax,torch by default",
    )
    add_config_option(parser)


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.files import write_whole
    from modeltrain.training import compare_backends, configs

    backends = compare_backends.parse_backends(args.backends)
    configs.get("article", args.set)  # refuses a bad change before any backend starts
    training = ["--start", str(args.start), "--cache", str(args.cache)]
    training += [part for change in args.set for part in ("--set", change)]
    runs, problems = [], []
    for backend in backends:
        reason = compare_backends.unavailable_reason(backend)
        if reason:
            problems.append(reason)
            continue
        try:
            runs.append(
                compare_backends.train_and_evaluate(
                    backend,
                    training,
                    dataset=args.dataset,
                    artifacts=args.artifacts,
                    progress=progress,
                )
            )
        except compare_backends.CompareRefused as error:
            problems.append(str(error))
    if not runs:
        raise compare_backends.CompareRefused(" ".join(problems))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(args.out, compare_backends.to_json(runs))
    table = args.out.with_suffix(".md")
    write_whole(table, compare_backends.to_markdown(runs).encode())
    return {"figures": str(args.out), "page": str(table), "problems": problems}
