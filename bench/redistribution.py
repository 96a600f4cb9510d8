"""Redistribute the champion's probability among the classes that have images, and nothing else.

The head stays as it is. The probability that it gives to the classes with images together is
divided anew among them, by a logistic regression on the features. The probability of every other
class is the champion's, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float32]

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # inverse penalties to choose from


@dataclass(frozen=True)
class Redistribution:
    """A logistic regression on features, among some of the classes.

    Attributes
    ----------
    classes : numpy.ndarray of int, shape [k]
        The classes that it divides probability among, in ascending order; k is at least 2.
    kernel : numpy.ndarray of float32, shape [2048, k]
    bias : numpy.ndarray of float32, shape [k]
    strength : float
        The inverse penalty that was chosen.
    """

    classes: NDArray[np.intp]
    kernel: Floats
    bias: Floats
    strength: float

    def apply(self, probabilities: Floats, features: Floats) -> Floats:
        """Return the probabilities after redistribution.

        Parameters
        ----------
        probabilities : numpy.ndarray of float32, shape [n, classes]
            The champion's.
        features : numpy.ndarray of float32, shape [n, 2048]

        Returns
        -------
        numpy.ndarray of float32, shape [n, classes]
            Equal to `probabilities` for all classes but `self.classes`.
        """
        redistributed = probabilities.copy()
        together = probabilities[:, self.classes].sum(axis=1, keepdims=True)
        redistributed[:, self.classes] = together * _softmax(features @ self.kernel + self.bias)
        return redistributed


def fit(
    features: Floats,
    classes: NDArray[np.intp],
    *,
    validation_features: Floats,
    validation_classes: NDArray[np.intp],
) -> Redistribution:
    """Fit a redistribution; the classes that occur in `classes` are those with images.

    All classes count the same, however many images they have. The penalty is the one with the
    lowest validation loss; without validation images it is the middle one.

    Parameters
    ----------
    features : numpy.ndarray of float32, shape [n, 2048]
    classes : numpy.ndarray of int, shape [n]
        The right class of each image; two of them at least must be different.
    validation_features, validation_classes
        The same for the images that choose the penalty.
    """
    present = np.unique(classes)
    known = np.isin(validation_classes, present)
    best_loss, best = float("inf"), None
    for strength in STRENGTHS if known.any() else (STRENGTHS[len(STRENGTHS) // 2],):
        candidate = _fit(features, classes, strength)
        loss = _loss(candidate, validation_features[known], validation_classes[known])
        if best is None or loss < best_loss:
            best_loss, best = loss, candidate
    assert best is not None
    return best


def _fit(features: Floats, classes: NDArray[np.intp], strength: float) -> Redistribution:
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)
    model.fit(features.astype(np.float64), classes)
    kernel, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # one score stands for two
        kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.hstack([-bias / 2, bias / 2])
    return Redistribution(
        model.classes_, kernel.astype(np.float32), bias.astype(np.float32), strength
    )


def _loss(model: Redistribution, features: Floats, classes: NDArray[np.intp]) -> float:
    """Return the mean cross-entropy, in which all classes count the same; 0 without images."""
    if not len(classes):
        return 0.0
    shares = _softmax(features @ model.kernel + model.bias)
    losses = -np.log(shares[np.arange(len(classes)), np.searchsorted(model.classes, classes)])
    return float(np.mean([losses[classes == number].mean() for number in np.unique(classes)]))


def _softmax(scores: Floats) -> Floats:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares
