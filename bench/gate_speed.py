"""How long the whole gate takes on very many answers.

    PYTHONPATH=. .venv/bin/python bench/gate_speed.py                      # 1,000,000 images
    PYTHONPATH=. .venv/bin/python bench/gate_speed.py --images 50000 --profile

Champion and candidate answer made images in 120 groups: six axes of 20, and a medium. Some images
belong to clusters, and the groups of one axis cut through them, as drawings in several skin tones
do. The candidate's scores are the champion's with noise, so that it decides differently at times.
"""

import argparse
import cProfile
import pstats
import time
from dataclasses import replace

import numpy as np

from modeltrain.audit.columns import Columns
from modeltrain.gate.judge import judge
from modeltrain.gate.policy import Policy
from modeltrain.labels import LABELS

SEED = 20261128


def made_answers(
    images: int, axes: int, groups: int, clusters: bool, random: np.random.Generator
) -> Columns:
    """Return a model's answers to made images, right for most of them."""
    expected = random.integers(0, len(LABELS), images).astype(np.uint8)
    cluster = np.arange(images)
    if clusters:
        cluster = np.where(np.arange(images) % 2 == 0, cluster // 10, images + cluster)
    on_axes = {
        f"axis {axis}": (
            [f"group {place}" for place in range(groups)],
            (
                random.integers(0, groups, images) if axis == 0 else (cluster * (axis + 7)) % groups
            ).astype(np.int16),
        )
        for axis in range(axes)
    }
    medium = (["photograph", "vector"], (expected == 0).astype(np.int16))
    logits = random.normal(0, 1, (images, len(LABELS)))
    logits[np.arange(images), expected] += 4
    return Columns(
        sha256=np.arange(images, dtype=">u8").view(np.uint8).reshape(images, 8).repeat(4, axis=1),
        cluster=cluster.astype(np.uint64),
        expected=expected,
        scores=softmax(logits),
        groups=on_axes | {"medium": medium},
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--axes", type=int, default=6)
    parser.add_argument("--groups", type=int, default=20, help="on each axis")
    parser.add_argument("--independent", action="store_true", help="every image its own cluster")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    random = np.random.default_rng(SEED)
    champion = made_answers(
        options.images, options.axes, options.groups, not options.independent, random
    )
    noise = random.normal(0, 0.5, champion.scores.shape)
    candidate = replace(champion, scores=softmax(np.log(champion.scores + 1e-6) + noise))
    profile = cProfile.Profile(time.process_time)
    started = time.monotonic()
    if options.profile:
        profile.enable()
    result = judge(champion=champion, candidate=candidate, policy=Policy.load())
    profile.disable()
    seconds = time.monotonic() - started
    print(
        f"seed {SEED}, {options.images:,} images, {options.axes * options.groups} groups, "
        f"{len(result['cells'])} cells, {len(result['gaps'])} gaps: {result['verdict']}, "
        f"{seconds:.1f} s"
    )
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
