import json

import pytest

from modeltrain.gate import policy
from modeltrain.gate.paired import Pairs, difference_interval
from modeltrain.gate.policy import Exemption, Policy, PolicyRefused


def with_margin(margin, *, minimum=30, level=0.95):
    return Policy(version=1, margin=margin, minimum=minimum, level=level)


def write(path, **changes):
    path.write_text(json.dumps(json.loads(policy.POLICY.read_text()) | changes))
    return path


def test_the_shipped_policy_comes_back_as_it_is_published():
    assert Policy.load().as_dict() == json.loads(policy.POLICY.read_text())


def test_a_policy_comes_back_as_it_was_written(tmp_path):
    changes = {
        "required": ["tone"],
        "pairs": [["tone", "gender"]],
        "exceptions": [{"axis": "class", "value": "porn", "reason": "é"}],
    }
    loaded = Policy.load(write(tmp_path / "gate.json", **changes))
    assert loaded.exceptions == [Exemption("class", "porn", "é")]
    as_dict = Policy(
        version=1,
        margin=0.1,
        minimum=30,
        level=0.9,
        required=("tone",),
        pairs=(("tone", "gender"),),
        exceptions=(Exemption("class", "porn", "é"),),
    ).as_dict()
    assert as_dict | {"exceptions": list(as_dict["exceptions"])} == {
        "version": 1,
        "margin": 0.1,
        "minimum": 30,
        "level": 0.9,
        **changes,
    }


def test_lists_may_be_left_out(tmp_path):
    (tmp_path / "gate.json").write_text(
        '{"version": 1, "margin": 0.1, "minimum": 30, "level": 0.95}'
    )
    loaded = Policy.load(tmp_path / "gate.json")
    assert loaded.as_dict()["required"] == ["overall", "class"]
    assert (list(loaded.pairs), list(loaded.exceptions)) == ([], [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 0}, "margin must be above 0 and under 1: no interval ends below 0"),
        ({"margin": 1}, "margin must be above 0"),
        ({"margin": 1.5}, "margin must be above 0"),
        ({"minimum": 1}, "minimum must be 2 images or more. Received: 1"),
        ({"level": 1}, "level must be at least 0.5 and less than 1. Received: 1"),
        ({"level": 0.49}, "level must be at least 0.5"),
        ({"required": ["class", ""]}, "required must be names of axes. Received"),
        ({"pairs": [["tone"]]}, "pairs must be pairs of two axes. Received: [['tone']]"),
        (
            {"exceptions": [{"axis": "a", "value": "b", "reason": " "}]},
            "exceptions must be cells, each with a reason. Received",
        ),
    ],
)
def test_a_setting_that_breaks_its_rule_is_named(tmp_path, changes, message):
    with pytest.raises(PolicyRefused) as refusal:
        Policy.load(write(tmp_path / "gate.json", **changes))
    assert str(refusal.value).startswith(message)
    assert str(refusal.value).endswith(". Correct the policy's file.")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '"text"', '{"version": 1}', '{"exceptions": [{"axis": "a"}]}', '{"wanted": 3}'],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path, text):
    path = tmp_path / "gate.json"
    path.write_text(text)
    with pytest.raises(PolicyRefused) as refusal:
        Policy.load(path)
    assert str(refusal.value).startswith(
        "A policy must be JSON with the settings version, margin, minimum, level, required, pairs, "
        "exceptions. Received: gate.json, "
    )
    assert str(refusal.value).endswith(". Correct it.")


def test_the_limits_of_each_setting_are_allowed():
    assert with_margin(0.999, minimum=2, level=0.5).minimum == 2


def test_a_cell_is_required_by_its_axis_or_by_itself():
    required = Policy(
        version=1, margin=0.1, minimum=30, level=0.95, required=["class", "tone=dark"]
    )
    assert required.requires("class", "porn")
    assert required.requires("tone", "dark")
    assert not required.requires("tone", "light")
    assert not required.requires("overall", "all")


def test_an_exemption_is_for_one_cell():
    exempt = Policy(
        version=1,
        margin=0.1,
        minimum=30,
        level=0.95,
        exceptions=[Exemption("class", "porn", "First."), Exemption("tone", "dark", "Second.")],
    )
    assert exempt.exemption_reason("class", "porn") == "First."
    assert exempt.exemption_reason("tone", "dark") == "Second."
    assert exempt.exemption_reason("tone", "porn") is None
    assert exempt.exemption_reason("class", "dark") is None


@pytest.mark.parametrize(
    ("margin", "level"), [(0.9, 0.95), (0.5, 0.95), (0.08, 0.95), (0.05, 0.9), (0.01, 0.8)]
)
def test_the_smallest_conclusive_size_is_the_first_that_passes(margin, level):
    smallest = with_margin(margin, level=level).smallest_conclusive_size()
    passing = [
        n
        for n in range(2, smallest + 50)
        if difference_interval(Pairs(0, 1, 1, n - 2), level=level)[1] < margin
    ]
    assert passing[0] == smallest
    assert len(passing) == 50


def test_the_shipped_margin_needs_55_images():
    assert with_margin(0.08).smallest_conclusive_size() == 55


def test_a_policy_that_asks_for_the_impossible_says_so():
    assert with_margin(0.08).warnings() == [
        "With a margin of 8 points, a cell of 30 to 54 images passes only where no image is newly "
        "wrong: one that is, and one that is newly right, already leave it open."
    ]
    assert with_margin(0.08, minimum=55).warnings() == []
    assert len(with_margin(0.08, minimum=54).warnings()) == 1
    assert with_margin(0.3).warnings() == []
