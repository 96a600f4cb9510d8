"""Gaps that candidates open between groups: who confirmed to have read them, which are open."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.core.cache import cache

from feedback import queries
from feedback.errors import GapsNotAcknowledged, Invalid
from feedback.models import Audit, ModelVersion, Retrain
from feedback.services import audits
from feedback.text import strip_unsafe_characters

if TYPE_CHECKING:
    from modeltrain.gate.policy import Policy

CACHE_SECONDS = 24 * 3600

Gap = Mapping[str, Any]


@dataclass(frozen=True)
class OpenGaps:
    """A group that a promotion left behind, and that has not caught up since.

    Attributes
    ----------
    axis, value : str
        The group.
    retrain : Retrain
        Whose candidate opened the gaps.
    gaps : list of dict
        As the gate found them, the widest first. `standing` and `standing_before` are the figures
        under the model in service and under the one before the promotion, or None; `margin` is how
        wide a closed gap may be.
    """

    axis: str
    value: str
    retrain: Retrain
    gaps: list[dict[str, Any]]


def by_group(gate: Mapping[str, Any]) -> dict[str, list[Gap]]:
    """The gaps of a gate's result by their group's name, such as "skin_tone=dark".

    A group can fall behind in several kinds of mistake, and at several decision rules.
    """
    groups: dict[str, list[Gap]] = {}
    for gap in gate.get("gaps", []):
        groups.setdefault(f"{gap['axis']}={gap['value']}", []).append(gap)
    return groups


def acknowledge(gate: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return the names of all groups for which a gap opens, each of which `names` must name.

    Raises
    ------
    GapsNotAcknowledged
        If one is missing.
    Invalid
        If a name is none of them.
    """
    groups = list(by_group(gate))
    acknowledged = [strip_unsafe_characters(name) for name in names]
    if unknown := [name for name in acknowledged if name not in groups]:
        raise Invalid(
            rule="A gap is named as axis=value, as the verdict lists it under gaps.",
            received=f"{_quoted(unknown)}, where the verdict lists {_quoted(groups)}",
            remedy="Name the groups that the verdict lists, or reload the page if it is new.",
        )
    if missing := [name for name in groups if name not in acknowledged]:
        raise GapsNotAcknowledged(
            rule="Whoever promotes a model that opens gaps between groups confirms in public to "
            "have read each of them.",
            received=f"{_quoted(acknowledged)}; missing: {_quoted(missing)}",
            remedy="Read the sentence of each gap, and name all of them in acknowledged_gaps.",
        )
    return groups


def _quoted(names: Sequence[str], *, most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:100]) for name in names[:most]) + more if names else "none"


def open_gaps() -> list[OpenGaps]:
    """The gaps that lead the overview, the model's page and its card.

    A gap is open from the promotion of the model that opened it, for that model and those that were
    compared with it in turn. It is closed when the audit of the model in service shows the group
    behind the rest by no more than the policy's margin for gaps. What cannot be measured any more
    stays open.
    """
    champion = queries.models.champion()
    if champion is None:
        return []
    groups: dict[tuple[str, str], OpenGaps] = {}
    kinds = set()
    for retrain in queries.models.promotions_with_gaps(champion):
        for gap in _measured_gaps(retrain, champion):
            group = gap["axis"], gap["value"]
            kind = gap.get("against"), gap["measure"], gap["rule"]
            if (group, kind) in kinds:
                continue  # a later promotion opened it wider, and was compared with this one
            kinds.add((group, kind))
            if not gap["closed"]:
                groups.setdefault(group, OpenGaps(*group, retrain, [])).gaps.append(gap)
    for open_group in groups.values():
        open_group.gaps.sort(key=_width, reverse=True)
    return sorted(groups.values(), key=lambda open_group: -_width(open_group.gaps[0]))


def _width(gap: Gap) -> float:
    return float((gap["standing"] or gap)["difference"])


def _measured_gaps(retrain: Retrain, champion: ModelVersion) -> list[dict[str, Any]]:
    """The gaps that a promotion opened, with their figures now and before."""
    from modeltrain.gate.policy import Policy

    policy, earlier = Policy.load(), retrain.judged_against or retrain.base
    audit = queries.audits.finished_audit_of(champion)
    audit_before = Audit.objects.filter(
        model=earlier, status=Audit.Status.DONE, audit_set=audit.audit_set if audit else None
    ).first()
    gaps = [kind for gap in (retrain.gate or {})["gaps"] for kind in (gap, *gap.get("also", []))]
    standing, standing_before = (
        _measure(measured, gaps, policy) for measured in (audit, audit_before)
    )
    return [
        {
            **gap,
            "model": retrain.candidate.version if retrain.candidate else "",
            "earlier_model": earlier.version,
            "under": champion.version,
            "standing": now,
            "standing_before": before,
            "margin": policy.gap_margin,
            "closed": now is not None and now["difference"] <= policy.gap_margin,
        }
        for gap, now, before in zip(gaps, standing, standing_before, strict=True)
    ]


def _measure(
    audit: Audit | None, gaps: Sequence[Gap], policy: "Policy"
) -> Sequence[dict[str, Any] | None]:
    """The figures of each gap under the model of an audit; None where there are none."""
    if audit is None:
        return [None] * len(gaps)
    slices = queries.audits.slice_groups(audit.audit_set)
    wanted = [
        (gap["axis"], gap["value"], gap.get("against"), gap["measure"], gap["rule"]) for gap in gaps
    ]
    key = f"gaps {audit.pk} {audit.finished_at} {wanted} {policy} {sorted(slices.items())}"
    cache_key = hashlib.sha256(key.encode()).hexdigest()
    figures: list[dict[str, Any] | None] | None = cache.get(cache_key)
    if figures is None:
        from modeltrain.audit import columns
        from modeltrain.audit.harm import DecisionRule
        from modeltrain.gate.group_gap import group_gap

        try:
            answers = audits.predictions_of(audit, slices)
        except (OSError, columns.ColumnsRefused):
            return [None] * len(gaps)
        figures = []
        for axis, value, against, measure, rule in wanted:
            measured = group_gap(
                answers,
                axis=axis,
                value=value,
                against=against,
                measure=measure,
                rule=DecisionRule.named(rule),
                policy=policy,
            )
            figures.append(asdict(measured) if measured else None)
        cache.set(cache_key, figures, CACHE_SECONDS)
    return figures
