"""A gate's result as a page shows it, of today's policy and of earlier ones."""

import pytest
from django.template.loader import render_to_string

from modeltrain.gate.judge import judge
from nsfwsite.tables.gate_table import gate_table
from nsfwsite.tables.titles import load_titles
from tests.modeltrain.gate.images import DRAWINGS, PORN, images

pytestmark = pytest.mark.django_db

EARLIER = {
    "axis": "class",
    "value": "neutral",
    "n": 140,
    "champion_error": 0.04,
    "candidate_error": 0.12,
    "difference": 0.08,
    "low": 0.06,
    "high": 0.1,
    "needed": None,
    "verdict": "blocked",
    "finding": "worse",
    "sentence": "Blocked: neutral images are wrong more often.",
}


def table_of(result):
    return gate_table(result, load_titles())


def drawings(dark, light, n=60):
    """`n` drawings of each tone, of which the given ones are false alarms, and 400 photographs."""
    drawn = {"answer": PORN, "expected": DRAWINGS, "medium": "drawn"}
    return [
        *images(n, wrong=dark, tone="dark", **drawn),
        *images(n, wrong=light, start=1000, tone="light", **drawn),
        *images(400, start=5000),
    ]


def test_harm_comes_first_and_thresholds_have_tables_of_their_own():
    gate = table_of(judge(champion=drawings((), ()), candidate=drawings((), ())))
    assert [rule["name"] for rule in gate["rules"]] == [
        "highest score",
        "NSFW score ≥ 0.3",
        "NSFW score ≥ 0.5",
        "NSFW score ≥ 0.7",
    ]
    titles = [[table["title"] for table in rule["tables"]] for rule in gate["rules"]]
    assert titles == [["False alarms", "Confusions"], *[["False alarms"]] * 3]
    groups = [(cell["axis"], cell["value"]) for cell in gate["rules"][0]["tables"][0]["cells"]]
    assert len(groups) == len(set(groups))


def test_what_has_no_images_is_listed_with_its_reason():
    gate = table_of(judge(champion=drawings((), ()), candidate=drawings((), ())))
    assert [cell["value"] for cell in gate["missing"]] == ["hentai", "porn", "sexy"]
    page = render_to_string("parts/gate.html", {"gate": gate})
    assert "no images. This site keeps no explicit image" in page


def test_each_group_that_needs_images_is_listed_once():
    result = judge(champion=drawings([0], (), n=30), candidate=drawings([1], (), n=30))
    assert result["verdict"] == "insufficient data"
    gate = table_of(result)
    groups = [(cell["axis"], cell["value"]) for cell in gate["shortages"]]
    assert ("tone", "dark") in groups
    assert len(groups) == len(set(groups))
    assert all(cell["needed"] > cell["n"] for cell in gate["shortages"])
    assert "How many images are missing" in render_to_string("parts/gate.html", {"gate": gate})


def test_cells_with_the_same_images_say_so():
    gate = table_of(judge(champion=drawings((), ()), candidate=drawings((), ())))
    alarms = gate["rules"][0]["tables"][0]["cells"]
    (drawn,) = [cell for cell in alarms if cell["axis"] == "medium"]
    assert drawn["same_images_as"] == "drawings"
    page = render_to_string("parts/gate.html", {"gate": gate})
    assert "the same images as drawings" in page
    alone = images(40, tone="dark")
    gate = table_of(judge(champion=alone, candidate=alone))
    assert gate["rules"][0]["tables"][0]["cells"][-1]["same_images_as"] == "all images"


def test_gaps_are_shown_with_their_sentence():
    before = drawings(range(50), range(50))
    now = drawings(range(20), ())
    result = judge(champion=before, candidate=now)
    assert result["gaps"]
    page = render_to_string("parts/gate.html", {"gate": table_of(result)})
    assert "Gaps that open" in page
    assert "The group itself is better off" in page


@pytest.mark.parametrize("version", [1, 2])
def test_results_of_earlier_policies_are_still_shown(version):
    policy = {"version": version, "margin": 0.08, "minimum": 30}
    empty = dict.fromkeys(("champion_error", "candidate_error", "difference", "low", "high"))
    cells = [EARLIER, EARLIER | empty | {"value": "porn", "n": 0, "sentence": ""}]
    result = {"verdict": "blocked", "sentence": "Blocked.", "policy": policy, "cells": cells}
    gate = table_of(result)
    (rule,) = gate["rules"]
    (table,) = rule["tables"]
    assert (table["title"], len(table["cells"])) == ("Mistakes", 2)
    assert (gate["missing"], gate["shortages"], gate["gaps"]) == ([], [], [])
    page = render_to_string("parts/gate.html", {"gate": gate})
    assert "Blocked: neutral images are wrong more often." in page
    assert "+8.0" in page


def test_a_result_without_cells_has_no_tables():
    assert table_of({"verdict": "pass", "sentence": "Pass."})["rules"] == []
