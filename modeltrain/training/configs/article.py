"""The article's recipe: a new head on frozen features, then the top of the base unfrozen.

Command
    python -m modeltrain train article --dataset DIR --start DIR --cache DIR --artifacts DIR
Hardware
    2 CPU cores are enough for thousands of images; training on pixels needs a GPU.
Expected time
    On 2 cores, frozen layers take about 0.1 s for each image and augmented copy, once. An epoch of
    phase 1 takes less than a second for 1,000 images, and one of phase 2 about 0.2 s per image.
Expected figures
    See docs/recipe.md, with the command that produces them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modeltrain.training.config_rules import above, at_least, between
from modeltrain.training.configs.augmentation import Augmentation


@dataclass(frozen=True)
class Phase:
    """How long and how fast one phase trains.

    Attributes
    ----------
    epochs, patience : int
        The maximum number of epochs; the number without a better validation loss after which to
        stop.
    batch : int
        Images per step.
    learning_rate : float
        Adam's, in the first epoch.
    decay : float
        Factor on the learning rate per epoch, applied smoothly.
    """

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    decay: float = 1.0

    def __post_init__(self) -> None:
        at_least(self, "epochs", 0)
        at_least(self, "patience", 1)
        at_least(self, "batch", 1)
        above(self, "learning_rate", 0)
        between(self, "decay", 0.01, 1)


@dataclass(frozen=True)
class ArticleConfig:
    """How a model is trained in two phases.

    Attributes
    ----------
    name : str
    seed : int
        Seed of everything random.
    head : Phase
        Phase 1: three new dense layers, on features of the frozen base.
    fine : Phase
        Phase 2: these layers and the convolutions from `unlock_from` on; skipped if its epochs
        are 0.
    unlock_from : int
        The first convolution to train, counted from 1. Normalisation stays frozen.
    augmentation : Augmentation
    copies : int
        Augmented copies of each image whose activations are cached; epochs use them in turn.
    balance : bool
        Whether each class counts the same, however many images it has.
    disk_budget : float
        Gigabytes (10⁹ bytes) of activations that phase 2 may cache. A larger dataset is trained on
        pixels, with new augmentation in every epoch.
    """

    name: str = "article"
    seed: int = 20
    head: Phase = field(default_factory=lambda: Phase(40, 8, 64, 1e-3))
    fine: Phase = field(default_factory=lambda: Phase(10, 3, 32, 1e-4, 0.8))
    unlock_from: int = 56
    augmentation: Augmentation = field(default_factory=Augmentation)
    copies: int = 3
    balance: bool = True
    disk_budget: float = 20.0

    def __post_init__(self) -> None:
        at_least(self, "seed", 0)
        between(self, "unlock_from", 1, 94)
        at_least(self, "copies", 0)
        at_least(self, "disk_budget", 0)


def get() -> ArticleConfig:
    """Return the config."""
    return ArticleConfig()
