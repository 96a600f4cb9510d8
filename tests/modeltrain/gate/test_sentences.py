import pytest

from modeltrain.gate.sentences import (
    brief_verdict,
    cell_name,
    cell_sentence,
    gap_sentence,
    has_to_tell,
    not_judged,
    open_gap_sentence,
    shortage_sentence,
    verdict_sentence,
)


def cell(finding, axis="class", value="neutral", **changes):
    """3 of 120 wrong before and 17 of 120 now, unless `changes` say otherwise."""
    figures = {
        "measure": "false_alarm",
        "rule": "highest score",
        "axis": axis,
        "value": value,
        "n": 120,
        "clusters": 120,
        "same_images_as": "",
        "independent": 120.0,
        "champion_wrong": 3,
        "candidate_wrong": 17,
        "newly_wrong": 15,
        "newly_right": 1,
        "difference": 14 / 120,
        "low": 0.0632,
        "high": 0.1867,
        "margin": 0.05,
        "minimum": 30,
        "unchanged": False,
        "exact_p_value": 1 / 612,
        "needed": 1234,
        "required": True,
        "not_covered": None,
        "exception": None,
        "finding": finding,
    } | changes
    return figures | {"sentence": cell_sentence(figures)}


# Neither the interval nor the images that changed tell that it is harmed.
UNSURE = {"low": -0.01, "newly_wrong": 1, "newly_right": 0}


def gap(*, blocks=True, **changes):
    figures = {
        "measure": "error",
        "rule": "highest score",
        "axis": "skin_tone",
        "value": "dark",
        "n": 61,
        "before": {"rate": 0.984, "rest_rate": 0.98},
        "now": {"rate": 0.115, "rest_rate": 0.02},
        "difference": 0.094,
        "low": -0.002,
        "high": 0.19,
        "alone_low": 0.024,
        "alone_high": 0.164,
        "p_value": 0.0005,
        "own_change": -0.87 if not blocks else 0.0,
        "own_low": -0.93 if not blocks else -0.04,
        "own_high": -0.74 if not blocks else 0.04,
        "blocks": blocks,
        "tolerated": None if blocks else "better off",
        "also": [],
        "reference": None,
    } | changes
    return figures | {"sentence": gap_sentence(figures)}


def verdict(name, *cells, gaps=()):
    return verdict_sentence(name, cells, gaps)


FIGURES = "3 of 120 before, 17 of 120 now (+12 points, 6.3 to 19)"


def test_cells_are_called_by_their_images():
    assert cell_name({"axis": "overall", "value": "all"}) == "all images"
    assert cell_name({"axis": "class", "value": "porn"}) == "porn images"
    assert cell_name({"axis": "skin_tone", "value": "dark"}) == "images with skin tone dark"
    pair = {"axis": "skin_tone and gender", "value": "dark and woman"}
    assert cell_name(pair) == "images with skin tone dark and gender woman"
    with_and = {"axis": "medium", "value": "pen and ink"}
    assert cell_name(with_and) == "images with medium pen and ink"


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (
            cell("worse"),
            f"Blocked: more false alarms in neutral images: {FIGURES}; by chance alone in about 1 "
            "in 612 such audits.",
        ),
        (
            cell("worse", rule="NSFW score ≥ 0.3", measure="miss", exact_p_value=1e-3),
            f"Blocked: more misses in neutral images (NSFW score ≥ 0.3): {FIGURES}; by chance "
            "alone in about 1 in 1,000 such audits.",
        ),
        (
            cell("worse", low=0.0),
            "Blocked: more false alarms in neutral images: 3 of 120 before, 17 of 120 now (+12 "
            "points); by chance alone in about 1 in 612 such audits.",
        ),
        (
            cell("worse", measure="confusion", exact_p_value=0.9e-3),
            f"Blocked: more harmless confusions in neutral images: {FIGURES}; by chance alone in "
            "fewer than 1 in 1,000 such audits.",
        ),
        (
            cell("insufficient data"),
            "Not enough images: a rise of false alarms in neutral images by 5 points cannot be "
            f"ruled out: {FIGURES}. About 1,234 independent images would show whether there is "
            "one; these count as 120.",
        ),
        (
            cell("not worse"),
            f"Pass: false alarms in neutral images do not rise by 5 points or more: {FIGURES}.",
        ),
        (
            cell("not worse", unchanged=True),
            f"Pass: all answers are the same: {FIGURES}.",
        ),
        (
            cell("insufficient data", n=0),
            "Not enough images: no neutral images in the audit set.",
        ),
        (
            cell("insufficient data", n=0, not_covered="None is kept."),
            "Not enough images: no neutral images in the audit set. Not covered: None is kept.",
        ),
        (
            cell("insufficient data", n=0, exception="Labelled by X."),
            "Does not decide (Labelled by X). Not enough images: no neutral images in the audit "
            "set.",
        ),
        (
            cell("not worse", exception="Why"),
            "Does not decide (Why). Pass: false alarms in neutral images do not rise by 5 points "
            f"or more: {FIGURES}.",
        ),
    ],
)
def test_every_finding_has_a_sentence(figures, sentence):
    assert figures["sentence"] == sentence


def test_a_gap_says_who_how_much_how_sure_and_compared_with_what():
    assert gap()["sentence"] == (
        "A gap opens: mistakes in images with skin tone dark happen to 11.5% of 61, to 2.0% of "
        "comparable others; before, to 98.4% and 98.0% (+9.4 points, 2.4 to 16 for this group "
        "alone); by chance alone in fewer than 1 in 1,000 such audits. The group itself is not "
        "surely better off (0 points, −4 to 4)."
    )
    assert gap(blocks=False)["sentence"].endswith(
        "The group itself is better off (−87 points, −93 to −74)."
    )


def test_a_pass_says_what_was_looked_at():
    assert verdict("pass", cell("not worse")) == (
        "Pass: neither false alarms nor misses nor confusions rise beyond their margin in any "
        "class or group with enough images."
    )
    assert verdict("pass", cell("not worse", unchanged=True)) == "Pass: all answers are the same."


def test_a_pass_names_who_gains_less_than_others():
    dark, light, mid = (gap(blocks=False, value=tone) for tone in ("dark", "light", "mid"))
    assert verdict("pass", cell("not worse"), gaps=[dark]).endswith(f". {dark['sentence']}")
    assert verdict("pass", cell("not worse"), gaps=[dark, light, mid]).endswith(
        f". {dark['sentence']} Gaps open for images with skin tone light and images with skin tone "
        "mid as well."
    )


def test_beside_its_gaps_a_verdict_says_only_for_whom_they_open():
    dark, light = (gap(blocks=False, value=tone) for tone in ("dark", "light"))

    def brief(word, gaps, *cells):
        sentence = verdict(word, *cells, gaps=gaps)
        return brief_verdict({"sentence": sentence, "gaps": gaps})

    passed = verdict("pass", cell("not worse"))
    assert brief("pass", [], cell("not worse")) == passed
    assert brief("pass", [dark], cell("not worse")) == (
        f"{passed} A gap opens for images with skin tone dark."
    )
    assert brief("pass", [dark, light], cell("not worse")) == (
        f"{passed} A gap opens for images with skin tone dark. Gaps open for images with skin tone "
        "light as well."
    )
    assert brief("blocked", [gap()], cell("not worse")) == (
        "Blocked: a gap opens for images with skin tone dark."
    )
    worse = cell("worse")
    assert brief("blocked", [gap()], worse) == (
        verdict("blocked", worse) + " A gap opens for images with skin tone dark."
    )
    assert brief("blocked", [gap(), light], cell("not worse")) == (
        "Blocked: a gap opens for images with skin tone dark. Gaps open for images with skin tone "
        "light as well."
    )
    assert brief_verdict({"sentence": "Blocked."}) == "Blocked."  # of an earlier policy
    for blocks in (False, True):  # whose sentence did not tell the gap
        earlier = {"sentence": "Blocked: more.", "gaps": [gap(blocks=blocks)]}
        assert brief_verdict(earlier) == "Blocked: more."


def test_a_gap_is_compared_with_the_reference_group_too():
    reference = {
        **{"value": "light", "rate": 0.115, "rest_rate": 0.02},
        **{"difference": 0.095, "low": 0.01, "high": 0.18},
        **{"ratio": 5.75, "ratio_low": 1.34, "ratio_high": 21.0},
    }
    assert gap(reference=reference)["sentence"].endswith(
        " Compared with images with skin tone light, where it is 2.0%: +9.5 points (1 to 18), 5.8 "
        "times as often (1.3 to 21.0)."
    )
    never = reference | {"rest_rate": 0.0, "ratio": None, "ratio_high": None}
    assert gap(reference=never)["sentence"].endswith("where it is 0.0%: +9.5 points (1 to 18).")


def test_a_gap_that_is_told_says_why_it_does_not_block():
    figures = {"blocks": False, "own_low": 0.01, "own_high": 0.4, "own_change": 0.2}
    assert gap(**figures, tolerated="few images")["sentence"].endswith(
        "The group itself is worse off (+20 points, 1 to 40). It is told and does not block, "
        "because it rests on too few different images."
    )
    assert gap(**figures, tolerated="chance")["sentence"].endswith(
        " It is told and does not block, because chance alone does this too often."
    )


def test_a_gap_says_in_what_else_it_opens():
    also = [gap(measure="miss", difference=0.08), gap(measure="miss", rule="NSFW score ≥ 0.3")]
    assert gap(also=also)["sentence"].endswith(
        " The same group falls behind in misses (+8 points) and misses (NSFW score ≥ 0.3) (+9.4 "
        "points)."
    )


def test_a_gap_to_a_reference_group_names_it():
    named = gap(against="light")
    assert "to 2.0% of comparable images with skin tone light; before" in named["sentence"]
    assert gap(also=[named])["sentence"].endswith(
        " The same group falls behind in mistakes compared with images with skin tone light (+9.4 "
        "points)."
    )


def test_a_verdict_says_what_the_policy_does_not_cover():
    empty = [
        cell("insufficient data", value=label, n=0, not_covered="None is kept.", required=False)
        for label in ("porn", "sexy")
    ]
    clause = "; porn and sexy images are not judged (None is kept)."
    for sentence, gaps in (
        (verdict("pass", cell("not worse"), *empty), []),
        (verdict("pass", cell("not worse"), *empty, gaps=[gap(blocks=False)]), [gap(blocks=False)]),
        (verdict("blocked", cell("worse"), *empty), []),
        (verdict("blocked", cell("not worse"), *empty, gaps=[gap()]), [gap()]),
        (verdict("insufficient data", cell("insufficient data", **UNSURE), *empty), []),
    ):
        first, _, rest = sentence.partition(". ")
        assert f"{first.removesuffix('.')}.".endswith(clause)
        assert bool(rest) == bool(gaps)
    few = cell(
        "insufficient data", value="porn", n=3, clusters=3, not_covered="None is kept.", **UNSURE
    )
    assert "; of porn images, only a certain rise is told (None is kept)." in verdict(
        "pass", cell("not worse"), few
    )
    none = {**few, "n": 0}
    assert "; porn images are not judged (None is kept)." in verdict(
        "pass", cell("not worse"), none
    )
    worse = cell("worse", value="porn", not_covered="None is kept.")
    assert "not judged" not in verdict("blocked", worse, few)
    many = cell("not worse", value="porn", not_covered="None is kept.")
    assert "not judged" not in verdict("pass", many)


def test_what_a_policy_leaves_out_is_said_without_a_verdict():
    none_kept = [
        {"axis": "class", "value": label, "reason": "None is kept."} for label in ("porn", "sexy")
    ]
    doubtful = {"axis": "tone", "value": "dark", "reason": "Labels are doubtful."}
    assert not_judged({"not_covered": none_kept, "exceptions": [doubtful]}) == (
        "Porn and sexy images are not required (None is kept). Images with tone dark are not "
        "judged (Labels are doubtful)."
    )
    assert not_judged({"version": 1}) == ""


def test_the_worst_cell_is_named_and_the_rest_counted():
    worse = cell("worse")
    assert verdict("blocked", worse, cell("not worse", value="porn")) == worse["sentence"]
    worst = cell("worse", "tone", "dark", difference=0.3)
    other = cell("worse", "tone", "light")
    beginning = worst["sentence"].removesuffix(".")
    assert verdict("blocked", worse, worst) == f"{beginning}; 1 more cell is worse."
    assert verdict("blocked", worst, worse, other) == f"{beginning}; 2 more cells are worse."
    at_a_threshold = cell("worse", rule="NSFW score ≥ 0.3")
    alias = cell("worse", "medium", "photograph", same_images_as="class=neutral")
    more = verdict("blocked", worst, worse, at_a_threshold, alias)
    assert more == f"{beginning}; 1 more cell is worse."


def test_harm_is_named_before_confusion_and_a_group_before_all_images():
    confusion = cell("worse", measure="confusion", difference=0.9)
    overall = cell("worse", "overall", "all", difference=0.9)
    group = cell("worse", "tone", "dark", difference=0.1)
    assert verdict("blocked", confusion).startswith("Blocked: more harmless confusions")
    assert verdict("blocked", confusion, overall).startswith("Blocked: more false alarms in all")
    assert verdict("blocked", confusion, overall, group).startswith(
        "Blocked: more false alarms in images with tone dark"
    )


def test_a_gap_that_blocks_is_told_if_no_cell_is_worse():
    assert verdict("blocked", cell("not worse"), gaps=[gap()]) == (
        "Blocked: a" + gap()["sentence"][1:]
    )
    worse = cell("worse")["sentence"]
    assert verdict("blocked", cell("worse"), gaps=[gap()]) == f"{worse} {gap()['sentence']}"


def test_a_verdict_of_too_few_images_tells_gaps_too():
    short = cell("insufficient data", value="porn", n=0)
    opened = gap(blocks=False)
    assert verdict("insufficient data", short, gaps=[opened]) == (
        f"Not enough images: no images of porn. {opened['sentence']}"
    )


@pytest.mark.parametrize("word", ["pass", "blocked", "insufficient data"])
def test_every_verdict_names_the_groups_that_look_harmed(word):
    few = cell(
        *("insufficient data", "tone", "dark"),
        **{"n": 12, "clusters": 12, "champion_wrong": 0, "candidate_wrong": 6, "required": False},
    )
    copies = few | {"value": "light", "clusters": 1, "low": -0.8, "newly_wrong": 6}
    copies |= {"newly_right": 0, "difference": 0.05}
    cells = [cell("worse"), few, copies] if word == "blocked" else [few, copies]
    assert verdict(word, *cells).endswith(
        " These look harmed and have too few images to decide: false alarms in images with tone "
        "dark: 0 of 12 before, 6 of 12 now; false alarms in images with tone light: 0 of 12 "
        "before, 6 of 12 now (copies of one image)."
    )
    for right in (0, 1):  # by chance in 1 of 32 cases, and in 1 of 16
        chance = copies | {"newly_wrong": 5 + right, "newly_right": right}
        assert "tone light" not in verdict(word, *cells[:-1], chance)
    of_three = copies | {"clusters": 3}
    assert "(copies of 3 images)" in verdict(word, *cells[:-1], of_three)
    confused = copies | {"measure": "confusion"}
    assert "tone light" not in verdict(word, *cells[:-1], confused)


def test_of_many_that_look_harmed_three_are_named():
    few = [
        cell("insufficient data", "tone", name, n=12, clusters=12, required=False)
        for name in "abcde"
    ]
    sentence = verdict("pass", cell("not worse"), *few)
    assert sentence.count("3 of 12 before") == 3
    assert sentence.endswith("; and 2 more.")


def test_a_cell_that_does_not_decide_is_named_with_the_reason_alone():
    exempt = cell("worse", "tone", "dark", exception="Why.", difference=0.9)
    worse = cell("worse")
    assert verdict("blocked", exempt, worse) == (
        worse["sentence"].removesuffix(".") + "; images with tone dark are not judged (Why)."
    )


def test_cells_without_enough_images_are_named_with_how_many_are_needed():
    short = [
        cell("insufficient data", value="porn", n=0),
        cell("insufficient data", value="sexy", n=0),
        cell("insufficient data", n=12, clusters=12, needed=60, independent=12.0, **UNSURE),
        cell(
            *("insufficient data", "tone", "dark"),
            **{"n": 40, "clusters": 40, "needed": 4000, "independent": 9.6, **UNSURE},
        ),
        cell("insufficient data", "tone", "light", n=3, clusters=3, required=False, **UNSURE),
        cell("not worse", value="drawings"),
    ]
    assert verdict("insufficient data", *short) == (
        "Not enough images: no images of porn and sexy; too few neutral images and images with "
        "tone dark to rule out a rise; of images with tone dark, about 4,000 independent ones are "
        "needed, and the 40 there count as 10."
    )
    assert verdict("insufficient data", short[0]) == "Not enough images: no images of porn."


def test_more_images_of_a_rise_beyond_the_margin_would_not_pass():
    short = cell("insufficient data", needed=None, **UNSURE)
    assert short["sentence"].endswith(
        "If the rise is as large as it looks, no number of images would rule it out."
    )
    assert verdict("insufficient data", short) == (
        "Not enough images: too few neutral images to rule out a rise; neutral images look worse, "
        "which more of the same would not rule out."
    )
    strict = cell("insufficient data", needed=None, difference=0.0, **UNSURE)
    assert strict["sentence"].endswith("Under this policy, no number of images would show it.")
    assert verdict("insufficient data", strict).endswith(
        "; under this policy, no number of images would do."
    )


def test_many_names_are_cut_short():
    def with_cells(count):
        return verdict(
            "insufficient data",
            *[cell("insufficient data", value=f"c{place}", n=0) for place in range(count)],
        )

    assert with_cells(4) == "Not enough images: no images of c0, c1, c2 and c3."
    assert with_cells(5) == "Not enough images: no images of c0, c1, c2 and 2 more."


def open_gap(**changes):
    """Dark is wrong on a third of 120 under v3, comparable others on 5; before, both on half."""
    figures = {"n": 120, "rate": 1 / 3, "rest_rate": 5 / 120, "difference": 35 / 120}
    standing = {**figures, "low": 0.19, "high": 0.396}
    before = {"n": 120, "rate": 0.5, "rest_rate": 0.5, "difference": 0.0, "low": -0.1, "high": 0.1}
    versions = {"model": "v2", "earlier_model": "v1", "under": "v3"}
    return gap() | versions | {"standing": standing, "standing_before": before} | changes


def test_an_open_gap_is_told_as_it_stands_and_as_it_was():
    assert open_gap_sentence([open_gap()]) == (
        "Mistakes in images with skin tone dark: 33.3% of 120, 4.2% of comparable others (+29 "
        "points, 19 to 40). Before, under v1: 50.0% and 50.0% (0 points, −10 to 10). This gap "
        "opened with v2; by chance alone in fewer than 1 in 1,000 such audits."
    )


def test_an_open_gap_is_told_once_with_what_else_it_is_in():
    miss = open_gap(measure="miss", standing=None)
    assert open_gap_sentence([open_gap(), open_gap(measure="false_alarm"), miss]).endswith(
        " The same group falls behind in false alarms (+29 points) and misses (+9.4 points)."
    )


def test_an_earlier_model_that_was_not_audited_on_these_images_is_told_as_the_gate_found_it():
    gap = open_gap(standing_before=None, before={"rate": 0.25, "rest_rate": 0.2})
    assert "Before, under v1: 25.0% and 20.0%. " in open_gap_sentence([gap])


def test_a_gap_that_cannot_be_measured_says_so_with_the_gates_figures():
    gap = open_gap(standing=None, n=99, now={"rate": 0.25, "rest_rate": 0.2, "ratio": 1.25})
    assert open_gap_sentence([gap]) == (
        "Mistakes in images with skin tone dark: 25.0% of 99 under v2, 20.0% of comparable others. "
        "This gap opened with v2; by chance alone in fewer than 1 in 1,000 such audits. It cannot "
        "be measured anew under v3, so it stays open."
    )


@pytest.mark.parametrize(
    ("figures", "tells"),
    [
        ({"required": True, "clusters": 0, "independent": 0.0, "minimum": 30}, True),
        ({"required": False, "clusters": 30, "independent": 4.0, "minimum": 30}, True),
        ({"required": False, "clusters": 4, "independent": 30.0, "minimum": 30}, False),
        ({"required": False, "clusters": 29, "independent": 29.9, "minimum": 30}, False),
        ({}, True),  # older verdicts have none of these: every cell had to tell
        ({"clusters": 1}, True),
        ({"minimum": 1}, False),
    ],
)
def test_a_cell_has_to_tell_if_it_is_required_or_large_enough(figures, tells):
    assert has_to_tell(figures) is tells


SHORT = {
    "measure": "miss",
    "rule": "highest score",
    "axis": "class",
    "value": "porn",
    "n": 50,
    "independent": 50.0,
    "exception": None,
    "not_covered": "None is kept.",
    "required": True,
    "decides": True,
    "short": True,
    "smallest_change": 0.123,
    "missing": 1234,
    "missing_to_pass": 5,
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"exception": "Labelled by X."}, "Porn images are not judged (Labelled by X)."),
        (
            {"decides": False},
            "Of porn images, only a certain rise is told (None is kept).",
        ),
        ({"decides": False, "n": 0}, "Porn images are not judged (None is kept)."),
        ({"n": 0}, "No model passes without porn images: collect about 1,234."),
        ({"n": 0, "required": False}, "There are no porn images."),
        (
            {"short": False, "rule": "NSFW score ≥ 0.3"},
            "Enough porn images: a rise of misses (NSFW score ≥ 0.3) by 12 points is noticed.",
        ),
        (
            {"missing": None},
            "Under this policy, no number of porn images lets a model pass that answers otherwise.",
        ),
        (
            {},
            "Collect about 1,234 more independent porn images, or accept that no rise of "
            "misses below 12 points is seen there, and that a model that is no worse "
            "may read “not enough images”.",
        ),
        (
            {
                "smallest_change": None,
                "missing_to_pass": 0,
                "rule": "NSFW score ≥ 0.3",
                "independent": 1.2,
            },
            "Collect about 1,234 more independent porn images (the 50 there count as 1), or accept "
            "that no rise of misses (NSFW score ≥ 0.3) is seen there, however large.",
        ),
        (
            {"decides": False, "not_covered": None},
            "Collect about 1,234 more independent porn images, or accept that no rise of "
            "misses below 12 points is seen there.",
        ),
    ],
)
def test_a_shortage_says_how_many_images_and_what_is_not_seen_without(changes, sentence):
    assert shortage_sentence(SHORT | changes) == sentence
