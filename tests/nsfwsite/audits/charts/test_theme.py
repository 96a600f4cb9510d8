import pytest

from nsfwsite.audits.charts import theme


def luminance(colour: str) -> float:
    """Relative luminance of a colour: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    levels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", theme.THEMES)
def test_what_charts_write_is_legible_on_their_background(name):
    config = theme.config(name)
    for colour in (config["axis"]["labelColor"], config["axis"]["titleColor"]):
        assert contrast(colour, config["background"]) >= 4.5


@pytest.mark.parametrize("name", theme.THEMES)
def test_series_are_told_from_each_other_and_from_the_background(name):
    series = theme.config(name)["range"]["category"]
    assert len(set(series)) == len(series) >= 6
    assert all(contrast(colour, theme.THEMES[name]["card"]) >= 2 for colour in series)
