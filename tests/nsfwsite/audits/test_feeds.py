from django.urls import reverse


def test_a_reader_follows_the_models_and_their_rates(client, two_models) -> None:
    response = client.get(reverse("models-feed"))
    text = response.content.decode()
    assert response.headers["Content-Type"].startswith("application/atom+xml")
    assert text.index("Model v2: a candidate") < text.index("Model v1: in service")
    assert "False alarms: 15.2% (" in text
    assert "n = 264." in text
    assert reverse("models-feed") in client.get(reverse("models")).content.decode()


def test_a_model_without_an_audit_says_so(client, champion) -> None:
    assert "No audit is finished yet." in client.get(reverse("models-feed")).content.decode()
