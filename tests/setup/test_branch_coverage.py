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
    taken = shares(
        {
            "modeltrain/gate/judge.py": of(10, 4),
            "modeltrain/gate/cells.py": of(30, 26),
            "feedback/services/reports.py": of(60, 60),
        }
    )
    assert taken["modeltrain/gate"] == 0.75
    assert taken["feedback/services"] == 1
    assert taken["modeltrain/audit"] == 1  # it has no branches here
    assert taken[""] == 0.9


def test_no_floor_is_below_90_percent() -> None:
    assert min(FLOORS.values()) >= 0.9
