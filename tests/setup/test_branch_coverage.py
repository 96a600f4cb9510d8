"""Branches are counted alone, package by package."""

from setup.branch_coverage import FLOORS, shares


def of(branches: int, covered: int) -> dict[str, dict[str, int]]:
    return {
        "summary": {
            "num_statements": 1000,
            "covered_lines": 1000,
            "num_branches": branches,
            "covered_branches": covered,
        }
    }


def test_the_branches_of_a_package_are_counted_and_its_lines_are_not() -> None:
    percentages = shares(
        {
            "modeltrain/gate/judge.py": of(10, 4),
            "modeltrain/gate/cells.py": of(30, 26),
            "feedback/services/reports.py": of(60, 60),
        }
    )
    assert percentages["modeltrain/gate"] == 75
    assert percentages["feedback/services"] == 100
    assert percentages["modeltrain/audit"] == 100  # it has no branches here
    assert percentages[""] == 90


def test_no_floor_is_below_90() -> None:
    assert min(FLOORS.values()) >= 90
