"""How good a model is on a split: confusion, precision, recall, calibration, worst mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeltrain.audit.calibration import calibration_error
from modeltrain.audit.fairness import rate
from modeltrain.formatting import interval, percent, whole_percent

BINS = 15
MISTAKES = 20

Figures = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A model's answer to one image.

    Attributes
    ----------
    sha256, source, label : str
        As in the manifest.
    probabilities : sequence of float
        In the order of the labels.
    """

    sha256: str
    source: str
    label: str
    probabilities: Sequence[float]


def measure(answers: Sequence[Answer], labels: Sequence[str], *, level: float = 0.95) -> Figures:
    """Count a model's correct answers, overall and by class.

    Parameters
    ----------
    answers : sequence of Answer
    labels : sequence of str
        In the order of the model's outputs.
    level : float
        Confidence level of the intervals (Wilson).

    Returns
    -------
    dict
        `images`, `labels`, `accuracy`, `confusion` (rows are true labels, columns answers, in the
        order of `labels`), `classes` (recall and precision, each as `fairness.rate` returns it; a
        rate of no images is None), `calibration` (with `debiased`, as `calibration_error` returns
        it) and `mistakes` (the most confident first).

    Raises
    ------
    ValueError
        If an answer's label is not one of `labels`.
    """
    probabilities = np.array([answer.probabilities for answer in answers], dtype=np.float64)
    probabilities = probabilities.reshape(len(answers), len(labels))
    true = np.array([labels.index(answer.label) for answer in answers], dtype=np.intp)
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(confusion, (true, predicted), 1)
    correct = np.diag(confusion)
    return {
        "images": len(answers),
        "labels": list(labels),
        "accuracy": rate(count=int(correct.sum()), n=len(answers), level=level),
        "confusion": confusion.tolist(),
        "classes": {
            label: {
                "recall": rate(count=int(correct[n]), n=int(confusion[n].sum()), level=level),
                "precision": rate(count=int(correct[n]), n=int(confusion[:, n].sum()), level=level),
            }
            for n, label in enumerate(labels)
        },
        "calibration": calibration(probabilities.max(axis=1), predicted == true)
        | {
            "debiased": calibration_error(
                probabilities.max(axis=1), predicted == true, np.arange(len(answers)), level=level
            )
        },
        "mistakes": _mistakes(answers, predicted, true, probabilities, labels),
    }


def calibration(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Figures:
    """Compare how confident a model is with how often it is right.

    Source: C. Guo et al. (2017), "On Calibration of Modern Neural Networks", equation 3: the mean
    distance between confidence and accuracy over 15 bins of equal width, weighted by their images.

    Parameters
    ----------
    confidence : numpy.ndarray of float64, shape [n]
        The highest probability of each image, 0 to 1.
    correct : numpy.ndarray of bool, shape [n]

    Returns
    -------
    dict
        `ece`, the expected calibration error, 0 to 1 (None without images), and `bins`: `low`,
        `high`, `n`, and mean `confidence` and `accuracy`, None if a bin is empty. A bin holds
        confidences above `low` and up to `high`.
    """
    edges = np.linspace(0, 1, BINS + 1)
    # Compared as float32, in which scores are stored: 0.6 is not above 0.6.
    inner = edges[1:-1].astype(np.float32)
    bin_of = np.searchsorted(inner, confidence.astype(np.float32), side="left")
    bins = []
    error = 0.0
    for number in range(BINS):
        members = bin_of == number
        n = int(members.sum())
        mean_confidence = float(confidence[members].mean()) if n else None
        accuracy = float(correct[members].mean()) if n else None
        if mean_confidence is not None and accuracy is not None:
            error += n / len(confidence) * abs(mean_confidence - accuracy)
        bounds = {"low": float(edges[number]), "high": float(edges[number + 1])}
        bins.append({**bounds, "n": n, "confidence": mean_confidence, "accuracy": accuracy})
    return {"ece": error if len(confidence) else None, "bins": bins}


def _mistakes(
    answers: Sequence[Answer],
    predicted: NDArray[np.intp],
    true: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
) -> list[dict[str, Any]]:
    wrong = np.flatnonzero(predicted != true).tolist()
    surest = sorted(wrong, key=lambda n: (-probabilities[n].max(), answers[n].sha256))[:MISTAKES]
    return [
        {
            "sha256": answers[n].sha256,
            "source": answers[n].source,
            "label": answers[n].label,
            "said": labels[int(predicted[n])],
            "probability": float(probabilities[n].max()),
        }
        for n in surest
    ]


def to_markdown(figures: Mapping[str, Any], *, title: str) -> str:
    """Return the figures of `measure` as a page in Markdown, with a bar for each bin."""
    labels = figures["labels"]
    lines = [
        f"# {title}",
        "",
        f"{figures['images']} images. Accuracy {_rate_text(figures['accuracy'])}.",
        "",
    ]
    lines += ["| class | recall | precision |", "|---|---|---|"]
    for label, rates in figures["classes"].items():
        recall, precision = _rate_text(rates["recall"]), _rate_text(rates["precision"])
        lines.append(f"| {label} | {recall} | {precision} |")
    lines += ["", "## Confusion", "Rows are true, columns what the model said.", ""]
    lines += [f"| | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|"]
    for label, row in zip(labels, figures["confusion"], strict=True):
        lines.append(f"| {label} | {' | '.join(map(str, row))} |")
    ece = figures["calibration"]["ece"]
    lines += ["", "## Calibration", ""]
    lines += [f"Expected calibration error {'no data' if ece is None else percent(ece)}.", ""]
    if debiased := figures["calibration"]["debiased"]:
        bounds = interval(debiased["low"], debiased["high"])
        lines += [f"Without what chance adds to it: {percent(debiased['error'])} ({bounds}).", ""]
    lines += ["| sure | images | right | |", "|---|---|---|---|"]
    for bin_ in figures["calibration"]["bins"]:
        if bin_["n"]:
            bar = "█" * round(20 * bin_["accuracy"])
            bounds = f"{whole_percent(bin_['low'])} to {whole_percent(bin_['high'])}"
            lines.append(f"| {bounds} | {bin_['n']} | {whole_percent(bin_['accuracy'])} | {bar} |")
    lines += ["", "## Surest mistakes", ""]
    lines += ["| image | is | said | probability |", "|---|---|---|---|"]
    lines += [
        f"| {mistake['source']} | {mistake['label']} | {mistake['said']} "
        f"| {whole_percent(mistake['probability'])} |"
        for mistake in figures["mistakes"]
    ]
    return "\n".join(lines) + "\n"


def _rate_text(rate: Mapping[str, Any]) -> str:
    if rate["rate"] is None:
        return "no data"
    counted = f"{rate['count']} of {rate['n']}"
    return f"{percent(rate['rate'])} ({interval(rate['low'], rate['high'])}; {counted})"
