"""Rosa may be written to: after she said yes, once for each decision, until she stops it."""

import datetime
import logging
import re
import smtplib

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from feedback import queries
from feedback.errors import WrongState
from feedback.models import EmailAddress, LedgerEntry, PublicReport, Report
from feedback.services import emails, reports, triage
from tests.cast import before_next_update

pytestmark = pytest.mark.django_db
ROSA = "rosa@example.org"


@pytest.fixture(autouse=True)
def _set_up(settings):
    settings.SENDS_MAIL = True
    settings.DEFAULT_FROM_EMAIL = "speakup@example.org"


def leave(client, report, address=ROSA):
    return client.post(reverse("leave-mail", args=[report.receipt]), {"address": address})


def write_what_is_due() -> None:
    for pk in queries.pending_work.emails_to_send().values_list("pk", flat=True):
        emails.send(pk=pk)


def linked(message, which: str) -> str:
    """The path of the link in an email."""
    return re.search(rf"http://testserver(/mail/\S+/{which}/)", message.body)[1]


@pytest.fixture
def confirmed(client, queued):
    """A report whose reporter said yes to emails."""
    report = queued()
    leave(client, report)
    write_what_is_due()
    client.post(linked(mail.outbox.pop(), "confirm"))
    return report


def test_an_address_gets_one_confirmation_request_and_nothing_before_it_is_confirmed(
    client, queued, ravi
) -> None:
    report = queued()
    assert leave(client, report).url == reverse("receipt", args=[report.receipt])
    write_what_is_due()
    write_what_is_due()
    triage.decide(report=report, outcome="accepted", by=ravi)
    write_what_is_due()

    (question,) = mail.outbox
    assert question.to == [ROSA]
    assert report.receipt not in question.body  # nobody knows yet whose mailbox it is
    leave(client, report)  # again, after the decision
    write_what_is_due()
    assert mail.outbox[1].subject == question.subject
    assert (
        "An e-mail with a question"
        in client.get(reverse("receipt", args=[report.receipt])).content.decode()
    )


def test_a_confirmed_address_gets_every_decision_once_with_the_receipt(
    client, confirmed, ravi
) -> None:
    triage.decide(report=confirmed, outcome="rejected", by=ravi, reason="A photograph.")
    confirmed.events.create(status="folded")  # no news is sent of this
    write_what_is_due()
    write_what_is_due()

    (email,) = mail.outbox
    assert email.subject == "A reviewer did not agree with your report"
    assert reverse("receipt", args=[confirmed.receipt]) in email.body
    assert "A photograph." not in email.body


def test_opening_a_link_does_nothing_and_pressing_the_button_does(client, queued) -> None:
    leave(client, queued())
    write_what_is_due()
    where = linked(mail.outbox[0], "confirm")

    page = client.get(where)

    assert "Yes, write to me" in page.content.decode()
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert EmailAddress.objects.get().confirmed_at is None
    client.post(where)
    client.post(where)
    assert EmailAddress.objects.get().confirmed_at is not None


def test_one_click_in_an_email_deletes_the_address(client, confirmed, ravi) -> None:
    triage.decide(report=confirmed, outcome="accepted", by=ravi)
    write_what_is_due()
    (email,) = mail.outbox
    stop = linked(email, "stop")
    assert email.extra_headers["List-Unsubscribe"] == f"<http://testserver{stop}>"
    assert email.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    assert client.post(stop, {"List-Unsubscribe": "One-Click"}).status_code == 200

    assert not EmailAddress.objects.exists()
    assert client.post(stop).status_code == 404


def test_the_last_email_deletes_the_address(confirmed) -> None:
    reports.move(report=confirmed, sources=["queued"], status="accepted")
    Report.objects.update(status="accepted")
    reports.move(report=confirmed, sources=["accepted"], status="escalated")
    write_what_is_due()
    assert not mail.outbox  # it left the queue for good, and nothing is told of it

    Report.objects.update(status="accepted")
    confirmed.events.create(status="answered")
    write_what_is_due()

    assert "Your address is deleted." in mail.outbox[0].body
    assert not EmailAddress.objects.exists()


@pytest.mark.parametrize(
    "end",
    [
        lambda client, report: reports.withdraw(report=report),
        lambda client, report: reports.renew_receipt(report=report),
        lambda client, report: client.post(reverse("forget-mail", args=[report.receipt])),
    ],
    ids=["withdrawn", "another link", "forgotten"],
)
def test_an_address_is_deleted_with_its_report(client, confirmed, end) -> None:
    end(client, confirmed)
    assert not EmailAddress.objects.exists()


def test_an_unconfirmed_address_is_deleted_after_two_days(client, queued, confirmed) -> None:
    leave(client, queued(1), "sam@example.org")
    past = timezone.now() - emails.UNCONFIRMED - datetime.timedelta(minutes=1)
    EmailAddress.objects.update(created_at=past)
    leave(client, queued(2), "new@example.org")

    emails.delete_unconfirmed()

    assert set(EmailAddress.objects.values_list("address", flat=True)) == {ROSA, "new@example.org"}


def test_a_link_is_good_for_one_address_alone(client, queued) -> None:
    report = queued()
    leave(client, report)
    write_what_is_due()
    token = linked(mail.outbox[0], "stop").split("/")[2]
    leave(client, report, "other@example.org")
    assert client.post(reverse("stop-mail", args=[token])).status_code == 404
    assert client.post(reverse("stop-mail", args=["a-guess"])).status_code == 404


def test_a_server_that_is_away_is_tried_again_and_the_address_is_not_logged(
    client, queued, monkeypatch, caplog, capsys
) -> None:
    def away(message, fail_silently=False):
        raise smtplib.SMTPRecipientsRefused({ROSA: (550, b"no such mailbox")})

    caplog.set_level(logging.DEBUG)
    leave(client, queued())
    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", away)
        for _ in range(EmailAddress.MAX_ATTEMPTS + 3):
            EmailAddress.objects.update(retry_at=timezone.now())
            write_what_is_due()
    output = caplog.text + "".join(capsys.readouterr())
    assert "email was not sent" in output
    assert ROSA not in output
    assert queries.pending_work.emails_to_send().count() == 0  # given up, and deleted unconfirmed

    EmailAddress.objects.update(asked_at=None)
    emails.confirm(row=EmailAddress.objects.get())  # it had arrived all the same
    assert EmailAddress.objects.get().asked_at


def test_the_address_is_in_no_public_place(client, confirmed, ravi) -> None:
    triage.decide(report=confirmed, outcome="accepted", by=ravi)
    records = repr([*LedgerEntry.objects.values(), *PublicReport.objects.values()])
    assert ROSA not in records
    for where in (f"/api/v1/reports/{confirmed.receipt}/", f"/r/{confirmed.receipt}/"):
        assert ROSA not in client.get(where).content.decode()


@pytest.mark.parametrize("address", ["", "rosa", "a@b\nBcc: c@d.org", "x" * 300 + "@example.org"])
def test_an_invalid_address_is_refused(client, queued, address) -> None:
    page = leave(client, queued(), address)
    assert page.status_code == 422
    assert "looks like name@example.org" in page.content.decode()
    assert not EmailAddress.objects.exists()


def test_a_mailbox_is_not_flooded(client, queued, settings) -> None:
    settings.RATE_MAILBOX = "1/day"
    report = queued()
    leave(client, report)
    assert leave(client, report, ROSA.upper()).status_code == 429


def test_without_mail_set_up_none_is_offered(client, queued, settings) -> None:
    settings.SENDS_MAIL = False
    report = queued()
    assert "This site sends no mail" in client.get(f"/r/{report.receipt}/").content.decode()
    assert leave(client, report).status_code == 409
    assert not EmailAddress.objects.exists()


def test_an_address_takes_the_place_of_an_earlier_one(client, confirmed) -> None:
    before = EmailAddress.objects.get()
    emails.save_address(report=confirmed, address="new@example.org", site="https://a.example/")
    row = EmailAddress.objects.get()
    assert (row.pk, row.address, row.site) == (before.pk, "new@example.org", "https://a.example")
    assert (row.asked_at, row.confirmed_at, row.told) == (None, None, 0)
    assert row.nonce != before.nonce


@pytest.mark.parametrize("status", ["withdrawn", "escalated", "answered"])
def test_no_address_is_taken_when_nothing_is_to_come(queued, status) -> None:
    report = queued()
    report.status = status
    with pytest.raises(WrongState, match="while something is to come"):
        emails.save_address(report=report, address=ROSA, site="https://a.example")


def test_confirming_again_does_not_hide_news(confirmed, ravi) -> None:
    row = EmailAddress.objects.get()
    earlier = row.confirmed_at
    triage.decide(report=confirmed, outcome="accepted", by=ravi)
    emails.confirm(row=row)
    assert EmailAddress.objects.get().confirmed_at == earlier
    write_what_is_due()
    assert len(mail.outbox) == 1


def test_a_confirmed_address_hears_nothing_of_the_past(client, queued, ravi) -> None:
    report, other = queued(1), queued(2)
    for place, filed in enumerate((report, other)):
        leave(client, filed, f"rosa{place}@example.org")
    write_what_is_due()
    mail.outbox.clear()
    triage.decide(report=report, outcome="accepted", by=ravi)
    emails.confirm(row=EmailAddress.objects.get(report=report))
    write_what_is_due()
    assert not mail.outbox
    assert EmailAddress.objects.get(report=other).confirmed_at is None


def test_an_address_that_was_replaced_is_not_confirmed(client, queued) -> None:
    report = queued()
    leave(client, report)
    earlier = EmailAddress.objects.get()
    leave(client, report, "other@example.org")
    emails.confirm(row=earlier)
    assert EmailAddress.objects.get().confirmed_at is None


def test_an_email_goes_to_one_address_alone(client, queued) -> None:
    for seed in range(2):
        leave(client, queued(seed), f"rosa{seed}@example.org")
    first, second = EmailAddress.objects.order_by("pk")
    emails.send(pk=second.pk)
    assert [message.to for message in mail.outbox] == [[second.address]]
    assert EmailAddress.objects.get(pk=first.pk).asked_at is None
    emails.delete_address(report=first.report)
    assert EmailAddress.objects.get() == second


def away(message, fail_silently=False):
    raise smtplib.SMTPServerDisconnected


def test_an_email_that_fails_is_due_again_later_and_counts(confirmed, ravi, monkeypatch) -> None:
    triage.decide(report=confirmed, outcome="accepted", by=ravi)
    newest_event = EmailAddress.objects.get().told
    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", away)
        write_what_is_due()
    row = EmailAddress.objects.get()
    assert (row.failures, row.told) == (1, newest_event)
    assert row.retry_at > timezone.now()
    assert not queries.pending_work.emails_to_send().exists()
    EmailAddress.objects.update(retry_at=timezone.now())
    write_what_is_due()
    assert len(mail.outbox) == 1
    assert EmailAddress.objects.get().failures == 0


def test_after_the_last_attempt_an_email_is_given_up_and_the_next_starts_anew(
    confirmed, ravi, monkeypatch
) -> None:
    triage.decide(report=confirmed, outcome="accepted", by=ravi)
    EmailAddress.objects.update(failures=EmailAddress.MAX_ATTEMPTS - 1)
    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", away)
        write_what_is_due()
    assert EmailAddress.objects.get().failures == 0
    assert not queries.pending_work.emails_to_send().exists()


def test_an_email_that_another_worker_claimed_is_not_sent_twice(confirmed, ravi) -> None:
    triage.decide(report=confirmed, outcome="accepted", by=ravi)

    def claim() -> None:
        EmailAddress.objects.update(told=confirmed.events.last().pk)

    with before_next_update(claim):
        emails.send(pk=EmailAddress.objects.get().pk)
    assert not mail.outbox


def test_an_address_that_is_replaced_meanwhile_gets_its_own_confirmation_request(
    client, queued
) -> None:
    report = queued()
    leave(client, report)
    with before_next_update(lambda: leave(client, report, "new@example.org")):
        emails.send(pk=EmailAddress.objects.get().pk)
    assert not mail.outbox
    write_what_is_due()
    assert [email.to for email in mail.outbox] == [["new@example.org"]]


def test_an_address_that_is_confirmed_while_sending_seems_to_fail_stays_confirmed(
    client, queued, monkeypatch
) -> None:
    leave(client, queued())

    def arrive_and_fail(message, fail_silently=False):
        emails.confirm(row=EmailAddress.objects.get())
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(EmailMessage, "send", arrive_and_fail)
    write_what_is_due()
    row = EmailAddress.objects.get()
    assert row.confirmed_at
    assert (row.failures, row.asked_at is None) == (0, False)


# Four mutants of `emails` that survive change nothing. `address_of`, `confirm` and `send` find a
# row by its nonce alone: no two rows have the same. `send` without `event is None`: an address that
# was asked is due only for an event.
