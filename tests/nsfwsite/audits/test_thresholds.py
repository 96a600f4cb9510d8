from django.urls import reverse


def test_a_threshold_applies_to_every_group(client, two_models) -> None:
    low = client.get(reverse("threshold"), {"model": "v1", "axis": "medium", "at": "50"})
    high = client.get(reverse("threshold"), {"model": "v1", "axis": "medium", "at": "96"})
    (alarms, misses) = low.context["sides"]
    rates = {share["group"]: share["rate"] for share in alarms["shares"]}
    assert rates == {"Flat vector drawing": 0.2, "Photograph": 0.0, "Computer rendering": 0.0}
    assert misses["chart"] is None  # nothing here is NSFW
    assert {share["rate"] for share in high.context["sides"][0]["shares"]} == {0.0}
    assert "groups are 20.0% apart at 50, and nowhere nearer" in alarms["chart"].title
