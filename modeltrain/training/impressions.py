"""Class impressions: made-up features that say what a model knows, without any image of it.

The public reports harmless pictures only, so a retrain never sees an image of `hentai`, `porn` or
`sexy`, and would forget them. But the champion's head can be asked: which features would it answer
with this class? Training on those, towards the champion's own answer, keeps what it knows. They are
2,048 numbers each; no picture is made, and none could be made from them here.

Source: Nayak et al., "Zero-Shot Knowledge Distillation in Deep Networks" (2019), sections 3.1 and
3.2, moved from images to features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = Sequence[Floats]  # kernel, bias, kernel, bias, kernel, bias

_FLOOR = 1e-3  # features are 0 or more; their logarithm needs a little
_CONCENTRATIONS = (1.0, 0.1)  # Nayak et al.: soft targets, and nearly certain ones


def answer(weights: Weights, features: Floats) -> Floats:
    """Return what a head says: softmax after dense layers with ReLU between them.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        Kernel and bias of each layer, from the first on.
    features : numpy.ndarray of float32, shape [n, 2048]

    Returns
    -------
    numpy.ndarray of float32, shape [n, classes]
        Rows sum to 1.
    """
    said: Floats = _forward(weights, features)[-1]
    return said


def impressions(
    weights: Weights,
    seeds: Floats,
    *,
    wanted: NDArray[np.intp],
    steps: int,
    random_seed: int,
    learning_rate: float = 0.05,
    tether: float = 0.02,
) -> Floats:
    """Make features that a head answers with the classes that are wanted.

    Each starts from the features of a real image, or from numbers drawn dimension by dimension from
    several, and is moved in the logarithm, so that it stays positive, until the head gives a target
    drawn from a Dirichlet distribution around its class. A tether holds it near where it started.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        The head that is asked.
    seeds : numpy.ndarray of float32, shape [n, 2048]
        Features of real images to start from, n at least 1.
    wanted : numpy.ndarray of int, shape [m]
        The class that each is made for.
    steps : int
        Steps of Adam.
    random_seed : int
        The same seed gives the same impressions.
    learning_rate : float
        In units of the natural logarithm of a feature.
    tether : float
        Weight of the mean squared distance from the start, in the same units.

    Returns
    -------
    numpy.ndarray of float32, shape [m, 2048]
        0 or more.
    """
    random = np.random.default_rng(random_seed)
    targets = _targets(weights[-2], wanted, random)
    start = np.log(_starts(seeds, len(wanted), random) + _FLOOR)
    moved = start.copy()
    first, second = np.zeros_like(moved), np.zeros_like(moved)
    for step in range(1, steps + 1):
        features = np.exp(moved)
        slope = _slope(weights, features, targets) * features + tether * (moved - start)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        size = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        moved -= learning_rate * (first / (1 - 0.9**step)) / size
    made: Floats = np.maximum(np.exp(moved) - _FLOOR, 0).astype(np.float32)
    return made


def agreement(
    before: Weights, after: Weights, features: Floats, labels: Sequence[str]
) -> dict[str, float | None]:
    """Return, for each class the first head names, how often the second names the same.

    Returns
    -------
    dict of str to float or None
        Share from 0 to 1; None for a class that the first head never names.
    """
    then = answer(before, features).argmax(axis=1)
    now = answer(after, features).argmax(axis=1)
    return {
        label: float((now[then == number] == number).mean()) if (then == number).any() else None
        for number, label in enumerate(labels)
    }


def _targets(last_kernel: Floats, wanted: NDArray[np.intp], random: np.random.Generator) -> Floats:
    """Draw a probability vector for each: classes with similar weights share more of it."""
    unit = last_kernel / np.linalg.norm(last_kernel, axis=0, keepdims=True)
    similarity = unit.T @ unit
    low = similarity.min(axis=1, keepdims=True)
    similarity = (similarity - low) / (similarity.max(axis=1, keepdims=True) - low)
    scale = np.where(np.arange(len(wanted)) % 2, *_CONCENTRATIONS)[:, None]
    shape = scale * np.maximum(similarity[wanted], 0.01)
    drawn = random.standard_gamma(shape) + 1e-8
    targets: Floats = (drawn / drawn.sum(axis=1, keepdims=True)).astype(np.float32)
    return targets


def _starts(seeds: Floats, count: int, random: np.random.Generator) -> Floats:
    """Pick real features for even places, and mixtures of single numbers for odd ones."""
    whole = random.integers(len(seeds), size=count)
    mixed = random.integers(len(seeds), size=(count, seeds.shape[1]))
    out = seeds[mixed, np.arange(seeds.shape[1])]
    out[::2] = seeds[whole[::2]]
    return out.astype(np.float32)


def _forward(weights: Weights, features: Floats) -> list[Floats]:
    outputs = [features]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        outputs.append(np.maximum(outputs[-1], 0) @ kernel + bias)
    shifted = np.exp(outputs[-1] - outputs[-1].max(axis=1, keepdims=True))
    outputs[-1] = shifted / shifted.sum(axis=1, keepdims=True)
    return outputs


def _slope(weights: Weights, features: Floats, targets: Floats) -> Floats:
    """Return the derivative of the cross-entropy towards `targets` by the features."""
    outputs = _forward(weights, features)
    slope = outputs[-1] - targets
    for kernel, below in zip(weights[-2::-2], outputs[-2::-1], strict=True):
        slope = (slope @ kernel.T) * (below > 0)
    return slope
