"""Train only the head, starting from the champion's, on reported images, without forgetting.

Command
    python -m modeltrain retrain --config head --champion DIR --manifest FILE --images FILE
    --cache DIR --artifacts DIR --audit-manifest FILE --out DIR
Hardware
    2 CPU cores, no GPU.
Expected time
    Two minutes and ten seconds from approval to verdict, including the audit of 645 images; the
    training itself takes half a minute.
Expected figures
    With `make loop` (120 reported drawings, 134 photographs as anchors), recall on the audit set of
    version 0.2.0 goes from 2% to 92% for drawings, and from 100% to 98% for neutral photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

from modeltrain.training.config_rules import above, at_least, between, pair


@dataclass(frozen=True)
class HeadConfig:
    """How a head is trained. The three weights are shares of the whole loss.

    Attributes
    ----------
    name : str
    seed : int
        Seed of everything random: the same inputs give the same artifact.
    epochs, patience : int
        The maximum number of epochs; the number without a better validation loss after which to
        stop.
    batch : int
        Rows per step.
    learning_rate : float
        Adam's.
    dropout : tuple of float
        Rates after the first and the second layer.
    l2_sp : float
        Strength with which kernels are pulled towards the champion's, instead of towards zero.
    distil : float
        Share of the champion's probabilities in an anchor's target; the rest is its label.
    reported_weight, anchor_weight, impression_weight : float
        Shares of the loss.
    impressions_per_class, impression_steps : int
        The number of data impressions per class, and of optimisation steps.
    validation_minimum : int
        With fewer reported validation images, train for all epochs instead of stopping early.
    """

    name: str
    seed: int
    epochs: int
    patience: int
    batch: int
    learning_rate: float
    dropout: tuple[float, float]
    l2_sp: float
    distil: float
    reported_weight: float
    anchor_weight: float
    impression_weight: float
    impressions_per_class: int
    impression_steps: int
    validation_minimum: int

    def __post_init__(self) -> None:
        for name in (
            "seed",
            "impression_steps",
            "l2_sp",
            "reported_weight",
            "anchor_weight",
            "impression_weight",
        ):
            at_least(self, name, 0)
        for name in ("epochs", "patience", "batch", "impressions_per_class"):
            at_least(self, name, 1)
        above(self, "learning_rate", 0)
        between(self, "distil", 0, 1)
        pair(self, "dropout", 0, 0.9)


def get() -> HeadConfig:
    """Return the config that the site retrains with."""
    return HeadConfig(
        name="head",
        seed=20,
        epochs=60,
        patience=8,
        batch=64,
        learning_rate=2e-4,
        dropout=(0.0, 0.0),
        l2_sp=0.03,
        distil=0.5,
        reported_weight=0.11,
        anchor_weight=0.15,
        impression_weight=0.74,
        impressions_per_class=600,
        impression_steps=60,
        validation_minimum=5,
    )
