"""What the shipped policy says of candidates on the demo's audit set, at real answers.

`published_answers.csv` has the published model's; `bench/audit_set.py --csv` writes it.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from modeltrain.audit.evaluate import Predicted
from modeltrain.data.manifest import split_of
from modeltrain.gate.judge import judge
from modeltrain.labels import LABELS

ANSWERS = Path(__file__).with_name("published_answers.csv")

Scores = dict[str, float]


@pytest.fixture(scope="module")
def published() -> list[Predicted]:
    with ANSWERS.open() as file:
        rows = list(csv.DictReader(file))
    axes = [name for name in rows[0] if name not in {"cluster", "label", *LABELS}]
    return [
        Predicted(
            sha256=f"{number:064x}",
            cluster=row["cluster"],
            expected=row["label"],
            groups={axis: row[axis] for axis in axes if row[axis]},
            scores={label: float(row[label]) for label in LABELS},
        )
        for number, row in enumerate(rows)
    ]


def verdict(published: list[Predicted], change: Callable[[Predicted], Scores]) -> dict:
    candidate = [
        Predicted(answer.sha256, answer.cluster, answer.expected, answer.groups, change(answer))
        for answer in published
    ]
    return judge(champion=published, candidate=candidate)


def swapped(answer: Predicted, first: str, second: str) -> Scores:
    scores = dict(answer.scores)
    scores[first], scores[second] = scores[second], scores[first]
    return scores


def learnt(share: float, salt: str = "") -> Callable[[Predicted], Scores]:
    """Drawings of a share of the clusters are drawings now, where they were neutral."""

    def change(answer: Predicted) -> Scores:
        was_neutral = answer.expected == "drawings" and answer.predicted == "neutral"
        is_learnt = split_of(f"learnt{salt} {answer.cluster}", audit_share=share) == "audit"
        return (
            swapped(answer, "neutral", "drawings") if was_neutral and is_learnt else answer.scores
        )

    return change


@pytest.mark.parametrize("salt", ["", "again", "once more"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_harmless_improvement_passes(published, share, salt):
    result = verdict(published, learnt(share, salt))
    assert result["verdict"] == "pass", result["sentence"]
    assert result["sentence"].startswith("Pass: neither false alarms")


def test_the_first_sentence_says_what_cannot_be_judged(published):
    first, _, rest = verdict(published, learnt(0.3))["sentence"].partition(". ")
    assert "hentai, porn and sexy images are not judged (This site keeps no explicit" in first
    assert "of images with subject hand, only a certain rise is told (The demo's audit set" in first
    assert not rest


@pytest.mark.parametrize("gender", ["man", "person", "woman"])
def test_the_same_improvement_is_blocked_if_it_harms_a_group(published, gender):
    improve = learnt(0.3)

    def change(answer: Predicted) -> Scores:
        of_the_group = answer.groups.get("gender") == gender
        if of_the_group and split_of(f"harmed {answer.cluster}", audit_share=0.3) == "audit":
            return swapped(answer, answer.predicted, "porn")
        return improve(answer)

    result = verdict(published, change)
    assert result["verdict"] == "blocked"
    assert f"more false alarms in images with gender {gender}" in result["sentence"]
