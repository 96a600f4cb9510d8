from django.urls import reverse


def test_the_trend_names_the_largest_change(client, two_models) -> None:
    page = client.get(reverse("audits"), {"axis": "class"})
    trend = page.context["charts"]["trend"]
    assert trend.title == "drawings: 49.0% wrong under v1, 9.8% under v2"
    assert trend.title in page.content.decode()
