import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_the_page_shows_the_periods_from_the_settings(client, settings) -> None:
    periods = {
        "DEMO_IMAGE_MINUTES": 1201,
        "DECLINED_DAYS": 1202,
        "UNTRAINED_DAYS": 1203,
        "SOURCE_DAYS": 1204,
        "LOG_DAYS": 1205,
    }
    for name, number in periods.items():
        setattr(settings, name, number)
    page = client.get(reverse("privacy")).content.decode()
    assert [name for name, number in periods.items() if str(number) not in page] == []


def test_every_page_and_the_report_form_lead_to_it(client) -> None:
    where = f'href="{reverse("privacy")}"'
    assert where in client.get(reverse("how")).content.decode()
    assert client.get(reverse("report")).content.decode().count(where) == 2


def test_the_page_mentions_mail_only_where_mail_is_offered(client, settings) -> None:
    for offered in (True, False):
        settings.SENDS_MAIL = offered
        assert ("An e-mail address" in client.get(reverse("privacy")).content.decode()) is offered
