"""Train the top of the champion's base and its head further on reported images, without forgetting.

Command
    python -m modeltrain retrain --config fine-tune --champion DIR --manifest FILE --images FILE
    --cache DIR --artifacts DIR --audit-manifest FILE --out DIR
Hardware
    2 CPU cores for hundreds of images; more of them need a GPU.
Expected time
    The site estimates it from its own runs; see docs/training.md.
Expected figures
    Not measured yet on images that the numbers below were not chosen for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modeltrain.training.config_rules import at_least, between
from modeltrain.training.configs.article import Phase
from modeltrain.training.configs.augmentation import Augmentation


@dataclass(frozen=True)
class FineTuneConfig:
    """How the champion is fine-tuned. The three weights are shares of the whole loss.

    Attributes
    ----------
    name : str
    seed : int
        Seed of everything random: the same inputs give the same artifact on the same machine.
    fine : Phase
        The head and the convolutions from `unlock_from` on; normalisation stays in inference mode.
    unlock_from : int
        The first convolution to train, counted from 1; the activations below it are cached.
    augmentation : Augmentation
    copies : int
        Augmented copies of each image whose activations are cached; epochs use them in turn.
    disk_budget : float
        Gigabytes (10⁹ bytes) of activations that may be cached.
    l2_sp : float
        Strength with which kernels are pulled towards the champion's.
    distil : float
        Share of the champion's probabilities in an anchor's target; the rest is its label.
    reported_weight, anchor_weight, impression_weight : float
        Shares of the loss.
    impressions_per_class, impression_steps : int
        The number of data impressions per class, and of optimisation steps.
    """

    name: str = "fine-tune"
    seed: int = 20
    fine: Phase = field(default_factory=lambda: Phase(6, 2, 16, 3e-5, 0.8))
    unlock_from: int = 56
    augmentation: Augmentation = field(default_factory=Augmentation)
    copies: int = 1
    disk_budget: float = 20.0
    l2_sp: float = 0.03
    distil: float = 0.5
    reported_weight: float = 0.25
    anchor_weight: float = 0.35
    impression_weight: float = 0.4
    impressions_per_class: int = 200
    impression_steps: int = 60

    def __post_init__(self) -> None:
        for name in (
            "seed",
            "copies",
            "disk_budget",
            "l2_sp",
            "reported_weight",
            "anchor_weight",
            "impression_weight",
            "impression_steps",
        ):
            at_least(self, name, 0)
        at_least(self, "impressions_per_class", 1)
        between(self, "unlock_from", 51, 94)
        between(self, "distil", 0, 1)


def get() -> FineTuneConfig:
    """Return the config that the site fine-tunes with."""
    return FineTuneConfig()
