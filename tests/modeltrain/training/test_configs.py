"""Configs are loaded by name, changed by field and refused by rule."""

import pytest

from modeltrain.training import configs
from modeltrain.training.config_rules import ConfigRefused


@pytest.mark.parametrize("name", configs.NAMES)
def test_every_config_has_its_own_name(name):
    assert configs.get(name).name == name


def test_fields_are_changed_without_touching_the_rest():
    changed = configs.get("article", ["fine.epochs=3", "copies=0", "balance=false", "seed=7"])
    assert (changed.fine.epochs, changed.copies, changed.balance, changed.seed) == (3, 0, False, 7)
    assert changed.head == configs.get("article").head
    assert changed.fine.batch == configs.get("article").fine.batch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("fine.learning_rate=-0.1", r"Phase\.learning_rate must be a number over 0\. Received: -0"),
        ("head.learning_rate=0", r"Phase\.learning_rate must be a number over 0"),
        ("head.learning_rate=NaN", r"Phase\.learning_rate must be a number over 0"),
        ("head.batch=0", r"Phase\.batch must be a number of at least 1"),
        ("head.decay=1.5", r"Phase\.decay must be a number from 0\.01 to 1"),
        ("unlock_from=95", r"ArticleConfig\.unlock_from must be a number from 1 to 94"),
        ("copies=1.5", r"copies must be a int"),
        ("balance=1", r"balance must be a bool"),
        ("epochs=3", r"ArticleConfig has name, seed"),
        ("head=3", r"head must be a Phase"),
        ("seed.x=3", r"seed must be a int"),
        ("seed", r"must be FIELD=VALUE"),
    ],
)
def test_an_impossible_change_is_refused(change, message):
    with pytest.raises(ConfigRefused, match=message):
        configs.get("article", [change])


@pytest.mark.parametrize("change", ["learning_rate=-1", "distil=2", "l2_sp=-0.1", "epochs=0"])
def test_the_sites_config_follows_the_rules_too(change):
    with pytest.raises(ConfigRefused, match=change.partition("=")[0]):
        configs.get("head", [change])


def test_an_unknown_config_is_refused_with_the_known_ones():
    with pytest.raises(ConfigRefused, match="article, head"):
        configs.get("nonsense")
