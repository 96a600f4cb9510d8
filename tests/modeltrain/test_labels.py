"""The labels and the kinds of mistake between them."""

import pytest

from modeltrain.labels import LABELS, NSFW, ErrorKind, error_kind


def test_labels_are_in_the_order_of_the_published_outputs():
    assert LABELS == ("drawings", "hentai", "neutral", "porn", "sexy")
    assert set(LABELS) > NSFW


@pytest.mark.parametrize(
    ("expected", "predicted", "kind"),
    [
        ("neutral", "neutral", ErrorKind.CORRECT),
        ("drawings", "hentai", ErrorKind.FALSE_ALARM),
        ("neutral", "sexy", ErrorKind.FALSE_ALARM),
        ("porn", "neutral", ErrorKind.MISS),
        ("hentai", "drawings", ErrorKind.MISS),
        ("drawings", "neutral", ErrorKind.CONFUSION),
        ("sexy", "porn", ErrorKind.CONFUSION),
    ],
)
def test_the_kind_of_mistake_depends_on_the_sides_of_both_labels(expected, predicted, kind):
    assert error_kind(expected=expected, predicted=predicted) is kind


@pytest.mark.parametrize(("expected", "predicted"), [("cat", "porn"), ("porn", "cat")])
def test_an_unknown_label_is_refused_with_its_name(expected, predicted):
    with pytest.raises(ValueError, match=r"Received: 'cat'"):
        error_kind(expected=expected, predicted=predicted)
