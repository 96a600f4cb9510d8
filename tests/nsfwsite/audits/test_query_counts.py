"""How often audit pages ask the database: for each thing once, however many charts show it."""

import pytest
from django.urls import reverse

# Name and arguments of a page, its queries, those for a file of its chart, the chart.
OF_AUDITS = [
    ("audits", [], 8, 6, "trend"),
    ("model", ["v1"], 8, 4, "groups"),
    ("model", ["v1"], 8, 4, "confusion"),
    ("compare", [], 6, 5, "differences"),
    ("threshold", [], 6, 5, "false_alarm"),
    ("disparity", [], 5, 4, "disparity"),
    ("shortage", [], 6, 5, "power"),
    ("shortage", [], 6, 5, "noticed"),
]
OF_FINDINGS = [
    ("counterfactual", [], 6, 5, "flips"),
    ("counterfactual", [], 6, 5, "shifts"),
    ("slices", [], 5, 4, "regions"),
    ("int8", [], 6, 5, "differences"),
    ("published", [], 6, 5, "false-alarms"),
]


@pytest.fixture
def assert_queries(client, django_assert_num_queries):
    def check(name: str, arguments: list[str], page: int, file: int, chart: str) -> None:
        url = reverse(name, args=arguments)
        with django_assert_num_queries(page):
            client.get(url)
        for file_format in ("svg", "png", "csv", "json"):
            with django_assert_num_queries(file):
                response = client.get(url, {"chart": chart, "as": file_format})
            assert response.status_code == 200

    return check


@pytest.mark.parametrize("case", OF_AUDITS)
def test_charts_of_audits_ask_for_each_thing_once(two_models, assert_queries, case) -> None:
    assert_queries(*case)


@pytest.mark.parametrize("case", OF_FINDINGS)
def test_charts_of_findings_ask_for_each_thing_once(
    audit_and_findings, assert_queries, case
) -> None:
    assert_queries(*case)
