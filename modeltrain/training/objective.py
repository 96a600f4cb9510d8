"""What a head is trained on: rows of features with a soft target and a weight each.

Three things go into the loss, all as cross-entropy towards a target:

- reported images, towards their label;
- anchors, images that nobody reported, towards a mix of their label and the champion's own answer
  (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Li and Hoiem, "Learning
  without Forgetting", 2016);
- class impressions, made-up features, towards the champion's answer (see `impressions`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.impressions import Floats, Weights, answer, impressions


@dataclass(frozen=True)
class Examples:
    """Features of images with what is known of them.

    Attributes
    ----------
    features : numpy.ndarray of float32, shape [n, 2048]
    classes : numpy.ndarray of int, shape [n]
        The right class of each.
    reported : numpy.ndarray of bool, shape [n]
        Whether somebody reported it; the others are anchors.
    """

    features: Floats
    classes: NDArray[np.intp]
    reported: NDArray[np.bool_]


@dataclass(frozen=True)
class LossRows:
    """Rows of the loss: features, targets, and a weight for each row."""

    features: Floats
    targets: Floats
    weights: Floats


def class_impressions(
    config: HeadConfig, champion: Weights, examples: Examples, *, random_seed: int
) -> Floats:
    """Make impressions of every class.

    Those of a class that no example has start from the features of every example, drawings too:
    what looks like a drawing and is `hentai` to the champion must stay so. Those of the other
    classes start from anchors, where nobody said that the champion is wrong.
    """
    if config.impression_weight == 0:
        return np.empty((0, champion[0].shape[0]), np.float32)
    classes = np.arange(champion[-1].shape[0])
    present = np.isin(classes, examples.classes)
    anchors = examples.features[~examples.reported]
    made = []
    for asked, seeds in ((classes[~present], examples.features), (classes[present], anchors)):
        if len(asked) and len(seeds):
            wanted = np.repeat(asked, config.impressions_per_class)
            made.append(
                impressions(
                    champion,
                    seeds,
                    wanted=wanted,
                    steps=config.impression_steps,
                    random_seed=random_seed,
                )
            )
    return np.concatenate([np.empty((0, champion[0].shape[0]), np.float32), *made])


def mixed(bank: Floats, random: np.random.Generator) -> Floats:
    """Blend each impression with another: the champion can be asked about any features."""
    other = bank[random.permutation(len(bank))]
    share = random.uniform(0.5, 1.0, (len(bank), 1)).astype(np.float32)
    return share * bank + (1 - share) * other


def blended(examples: Examples, random: np.random.Generator) -> Examples:
    """Blend each image's features with another's of the same class and kind .

    Source: Verma et al., "Manifold Mixup" (2019), within one class, so the label is certain.
    """
    features = examples.features.copy()
    kinds = examples.classes * 2 + examples.reported
    for kind in np.unique(kinds):
        (places,) = np.nonzero(kinds == kind)
        features[places] = mixed(examples.features[places], random)
    return Examples(features, examples.classes, examples.reported)


def loss_rows(config: HeadConfig, champion: Weights, examples: Examples, made: Floats) -> LossRows:
    """Gather the parts of the loss, weighted so that the mean weight of a row is 1."""
    features, classes = examples.features, examples.classes
    known = np.eye(champion[-1].shape[0], dtype=np.float32)[classes]
    share = np.where(examples.reported, 0, config.distil).astype(np.float32)[:, None]
    targets = (1 - share) * known + share * answer(champion, features)
    weights = (
        _balanced(classes, examples.reported) * config.reported_weight
        + _balanced(classes, ~examples.reported) * config.anchor_weight
    )
    each = np.full(len(made), config.impression_weight / max(len(made), 1), np.float32)
    weight = np.concatenate([weights, each])
    return LossRows(
        np.concatenate([features, made]),
        np.concatenate([targets, answer(champion, made)]),
        weight * (len(weight) / weight.sum()),
    )


def _balanced(classes: NDArray[np.intp], chosen: NDArray[np.bool_]) -> Floats:
    """Weigh the chosen rows so that each class counts the same and all sum to 1; others get 0."""
    counts = np.bincount(classes[chosen], minlength=int(classes.max(initial=0)) + 1)
    present = max(int((counts > 0).sum()), 1)
    weights = np.where(chosen, 1.0 / np.maximum(counts, 1)[classes] / present, 0.0)
    return weights.astype(np.float32)
