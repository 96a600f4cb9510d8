"""Data impressions: synthetic features that stand in for images that a retrain does not have.

The public reports harmless images only, so a retrain never sees an image of `hentai`, `porn` or
`sexy` and would forget these classes. The champion's head, however, tells us which features it
assigns to a class. Training on such features, with the champion's own probabilities as the target,
preserves what the champion knows. They are vectors of 2,048 numbers: no image is generated, and
none could be from them here.

Source: Nayak et al., "Zero-Shot Knowledge Distillation in Deep Networks" (2019), sections 3.1 and
3.2, moved from images to features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = Sequence[Floats]  # kernel, bias, kernel, bias, kernel, bias

_FLOOR = 1e-3  # keeps the logarithm finite, as features may be 0
_CONCENTRATIONS = (1.0, 0.1)  # Nayak et al.: soft targets, and nearly certain ones


def head_probabilities(weights: Weights, features: Floats) -> Floats:
    """Run a head: dense layers with ReLU between them, then softmax.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        Kernel and bias of each layer, in order.
    features : numpy.ndarray of float32, shape [n, 2048]

    Returns
    -------
    numpy.ndarray of float32, shape [n, classes]
        Rows sum to 1.
    """
    probabilities: Floats = _forward(weights, features)[-1]
    return probabilities


def synthesize(
    weights: Weights,
    seeds: Floats,
    *,
    target_classes: NDArray[np.intp],
    steps: int,
    random_seed: int,
    learning_rate: float = 0.05,
    tether: float = 0.02,
) -> Floats:
    """Synthesize features to which a head gives the target classes.

    Each impression starts from the features of a real image, or from numbers drawn dimension by
    dimension from several images. Its logarithm is optimised, so that it stays positive, until the
    head gives probabilities drawn from a Dirichlet distribution around the class. A penalty, the
    tether, keeps it near its start.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        The head: kernel and bias of each layer, in order.
    seeds : numpy.ndarray of float32, shape [n, 2048]
        Features of real images to start from; n is at least 1.
    target_classes : numpy.ndarray of int, shape [m]
        The class of each impression.
    steps : int
        Number of steps of Adam.
    random_seed : int
        The same seed gives the same impressions.
    learning_rate : float
        In units of the natural logarithm of a feature.
    tether : float
        Weight of the mean squared distance from the start, in the same units.

    Returns
    -------
    numpy.ndarray of float32, shape [m, 2048]
        All values are 0 or more.
    """
    random = np.random.default_rng(random_seed)
    targets = _targets(weights[-2], target_classes, random)
    start = np.log(_starting_features(seeds, len(target_classes), random) + _FLOOR)
    logs = start.copy()
    mean, variance = np.zeros_like(logs), np.zeros_like(logs)  # of the gradient, as in Adam
    for step in range(1, steps + 1):
        features = np.exp(logs)
        gradient = _gradient(weights, features, targets) * features + tether * (logs - start)
        mean = 0.9 * mean + 0.1 * gradient
        variance = 0.999 * variance + 0.001 * gradient**2
        scale = np.sqrt(variance / (1 - 0.999**step)) + 1e-8
        logs -= learning_rate * (mean / (1 - 0.9**step)) / scale
    impressions: Floats = np.maximum(np.exp(logs) - _FLOOR, 0).astype(np.float32)
    return impressions


def agreement(
    before: Weights, after: Weights, features: Floats, labels: Sequence[str]
) -> dict[str, float | None]:
    """Return how often a second head gives the class that the first one gives, by class.

    Returns
    -------
    dict of str to float or None
        By label, a share from 0 to 1; None for a class that the first head never gives.
    """
    classes_before = head_probabilities(before, features).argmax(axis=1)
    classes_after = head_probabilities(after, features).argmax(axis=1)
    return {
        label: float((classes_after[classes_before == n] == n).mean())
        if (classes_before == n).any()
        else None
        for n, label in enumerate(labels)
    }


def _targets(
    last_kernel: Floats, target_classes: NDArray[np.intp], random: np.random.Generator
) -> Floats:
    """Draw probabilities for each impression; classes with similar weights share more of them."""
    unit = last_kernel / np.linalg.norm(last_kernel, axis=0, keepdims=True)
    similarity = unit.T @ unit
    low = similarity.min(axis=1, keepdims=True)
    similarity = (similarity - low) / (similarity.max(axis=1, keepdims=True) - low)
    scale = np.where(np.arange(len(target_classes)) % 2, *_CONCENTRATIONS)[:, None]
    shape = scale * np.maximum(similarity[target_classes], 0.01)
    samples = random.standard_gamma(shape) + 1e-8
    targets: Floats = (samples / samples.sum(axis=1, keepdims=True)).astype(np.float32)
    return targets


def _starting_features(seeds: Floats, count: int, random: np.random.Generator) -> Floats:
    """Take whole images' features for even places, and mixtures of several for odd ones."""
    whole = random.integers(len(seeds), size=count)
    mixed = random.integers(len(seeds), size=(count, seeds.shape[1]))
    starts = seeds[mixed, np.arange(seeds.shape[1])]
    starts[::2] = seeds[whole[::2]]
    return starts.astype(np.float32)


def _forward(weights: Weights, features: Floats) -> list[Floats]:
    outputs = [features]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        outputs.append(np.maximum(outputs[-1], 0) @ kernel + bias)
    shifted = np.exp(outputs[-1] - outputs[-1].max(axis=1, keepdims=True))
    outputs[-1] = shifted / shifted.sum(axis=1, keepdims=True)
    return outputs


def _gradient(weights: Weights, features: Floats, targets: Floats) -> Floats:
    """Return the gradient of the cross-entropy with `targets` with respect to the features."""
    outputs = _forward(weights, features)
    gradient = outputs[-1] - targets
    for kernel, below in zip(weights[-2::-2], outputs[-2::-1], strict=True):
        gradient = (gradient @ kernel.T) * (below > 0)
    return gradient
