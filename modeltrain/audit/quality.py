"""How good a model is on a split: what it confuses, how sure it is, and how right when sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from modeltrain.audit.fairness import rate

BINS = 15
MISTAKES = 20

Figures = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a model said of one image: its probabilities, in the order of the labels."""

    sha256: str
    source: str
    label: str
    probabilities: Sequence[float]


def figures(answers: Sequence[Answer], labels: Sequence[str], *, level: float = 0.95) -> Figures:
    """Count what a model got right, overall and by class.

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
        `images`, `accuracy`, `confusion` (rows are true labels, columns answers, in the order of
        `labels`), `classes` (recall and precision, each `{count, n, rate, low, high}`; a rate of
        nothing is None), `calibration` and `mistakes` (the surest first).
    """
    probabilities = np.array([each.probabilities for each in answers], dtype=np.float64)
    probabilities = probabilities.reshape(len(answers), len(labels))
    true = np.array([labels.index(each.label) for each in answers], dtype=np.intp)
    said = probabilities.argmax(axis=1) if len(answers) else true
    places = list(range(len(labels)))
    confused = (
        confusion_matrix(true, said, labels=places)
        if len(answers)
        else np.zeros((len(labels), len(labels)), dtype=int)
    )
    right = np.diag(confused)
    return {
        "images": len(answers),
        "labels": list(labels),
        "accuracy": rate(count=int(right.sum()), n=len(answers), level=level),
        "confusion": confused.tolist(),
        "classes": {
            label: {
                "recall": rate(count=int(right[n]), n=int(confused[n].sum()), level=level),
                "precision": rate(count=int(right[n]), n=int(confused[:, n].sum()), level=level),
            }
            for n, label in enumerate(labels)
        },
        "calibration": calibration(probabilities.max(axis=1, initial=0), said == true),
        "mistakes": _mistakes(answers, said, true, probabilities, labels),
    }


def calibration(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Figures:
    """Compare how sure a model is with how often it is right.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), equation 3: the mean
    distance between confidence and accuracy over 15 bins of equal width, weighted by their images.

    Parameters
    ----------
    confidence : numpy.ndarray of float64, shape [n]
        The highest probability of each image, 0 to 1.
    correct : numpy.ndarray of bool, shape [n]

    Returns
    -------
    dict
        `ece` (None without images) and `bins`: `low`, `high`, `n`, and mean `confidence` and
        `accuracy`, None where a bin is empty. A bin holds what is over `low` up to `high`.
    """
    edges = np.linspace(0, 1, BINS + 1)
    placed = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    distance = 0.0
    for number in range(BINS):
        there = placed == number
        n = int(there.sum())
        sure = float(confidence[there].mean()) if n else None
        right = float(correct[there].mean()) if n else None
        if sure is not None and right is not None:
            distance += n / len(confidence) * abs(sure - right)
        edge = {"low": float(edges[number]), "high": float(edges[number + 1])}
        bins.append({**edge, "n": n, "confidence": sure, "accuracy": right})
    return {"ece": distance if len(confidence) else None, "bins": bins}


def _mistakes(
    answers: Sequence[Answer],
    said: NDArray[Any],
    true: NDArray[Any],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
) -> list[dict[str, Any]]:
    wrong = [n for n in range(len(answers)) if said[n] != true[n]]
    surest = sorted(wrong, key=lambda n: (-probabilities[n].max(), answers[n].sha256))[:MISTAKES]
    return [
        {
            "sha256": answers[n].sha256,
            "source": answers[n].source,
            "label": answers[n].label,
            "said": labels[int(said[n])],
            "probability": float(probabilities[n].max()),
        }
        for n in surest
    ]


def to_markdown(found: Mapping[str, Any], *, title: str) -> str:
    """Write figures as a page: a table for each, and bars for calibration."""
    labels = found["labels"]
    lines = [
        f"# {title}",
        "",
        f"{found['images']} images. Accuracy {_said(found['accuracy'])}.",
        "",
    ]
    lines += ["| class | recall | precision |", "|---|---|---|"]
    for label, each in found["classes"].items():
        lines.append(f"| {label} | {_said(each['recall'])} | {_said(each['precision'])} |")
    lines += ["", "## Confusion", "Rows are true, columns what the model said.", ""]
    lines += [f"| | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|"]
    for label, row in zip(labels, found["confusion"], strict=True):
        lines.append(f"| {label} | {' | '.join(map(str, row))} |")
    ece = found["calibration"]["ece"]
    lines += ["", "## Calibration", ""]
    lines += [f"Expected calibration error {'no data' if ece is None else f'{ece:.1%}'}.", ""]
    lines += ["| sure | images | right | |", "|---|---|---|---|"]
    for each in found["calibration"]["bins"]:
        if each["n"]:
            bar = "█" * round(20 * each["accuracy"])
            edge = f"{each['low']:.0%} to {each['high']:.0%}"
            lines.append(f"| {edge} | {each['n']} | {each['accuracy']:.0%} | {bar} |")
    lines += ["", "## Surest mistakes", ""]
    lines += ["| image | is | said | probability |", "|---|---|---|---|"]
    lines += [
        f"| {each['source']} | {each['label']} | {each['said']} | {each['probability']:.0%} |"
        for each in found["mistakes"]
    ]
    return "\n".join(lines) + "\n"


def _said(each: Mapping[str, Any]) -> str:
    if each["rate"] is None:
        return "no data"
    interval = f"{each['low']:.1%} to {each['high']:.1%}"
    return f"{each['rate']:.1%} ({interval}; {each['count']} of {each['n']})"
