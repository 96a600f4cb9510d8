"""Two images alike but for the group, of which the model gets one wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from feedback.errors import Invalid
from feedback.models import Classification, Report

Image = TypeVar("Image")


@dataclass(frozen=True)
class Pair(Generic[Image]):
    """One pair, of files or of what the model said of them.

    `groups` says what sets each apart: one group of each, on the same axis; or nothing of both.
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
        apart = wrong.keys() == counterpart.keys() and wrong != counterpart
        if (wrong or counterpart) and not (apart and len(wrong) == 1):
            raise Invalid(
                rule="The images of a pair differ in one group, on one axis.",
                received=f"pair {number}: {_said(wrong)} and {_said(counterpart)}",
                remedy="State one group of each, on the same axis, or of neither.",
            )


def _said(groups: Mapping[str, str]) -> str:
    return ", ".join(f"{axis}={value}" for axis, value in groups.items()) or "not stated"


def check_answers(pairs: Sequence[Pair[Classification]], *, expected_label: str) -> None:
    """Whether it does better for the second image is for a reviewer to say: scores differ too."""
    right = [
        f"pair {number}, of which it calls the first image {pair.wrong.label}"
        for number, pair in enumerate(pairs, start=1)
        if pair.wrong.label == expected_label
    ]
    if right:
        raise Invalid(
            rule=f"Of a pair, the model gets the first image wrong, which is {expected_label}.",
            received="; ".join(right),
            remedy="Perhaps the two are the wrong way round.",
        )
