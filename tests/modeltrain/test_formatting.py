"""Figures in sentences; `tests/nsfwsite/static/test_format.py` compares pages and scripts."""

from modeltrain.formatting import duration, exact_percent, percent, short_points


def test_a_percentage_has_the_decimals_that_are_asked_for_or_that_it_needs():
    assert [percent(0.76649), percent(0.76649, decimals=2)] == ["76.6%", "76.65%"]
    assert percent(-0.1) == "−10.0%"
    assert [exact_percent(share) for share in (0.95, 0.9975)] == ["95%", "99.75%"]


def test_points_have_a_true_minus_and_a_sign_only_if_asked():
    shares = (0.123, -0.031, 0.0, 0.004, -0.004, 0.0004, 0.0995, 0.0999)
    expected = ["12", "−3.1", "0", "0.4", "−0.4", "0", "10", "10"]
    assert [short_points(share) for share in shares] == expected
    signed = [short_points(share, signed=True) for share in (0.123, -0.031, 0.004, 0.01, 0.0)]
    assert signed == ["+12", "−3.1", "+0.4", "+1", "0"]


def test_a_duration_is_in_the_unit_that_fits():
    seconds = (0.2, 80, 89.6, 90, 600, 5399, 5400, 9000, 172_799, 172_800, 187_200)
    times = [duration(number) for number in seconds]
    assert times == [
        *("1 second", "80 seconds", "90 seconds", "2 minutes", "10 minutes", "90 minutes"),
        *("1.5 hours", "2.5 hours", "48 hours", "2 days", "2.2 days"),
    ]
