"""The public list is filtered by values that exist."""

import pytest

from feedback import queries
from feedback.models import Report
from feedback.services import triage
from modeltrain.labels import LABELS

pytestmark = pytest.mark.django_db


def test_values_of_filters_are_labels_groups_states_and_models(axes, champion) -> None:
    filters = queries.public_reports.filters()
    assert list(filters) == ["label", "group", "state", "model"]
    assert tuple(filters["label"]) == LABELS
    assert "medium=vector" in filters["group"]
    assert set(filters["state"]) == {*Report.AGREED, Report.Status.REJECTED}
    assert list(filters["model"]) == ["v1"]


def test_unknown_filters_and_values_are_ignored(axes, champion) -> None:
    parameters = {"model": "v1", "label": "cats", "state": "queued", "colour": "red"}
    assert queries.public_reports.chosen_filters(parameters) == {"model": "v1"}


def test_reports_match_every_chosen_filter(queued, ravi) -> None:
    accepted, rejected = queued(1), queued(2)
    triage.decide(report=accepted, outcome="accepted", by=ravi)
    triage.decide(report=rejected, outcome="rejected", by=ravi, reason="A photograph.")

    def matching(**chosen: str) -> list[Report]:
        return [row.report for row in queries.public_reports.reports(chosen)]

    assert matching(state="accepted") == [accepted]
    assert set(matching(model="v1")) == {accepted, rejected}
    assert matching(group="medium=vector", state="rejected") == [rejected]
    assert matching(group="medium=photograph") == []
