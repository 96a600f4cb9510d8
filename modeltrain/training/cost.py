"""What a training costs: measured by stage while it runs, and estimated before it starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from modeltrain.progress import ProgressCallback
from modeltrain.training.configs import Config
from modeltrain.training.configs.article import ArticleConfig
from modeltrain.training.configs.head import HeadConfig

Stages = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class UnitCosts:
    """Seconds of one machine.

    Attributes
    ----------
    image : float
        For an image through the whole network, with reading it.
    copy : float
        For making an augmented copy of an image and running the frozen layers on it.
    epoch_image : float
        For an image in an epoch of the convolutions from the 56th on.
    head : float
        For training a head on features.
    other : float
        For everything else: loading libraries, reviewing labels, writing the model, the gate.
    """

    image: float
    copy: float
    epoch_image: float
    head: float
    other: float


# For a site without a run: about what 2 cores need that have nothing else to do, from what the
# docstrings of the configs and docs/recipe.md say.
REFERENCE = UnitCosts(image=0.12, copy=0.21, epoch_image=0.25, head=35.0, other=45.0)


@dataclass(frozen=True)
class Workload:
    """The numbers of images that a training reads.

    Attributes
    ----------
    train, validation : int
    without_features : int
        Those of both whose features are not cached.
    audits : int
        Images that the candidate, and the champion where it must be, is audited on.
    """

    train: int
    validation: int
    without_features: int
    audits: int


class StageTimer:
    """Measures how long each stage of a training takes, on its way to another callback.

    The time until a message belongs to that message's stage.

    Parameters
    ----------
    progress : callable
        Called with everything that this one is called with.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self, progress: ProgressCallback, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress, self._clock, self._last = progress, clock, clock()
        self._done: dict[str, int] = {}
        self.stages: dict[str, dict[str, float]] = {}

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        now = self._clock()
        figures = self.stages.setdefault(stage, {"seconds": 0.0, "units": 0})
        figures["seconds"] = round(figures["seconds"] + now - self._last, 3)
        before = self._done.get(stage, 0)
        figures["units"] += done - before if done >= before else done
        self._done[stage], self._last = done, now
        self._progress(stage, done, total, message)


def unit_costs(runs: Sequence[Stages], *, train: Sequence[int]) -> UnitCosts:
    """Return the unit costs of earlier runs on this machine, and the reference's where none was.

    Parameters
    ----------
    runs : sequence of mapping
        The stages of finished runs as `StageTimer` measured them, the newest first.
    train : sequence of int
        The number of training images of each run.
    """
    measured: dict[str, float] = {}
    for stages, images in zip(runs, train, strict=True):
        copies = {name: s for name, s in stages.items() if name.startswith("mixed_5, changed")}
        costs = {
            "image": _per_unit(stages.get("auditing")),
            "copy": _per_unit(_sum(copies.values())),
            "epoch_image": _per_unit(stages.get("fine-tuning"), images),
            "head": stages["training"]["seconds"] if "training" in stages else None,
            "other": sum(
                s["seconds"]
                for name, s in stages.items()
                if name in ("exporting", "reviewing", "gate", "starting")
            ),
        }
        for name, cost in costs.items():
            if cost:
                measured.setdefault(name, cost)
    return UnitCosts(**{**asdict(REFERENCE), **measured})


def _sum(stages: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total = {"seconds": 0.0, "units": 0.0}
    for stage in stages:
        total["seconds"] += stage["seconds"]
        total["units"] += stage["units"]
    return total


def _per_unit(stage: Mapping[str, float] | None, images: int = 1) -> float | None:
    if not stage or not stage["units"] or not images:
        return None
    return stage["seconds"] / stage["units"] / images


def estimate_seconds(config: Config, work: Workload, costs: UnitCosts) -> float:
    """Return how long a training takes at most, with the audits of its candidate."""
    # Every recipe trains a head or makes data impressions, which takes as long.
    seconds = costs.other + costs.head + costs.image * (work.without_features + work.audits)
    if isinstance(config, HeadConfig):
        return seconds
    fine = config.fine
    # A plain image runs through about four fifths of the network, and validation is a forward pass.
    cached = costs.copy * work.train * config.copies
    cached += 0.8 * costs.image * (work.train + work.validation)
    epochs = fine.epochs * (work.train + work.validation / 3) * costs.epoch_image
    seconds += cached + epochs
    if isinstance(config, ArticleConfig):
        seconds += costs.copy * work.train * config.copies
    return seconds
