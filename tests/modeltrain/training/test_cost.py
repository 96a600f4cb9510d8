"""What a training costs, on numbers that can be counted on fingers."""

import pytest

from modeltrain.training import configs
from modeltrain.training.cost import (
    REFERENCE,
    StageTimer,
    UnitCosts,
    Workload,
    estimate_seconds,
    unit_costs,
)

COSTS = UnitCosts(image=1, copy=10, epoch_image=100, head=1000, other=10_000)


def test_the_time_until_a_message_belongs_to_its_stage():
    heard, times = [], iter([0.0, 2.0, 3.0, 7.0, 8.0])
    timer = StageTimer(lambda *message: heard.append(message[:3]), clock=lambda: next(times))
    for stage, done in (("features", 1), ("features", 2), ("auditing", 5), ("auditing", 1)):
        timer(stage, done, 9, "")
    assert timer.stages == {
        "features": {"seconds": 3.0, "units": 2},
        "auditing": {"seconds": 5.0, "units": 6},  # a second model is audited from the beginning
    }
    assert heard[-1] == ("auditing", 1, 9)


def test_a_head_costs_features_and_audits():
    work = Workload(train=7, validation=2, without_features=3, audits=4)
    assert estimate_seconds(configs.get("head"), work, COSTS) == 10_000 + 3 + 4 + 1000


def test_convolutions_cost_copies_and_epochs():
    work = Workload(train=6, validation=3, without_features=0, audits=0)
    config = configs.get("fine-tune", ["copies=2", "fine.epochs=5"])
    cached, epochs = 6 * 2 * 10 + 0.8 * 9, 5 * (6 + 1) * 100
    assert estimate_seconds(config, work, COSTS) == pytest.approx(11_000 + cached + epochs)
    whole = configs.get("article", ["copies=2", "fine.epochs=5"])
    more = 6 * 2 * 10
    assert estimate_seconds(whole, work, COSTS) == pytest.approx(11_000 + cached + epochs + more)


def test_what_was_measured_last_counts_and_the_reference_for_the_rest():
    newest = {"auditing": {"seconds": 30, "units": 10}, "exporting": {"seconds": 5, "units": 1}}
    older = {
        "auditing": {"seconds": 99, "units": 1},
        "fine-tuning": {"seconds": 40, "units": 2},
        "mixed_5, changed copy 1": {"seconds": 6, "units": 3},
        "mixed_5, changed copy 2": {"seconds": 2, "units": 1},
    }
    costs = unit_costs([newest, older], train=[4, 5])
    assert costs == UnitCosts(image=3, copy=2, epoch_image=4, head=REFERENCE.head, other=5)
    assert unit_costs([], train=[]) == REFERENCE
