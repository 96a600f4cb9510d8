from dataclasses import dataclass

import pytest

from modeltrain.training import config_rules
from modeltrain.training.config_rules import ConfigRefused


@dataclass
class Config:
    epochs: object = 1


@pytest.mark.parametrize("epochs", [1, 1.5, 1e9])
def test_a_number_that_is_allowed_passes(epochs):
    config_rules.at_least(Config(epochs), "epochs", 1)


@pytest.mark.parametrize("epochs", [0.99, -1, float("nan"), float("inf"), "3", None])
def test_anything_else_is_refused_with_the_field_and_the_rule(epochs):
    with pytest.raises(ConfigRefused) as refused:
        config_rules.at_least(Config(epochs), "epochs", 1)
    assert str(refused.value) == (
        f"Config.epochs must be a number of at least 1. Received: {epochs!r}. "
        "Change it in the config, or leave it out for its default."
    )


def test_bounds_belong_to_a_range_and_not_to_what_must_be_over_them():
    for epochs in (0, 1):
        config_rules.between(Config(epochs), "epochs", 0, 1)
    with pytest.raises(ConfigRefused, match="from 0 to 1"):
        config_rules.between(Config(1.01), "epochs", 0, 1)
    config_rules.above(Config(0.001), "epochs", 0)
    with pytest.raises(ConfigRefused, match="over 0"):
        config_rules.above(Config(0), "epochs", 0)


def test_a_part_of_a_field_is_refused_in_its_place():
    with pytest.raises(ConfigRefused, match="Received: -2"):
        config_rules.at_least(Config(5), "epochs", 0, value=-2)
