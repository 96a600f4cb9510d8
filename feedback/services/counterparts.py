"""Pairs of images that differ only in a group, of which the model gets one wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from feedback.errors import Invalid
from feedback.models import Classification, Report

Image = TypeVar("Image")


@dataclass(frozen=True)
class Pair(Generic[Image]):
    """A pair of uploads, or of their classifications.

    `groups` has the groups that distinguish them: one of each on the same axis, or none of both.
    """

    wrong: Image
    counterpart: Image
    groups: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})

    def __iter__(self) -> Iterator[Image]:
        yield self.wrong
        yield self.counterpart


def check(pairs: Sequence[Pair[Image]], *, kind: str) -> None:
    if pairs and kind != Report.Kind.UNFAIR:
        raise Invalid(
            rule="Pairs belong to a report that the model is unfair to a group.",
            received=f"{len(pairs)} with a report of kind {kind!r}",
            remedy="Choose that kind, or send images alone.",
        )
    for number, pair in enumerate(pairs, start=1):
        wrong, counterpart = pair.groups
        differ = wrong.keys() == counterpart.keys() and wrong != counterpart
        if (wrong or counterpart) and not (differ and len(wrong) == 1):
            raise Invalid(
                rule="The images of a pair differ in one group, on one axis.",
                received=f"pair {number}: {_described(wrong)} and {_described(counterpart)}",
                remedy="State one group of each, on the same axis, or of neither.",
            )


def _described(groups: Mapping[str, str]) -> str:
    return ", ".join(f"{axis}={value}" for axis, value in groups.items()) or "not stated"


def check_answers(pairs: Sequence[Pair[Classification]], *, expected_label: str) -> None:
    """Refuse pairs whose first image the model gets right. Reviewers judge the second image."""
    correct = [
        f"pair {number}, of which it calls the first image {pair.wrong.label}"
        for number, pair in enumerate(pairs, start=1)
        if pair.wrong.label == expected_label
    ]
    if correct:
        raise Invalid(
            rule=f"Of a pair, the model gets the first image wrong, which is {expected_label}.",
            received="; ".join(correct),
            remedy="Perhaps the two are the wrong way round.",
        )
