"""The objective of training a head: rows of features, each with a soft target and a weight.

The loss is the cross-entropy between the head's probabilities and a target, on three kinds of row:

- reported images; the target is their label;
- anchors, images that nobody reported; the target mixes their label and the champion's
  probabilities (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Li and Hoiem,
  "Learning without Forgetting", 2016);
- data impressions, synthetic features; the target is the champion's probabilities (see
  `data_impressions`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modeltrain.training.configs.fine_tune import FineTuneConfig
from modeltrain.training.configs.head import HeadConfig
from modeltrain.training.data_impressions import Floats, Weights, head_probabilities, synthesize

GuardConfig = HeadConfig | FineTuneConfig


@dataclass(frozen=True)
class Examples:
    """Features of images, with their classes and where they come from.

    Attributes
    ----------
    features : numpy.ndarray of float32, shape [n, 2048]
    classes : numpy.ndarray of int, shape [n]
        The right class of each image.
    reported : numpy.ndarray of bool, shape [n]
        Whether somebody reported the image; the others are anchors.
    """

    features: Floats
    classes: NDArray[np.intp]
    reported: NDArray[np.bool_]


@dataclass(frozen=True)
class LossRows:
    """Rows of the loss.

    Attributes
    ----------
    features : numpy.ndarray of float32, shape [n, 2048]
    targets : numpy.ndarray of float32, shape [n, classes]
        Rows sum to 1.
    weights : numpy.ndarray of float32, shape [n]
        With mean 1.
    """

    features: Floats
    targets: Floats
    weights: Floats


def impressions_of_all_classes(
    config: GuardConfig, champion: Weights, examples: Examples, *, random_seed: int
) -> Floats:
    """Synthesize impressions of every class.

    Impressions of a class without examples start from the features of all examples, drawings
    included: what looks like a drawing and is `hentai` to the champion must stay so. Impressions of
    the other classes start from anchors, on which nobody has contradicted the champion.

    Returns
    -------
    numpy.ndarray of float32, shape [n, 2048]
        Empty if the config gives impressions no weight.
    """
    if config.impression_weight == 0:
        return np.empty((0, champion[0].shape[0]), np.float32)
    classes = np.arange(champion[-1].shape[0])
    present = np.isin(classes, examples.classes)
    anchors = examples.features[~examples.reported]
    parts = [np.empty((0, champion[0].shape[0]), np.float32)]
    for group, seeds in ((classes[~present], examples.features), (classes[present], anchors)):
        if len(group) and len(seeds):
            parts.append(
                synthesize(
                    champion,
                    seeds,
                    target_classes=np.repeat(group, config.impressions_per_class),
                    steps=config.impression_steps,
                    random_seed=random_seed,
                )
            )
    return np.concatenate(parts)


def blend(features: Floats, random: np.random.Generator) -> Floats:
    """Blend each row with another; the champion can classify any features."""
    partners = features[random.permutation(len(features))]
    share = random.uniform(0.5, 1.0, (len(features), 1)).astype(np.float32)
    return share * features + (1 - share) * partners


def blend_examples(examples: Examples, random: np.random.Generator) -> Examples:
    """Blend each image's features with those of another of the same class and kind.

    Source: Verma et al., "Manifold Mixup" (2019), within one class, so that the label is certain.
    """
    features = examples.features.copy()
    kinds = examples.classes * 2 + examples.reported
    for kind in np.unique(kinds):
        (indices,) = np.nonzero(kinds == kind)
        features[indices] = blend(examples.features[indices], random)
    return Examples(features, examples.classes, examples.reported)


def loss_rows(
    config: GuardConfig, champion: Weights, examples: Examples, impressions: Floats
) -> LossRows:
    """Combine examples and impressions into the rows of the loss, with a mean weight of 1."""
    features, classes = examples.features, examples.classes
    one_hot = np.eye(champion[-1].shape[0], dtype=np.float32)[classes]
    share = np.where(examples.reported, 0, config.distil).astype(np.float32)[:, None]
    targets = (1 - share) * one_hot + share * head_probabilities(champion, features)
    weights = (
        _balanced(classes, examples.reported) * config.reported_weight
        + _balanced(classes, ~examples.reported) * config.anchor_weight
    )
    impression_weights = np.full(
        len(impressions), config.impression_weight / max(len(impressions), 1), np.float32
    )
    all_weights = np.concatenate([weights, impression_weights])
    return LossRows(
        np.concatenate([features, impressions]),
        np.concatenate([targets, head_probabilities(champion, impressions)]),
        all_weights * (len(all_weights) / all_weights.sum()),
    )


def _balanced(classes: NDArray[np.intp], chosen: NDArray[np.bool_]) -> Floats:
    """Weigh the chosen rows so that classes count equally and the sum is 1; other rows get 0."""
    counts = np.bincount(classes[chosen], minlength=int(classes.max(initial=0)) + 1)
    present = max(int((counts > 0).sum()), 1)
    weights = np.where(chosen, 1.0 / np.maximum(counts, 1)[classes] / present, 0.0)
    return weights.astype(np.float32)
