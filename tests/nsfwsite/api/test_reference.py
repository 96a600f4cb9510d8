"""The page that describes the API to people."""

import json

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_the_page_describes_every_operation_of_the_schema(client) -> None:
    text = client.get(reverse("api")).content.decode()
    schema = json.loads(
        client.get(
            reverse("api:schema"), headers={"Accept": "application/vnd.oai.openapi+json"}
        ).content
    )
    for address, item in schema["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            assert f"<code>{method.upper()} {address}</code>" in text


def test_a_report_is_described_with_its_fields_and_answers(client) -> None:
    text = " ".join(client.get(reverse("api")).content.decode().split())
    report = text.split("<code>POST /api/v1/reports/</code>")[1].split("</details>")[0]
    assert "<code>expected_label</code></dt><dd>" in report
    assert "multipart/form-data" in report
    assert "<dt>422</dt>" in report
    assert reverse("api:schema") in text


def test_every_page_links_to_it(client) -> None:
    assert reverse("api") in client.get(reverse("privacy")).content.decode()
