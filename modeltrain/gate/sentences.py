"""What the gate found, as plain sentences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modeltrain.formatting import percent, short_points

Cell = Mapping[str, Any]

_TOLD = 3  # groups that look harmed are named one by one
_CHANCE = 0.025  # of so many images newly wrong, if neither model were better

MISTAKES = {
    "false_alarm": "false alarms",
    "miss": "misses",
    "confusion": "harmless confusions",
    "error": "mistakes",
}


def has_to_tell(cell: Cell) -> bool:
    """Return whether a cell counts that has too few images: no model passes until it tells.

    It is required, or has as many clusters as a pass needs. How many independent images it has
    depends on the candidate as well: harm to whole clusters lowers that number, which must not
    excuse a cell.
    """
    return bool(cell.get("required") or cell.get("clusters", 0) >= cell.get("minimum", 0))


def cell_name(cell: Cell) -> str:
    """Return the name of a cell's images, such as "neutral images"."""
    if cell["axis"] == "overall":
        return "all images"
    if cell["axis"] == "class":
        return f"{cell['value']} images"
    axes, values = cell["axis"].split(" and "), cell["value"].split(" and ")
    if len(axes) != len(values):  # a value has an "and" of its own
        values = [cell["value"]]
        axes = [cell["axis"]]
    groups = [f"{axis.replace('_', ' ')} {value}" for axis, value in zip(axes, values, strict=True)]
    return "images with " + " and ".join(groups)


def _what(cell: Cell) -> str:
    """Return what is counted, such as "false alarms in neutral images"."""
    rule = "" if cell["rule"] == "highest score" else f" ({cell['rule']})"
    return f"{MISTAKES[cell['measure']]} in {cell_name(cell)}{rule}"


def _images_of(cell: Cell) -> str:
    """Return what tells cells apart that are counted: the mistake and its images, at any rule."""
    name = cell["same_images_as"] or f"{cell['axis']}={cell['value']}"
    return f"{cell['measure']} {name}"


def _counts(cell: Cell) -> str:
    interval = f", {short_points(cell['low'])} to {short_points(cell['high'])}"
    if cell["finding"] == "worse" and cell["low"] <= 0:
        interval = ""  # of few clusters, it is wider than what the test finds; the chance is told
    return (
        f"{cell['champion_wrong']} of {cell['n']} before, "
        f"{cell['candidate_wrong']} of {cell['n']} now "
        f"({short_points(cell['difference'], signed=True)} points{interval})"
    )


def _chance(p_value: float) -> str:
    """Say how rarely chance alone would do this anywhere, corrected for all that was tested."""
    odds = "fewer than 1 in 1,000" if p_value < 1e-3 else f"about 1 in {round(1 / p_value):,}"
    return f"by chance alone in {odds} such audits"


def cell_sentence(cell: Cell) -> str:
    """Say what was found for one cell."""
    name, what, margin = cell_name(cell), _what(cell), short_points(cell["margin"])
    if cell["exception"] is not None:
        finding = cell_sentence({**cell, "exception": None})
        return f"Does not decide ({cell['exception'].rstrip('.')}). {finding}"
    if cell["n"] == 0:
        reason = f" Not covered: {cell['not_covered']}" if cell["not_covered"] else ""
        return f"Not enough images: no {name} in the audit set.{reason}"
    if cell["finding"] == "worse":
        return f"Blocked: more {what}: {_counts(cell)}; {_chance(cell['exact_p_value'])}."
    if cell["finding"] == "insufficient data":
        if cell["high"] < cell["margin"]:
            return (
                f"Not enough images: {what} are counted in {cell['clusters']} clusters, and "
                f"{cell['minimum']} are needed to say that they do not rise: {_counts(cell)}."
            )
        if cell["needed"] is not None:
            enough = (
                f"About {cell['needed']:,} independent images would show whether there is one; "
                f"these count as {cell['independent']:,.0f}."
            )
        elif cell["difference"] > 0:
            enough = "If the rise is as large as it looks, no number of images would rule it out."
        else:
            enough = "Under this policy, no number of images would show it."
        return (
            f"Not enough images: a rise of {what} by {margin} points cannot be ruled out: "
            f"{_counts(cell)}. {enough}"
        )
    if cell["unchanged"]:
        return f"Pass: all answers are the same: {_counts(cell)}."
    return f"Pass: {what} do not rise by {margin} points or more: {_counts(cell)}."


def shortage_sentence(cell: Cell) -> str:
    """Say how many images a cell lacks, and what cannot be seen without them."""
    name, rise = cell_name(cell), cell["smallest_change"]
    why_not = cell["exception"] or (None if cell["decides"] else cell["not_covered"])
    if why_not:
        there = cell["n"] > 0 and cell["exception"] is None
        text = (_TESTED if there else _NOT_JUDGED).format(name)
        return f"{text[0].upper()}{text[1:]} ({why_not.rstrip('.')})."
    if cell["n"] == 0:
        if cell["required"]:
            return f"No model passes without {name}: collect about {cell['missing']:,}."
        return f"There are no {name}."
    rule = "" if cell["rule"] == "highest score" else f" ({cell['rule']})"
    mistakes = MISTAKES[cell["measure"]]
    if not cell["short"]:
        return (
            f"Enough {name}: a rise of {mistakes}{rule} by {short_points(rise)} points is noticed."
        )
    if cell["missing"] is None:
        return f"Under this policy, no number of {name} lets a model pass that answers otherwise."
    unseen = (
        f"no rise of {mistakes}{rule} is seen there, however large"
        if rise is None
        else f"no rise of {mistakes}{rule} below {short_points(rise)} points is seen there"
    )
    doubt = (
        ", and that a model that is no worse may read “not enough images”"
        if cell["decides"] and cell["missing_to_pass"]
        else ""
    )
    copies = round(cell["independent"]) < cell["n"]
    worth = f" (the {cell['n']:,} there count as {cell['independent']:,.0f})" if copies else ""
    return (
        f"Collect about {cell['missing']:,} more independent {name}{worth}, or accept that "
        f"{unseen}{doubt}."
    )


def gap_sentence(gap: Cell) -> str:
    """Say which group falls behind, by how much, how surely, and compared with what before."""
    now, before = gap["now"], gap["before"]
    # The interval for all groups at once may contain 0 though the test of all groups finds a gap.
    # That of this group alone never does: a gap is told only if it lies above 0.
    worse = "is worse off" if gap["own_low"] > 0 else "is not surely better off"
    better = "is better off" if gap["own_high"] < 0 else worse
    own = (
        f"The group itself {better} ({short_points(gap['own_change'], signed=True)} points, "
        f"{short_points(gap['own_low'])} to {short_points(gap['own_high'])})."
        f"{_against_reference(gap)}{_TOLERATED.get(gap['tolerated'], '')}{_also(gap)}"
    )
    return (
        f"A gap opens: {_what(gap)} happen to {percent(now['rate'])} of {gap['n']}, to "
        f"{percent(now['rest_rate'])} of {compared_with(gap)}; before, to "
        f"{percent(before['rate'])} and {percent(before['rest_rate'])} "
        f"({short_points(gap['difference'], signed=True)} points, "
        f"{short_points(gap['alone_low'])} to {short_points(gap['alone_high'])} for this group "
        f"alone); {_chance(gap['p_value'])}. {own}"
    )


def compared_with(gap: Cell) -> str:
    """Return the images that a group is compared with, such as "comparable others"."""
    against = gap.get("against")  # gaps of earlier releases are all to the others
    return f"comparable {_images(gap['axis'], against)}" if against else "comparable others"


def _images(axis: str, value: str) -> str:
    return cell_name({"axis": axis, "value": value})


_TOLERATED = {
    "few images": " It is told and does not block, because it rests on too few different images.",
    "chance": " It is told and does not block, because chance alone does this too often.",
}


def _against_reference(gap: Cell) -> str:
    """Say how a group compares with the reference group of its axis, if the policy names one."""
    if not gap["reference"]:
        return ""
    reference = gap["reference"]
    name = _images(gap["axis"], reference["value"])
    return (
        f" Compared with {name}, where it is {percent(reference['rest_rate'])}: "
        f"{short_points(reference['difference'], signed=True)} points "
        f"({short_points(reference['low'])} to {short_points(reference['high'])})"
        f"{_ratio(reference)}."
    )


def _ratio(gap: Cell) -> str:
    if gap["ratio"] is None:
        return ""
    low, high = f"{gap['ratio_low']:.1f}", f"{gap['ratio_high']:.1f}"
    return f", {gap['ratio']:.1f} times as often ({low} to {high})"


def _also(gap: Cell) -> str:
    """Say in what else a group falls behind."""
    kinds = [
        f"{mistakes}{_to_reference(kind)} ({short_points(kind['difference'], signed=True)} points)"
        for kind in gap["also"]
        for mistakes in [_what(kind).replace(f" in {cell_name(gap)}", "")]
    ]
    return f" The same group falls behind in {_listed(kinds)}." if kinds else ""


def _to_reference(gap: Cell) -> str:
    against = gap.get("against")
    return f" compared with {_images(gap['axis'], against)}" if against else ""


def open_gap_sentence(gaps: Sequence[Cell]) -> str:
    """Say how wide a group's gap is that a model opened and that was not closed since.

    Parameters
    ----------
    gaps : sequence of mapping
        In what the group falls behind, the widest first: gaps of a gate's result with `model` and
        `earlier_model`, the versions that were compared, and `under`, the version in service.
        `standing` and `standing_before` have its `n`, `rate`, `rest_rate`, `difference`, `low` and
        `high` under the model in service and the earlier one, or are None where these were not
        measured on the same images.
    """
    gap, *others = gaps
    also = [{**other, "difference": (other["standing"] or other)["difference"]} for other in others]
    return f"{_open_gap(gap)}{_also({**gap, 'also': also})}"


def _open_gap(gap: Cell) -> str:
    standing, earlier = gap["standing"], gap["standing_before"]
    what = _what(gap)
    opened = f"opened with {gap['model']}; {_chance(gap['p_value'])}"
    if standing is None:
        return (
            f"{what[0].upper()}{what[1:]}: {percent(gap['now']['rate'])} of {gap['n']} under "
            f"{gap['model']}, {percent(gap['now']['rest_rate'])} of {compared_with(gap)}. This gap "
            f"{opened}. It cannot be measured anew under {gap['under']}, so it stays open."
        )
    before = (
        f"{percent(earlier['rate'])} and {percent(earlier['rest_rate'])} ({_width(earlier)})"
        if earlier
        else f"{percent(gap['before']['rate'])} and {percent(gap['before']['rest_rate'])}"
    )
    return (
        f"{what[0].upper()}{what[1:]}: {percent(standing['rate'])} of {standing['n']}, "
        f"{percent(standing['rest_rate'])} of {compared_with(gap)} ({_width(standing)}). Before, "
        f"under {gap['earlier_model']}: {before}. This gap {opened}."
    )


def _width(gap: Cell) -> str:
    return (
        f"{short_points(gap['difference'], signed=True)} points, {short_points(gap['low'])} to "
        f"{short_points(gap['high'])}"
    )


_UNTESTED = {
    "not comparable": "other groups have hardly any image of the same kind. Add images of other "
    "groups that are comparable.",
    "not dealt": "nearly all their images share a cluster with an image of another group that is "
    "of another kind. Add images of each group that are comparable, in the same clusters or in "
    "clusters of their own.",
}


def untested_sentences(untested: Sequence[tuple[str, str, str]]) -> list[str]:
    """Say of the groups that no gap can be found for, by axis, why and what to do.

    Parameters
    ----------
    untested : sequence of (str, str, str)
        As `disparity.untested_groups` returns them.
    """
    return [
        f"Gaps for {_listed(values)} on the axis {axis.replace('_', ' ')} can hardly be found: "
        f"{_UNTESTED[why]}"
        for (axis, why), values in _by_axis(untested).items()
    ]


def _by_axis(untested: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    by_axis: dict[tuple[str, str], list[str]] = {}
    for axis, value, why in untested:
        by_axis.setdefault((axis, why), []).append(value)
    return by_axis


def combination_sentence(combinations: Sequence[tuple[str, str, str]]) -> str:
    """Say in which groups harm to one class is offset in another, and how to have that judged.

    Parameters
    ----------
    combinations : sequence of (str, str, str)
        As `cells.offset_harm` returns them.
    """
    names = _unique([cell_name({"axis": axis, "value": value}) for axis, value, _ in combinations])
    mistakes = _unique([MISTAKES[measure] for *_, measure in combinations])
    pairs = _unique([f'["class", "{axis}"]' for axis, *_ in combinations])
    return (
        f"Within {_listed(names)}, {_listed(mistakes)} rise in one class and fall in another. A "
        "class within a group is judged only if the policy names it: add "
        f"{_listed(pairs)} to pairs."
    )


def verdict_sentence(
    verdict: str,
    cells: Sequence[Cell],
    gaps: Sequence[Cell],
    untested: Sequence[tuple[str, str, str]] = (),
    alike: Sequence[Sequence[str]] = (),
) -> str:
    """Say what the gate found overall, the worst first, and in the same sentence what it did not
    judge."""
    limits = _not_judged(cells)
    if untested:
        axes = _unique([axis.replace("_", " ") for axis, *_ in untested])
        limits += f"; some gaps by {_listed(axes)} could not be looked for"
    for repeated in alike:
        names = _listed([axis.replace("_", " ") for axis in repeated])
        limits += f"; {names} have the same groups, image for image"
    cells = [cell for cell in cells if cell["exception"] is None]
    besides = f"{_gaps_told(gaps)}{_harmed_but_few(cells)}"
    if verdict == "pass":
        first = (
            "Pass: all answers are the same"
            if cells and all(cell["unchanged"] for cell in cells)
            else "Pass: neither false alarms nor misses nor confusions rise beyond their margin in "
            "any class or group with enough images"
        )
        return f"{first}{limits}.{besides}"
    worse = [cell for cell in cells if cell["finding"] == "worse"]
    blocking = [gap for gap in gaps if gap["blocks"]]
    if worse:
        # The overall cell says least about who is harmed, and confusion harms nobody.
        worst = min(
            worse,
            key=lambda cell: (
                cell["measure"] == "confusion",
                cell["axis"] == "overall",
                -cell["difference"],
            ),
        )
        rest = len(_unique([_images_of(cell) for cell in worse])) - 1
        more = f"; {rest} more {'cell is' if rest == 1 else 'cells are'} worse" if rest else ""
        return str(worst["sentence"]).removesuffix(".") + f"{more}{limits}.{besides}"
    if blocking:
        opens, end, own = str(blocking[0]["sentence"]).partition(". The group itself")
        others = _also_open([gap for gap in gaps if gap is not blocking[0]])
        words = f"{limits}{end}{own}{others}{_harmed_but_few(cells)}"
        return f"Blocked: {opens[0].lower()}{opens[1:]}{words}"
    short = [cell for cell in cells if cell["finding"] == "insufficient data" and has_to_tell(cell)]
    return "Not enough images: " + "; ".join(_shortages(short)) + f"{limits}.{besides}"


def brief_verdict(result: Mapping[str, Any]) -> str:
    """Return a verdict's sentence for a place where the sentences of all gaps stand beside it.

    Of the gap that the sentence tells in full, it keeps for which group it opens.
    """
    sentence = str(result["sentence"])
    if not result.get("gaps"):
        return sentence
    gap = result["gaps"][0]
    opens, end, own = str(gap["sentence"]).partition(". The group itself")
    brief = f"gap opens for {cell_name(gap)}"
    if str(gap["sentence"]) in sentence:
        return sentence.replace(str(gap["sentence"]), f"A {brief}.")
    if not (gap["blocks"] and end):
        return sentence
    return sentence.replace(f"a{opens[1:]}", f"a {brief}").replace(f"{end}{own}", ".")


def _gaps_told(gaps: Sequence[Cell]) -> str:
    """Say what the widest gap is, and for whom others open."""
    return f" {gaps[0]['sentence']}{_also_open(gaps[1:])}" if gaps else ""


def _also_open(gaps: Sequence[Cell]) -> str:
    groups = _unique([cell_name(gap) for gap in gaps])
    return f" Gaps open for {_listed(groups)} as well." if groups else ""


def _harmed_but_few(cells: Sequence[Cell]) -> str:
    """Name the groups that look harmed and have too few images to decide, the worst first."""
    harmed = sorted(
        (cell for cell in cells if _looks_harmed(cell)), key=lambda cell: -cell["difference"]
    )
    by_name = {cell_name(cell): cell for cell in reversed(harmed)}
    worst = sorted(by_name.values(), key=lambda cell: -cell["difference"])
    if not worst:
        return ""
    counts = [
        f"{_what(cell)}: {cell['champion_wrong']} of {cell['n']} before, "
        f"{cell['candidate_wrong']} of {cell['n']} now"
        + (f" ({_different(cell['clusters'])})" if cell["clusters"] < cell["n"] else "")
        for cell in worst[:_TOLD]
    ]
    more = f"; and {len(worst) - _TOLD} more" if len(worst) > _TOLD else ""
    return f" These look harmed and have too few images to decide: {'; '.join(counts)}{more}."


def _looks_harmed(cell: Cell) -> bool:
    """Whether it has more false alarms or misses, by its interval or as if no image were a copy."""
    if cell["finding"] != "insufficient data" or cell["measure"] == "confusion" or not cell["n"]:
        return False
    changed = cell["newly_wrong"] + cell["newly_right"]
    as_extreme = sum(math.comb(changed, n) for n in range(cell["newly_wrong"], changed + 1))
    return bool(cell["low"] > 0 or as_extreme <= _CHANCE * 2**changed)


def _different(images: int) -> str:
    return "copies of one image" if images == 1 else f"copies of {images} images"


def _not_judged(cells: Sequence[Cell]) -> str:
    """Say which cells do not decide by the policy's own words, and why, as more of a sentence."""
    reasons: dict[tuple[str, str], list[Cell]] = {}
    worse = {cell_name(cell) for cell in cells if cell["finding"] == "worse"}
    for cell in cells:
        few = cell["n"] == 0 or cell["clusters"] < cell["minimum"]
        few = few and cell_name(cell) not in worse
        if reason := cell["exception"] or (cell["not_covered"] if few else None):
            there = cell["n"] > 0 and cell["exception"] is None
            words = _TESTED if there else _NOT_JUDGED
            reasons.setdefault((words, reason), []).append(cell)
    return "".join(
        f"; {words.format(_named(apart))} ({reason.rstrip('.')})"
        for (words, reason), apart in reasons.items()
    )


def not_judged(policy: Mapping[str, Any]) -> str:
    """Say which cells a policy leaves out, each with its reason; "" if it leaves out none.

    Parameters
    ----------
    policy : mapping
        As a verdict contains it. Before version 3, a policy has exceptions only.
    """
    reasons: dict[tuple[str, str], list[Cell]] = {}
    for name, words in (("not_covered", _NOT_REQUIRED), ("exceptions", _NOT_JUDGED)):
        for cell in policy.get(name, []):
            reasons.setdefault((words, cell["reason"]), []).append(cell)
    sentences = [
        f"{words.format(_named(apart))} ({reason.rstrip('.')})."
        for (words, reason), apart in reasons.items()
    ]
    return " ".join(f"{text[0].upper()}{text[1:]}" for text in sentences)


_NOT_JUDGED = "{} are not judged"
_NOT_REQUIRED = "{} are not required"
_TESTED = "of {}, only a certain rise is told"


def _named(cells: Sequence[Cell]) -> str:
    classes = _unique([cell["value"] for cell in cells if cell["axis"] == "class"])
    others = _unique([cell_name(cell) for cell in cells if cell["axis"] != "class"])
    names = [f"{_listed(classes, most=8)} images"] if classes else []
    return _listed([*names, *others], most=8)


def _shortages(cells: Sequence[Cell]) -> list[str]:
    """Return which cells have no images, and which have too few."""
    empty = [cell["value"] for cell in cells if cell["n"] == 0]
    few = [cell for cell in cells if cell["n"]]
    parts = []
    if empty:
        parts.append("no images of " + _listed(_unique(empty)))
    if few:
        names = _unique([cell_name(cell) for cell in few])
        most = max(few, key=lambda cell: (cell["needed"] or math.inf) / cell["independent"])
        if most["needed"] is not None:
            enough = (
                f"of {cell_name(most)}, about {most['needed']:,} independent ones are needed, and "
                f"the {most['n']:,} there count as {most['independent']:,.0f}"
            )
        elif most["difference"] > 0:
            enough = f"{cell_name(most)} look worse, which more of the same would not rule out"
        else:
            enough = "under this policy, no number of images would do"
        parts.append(f"too few {_listed(names)} to rule out a rise; {enough}")
    return parts


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _listed(names: Sequence[str], *, most: int = 4) -> str:
    """Return the names as a list in words, or the first few and how many more there are."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
