"""The policy that pages are sent with: scripts by nonce, markup and programs by Trusted Types.

Every page is opened in test_pages.py, where a violation is a complaint of the console.
"""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from feedback.models import Axis

pytestmark = pytest.mark.django_db(transaction=True)

INJECTED = "<img src=x onerror='window.ran = true'>"


@pytest.fixture
def adam(transactional_db) -> User:
    return User.objects.create_superuser("adam", password="a long enough password")


def test_no_script_of_a_page_makes_markup_from_text(visit, champion) -> None:
    visitor = visit()
    page = visitor.open(reverse("home"))
    attempts = {
        "markup": "text => { document.body.innerHTML = text }",
        "a script": "text => { document.createElement('script').text = text }",
        "a program": "text => { new Worker('https://elsewhere.example/' + text) }",
        "code": "text => { setTimeout(text, 0) }",
    }
    for attempt, script in attempts.items():
        with pytest.raises(Exception, match=r"Trusted|requires"):
            page.evaluate(script, INJECTED)
        assert visitor.complaints, attempt
        visitor.complaints.clear()


def test_a_script_without_the_nonce_does_not_run(visit, champion) -> None:
    visitor = visit()

    def inject(route) -> None:
        response = route.fetch()
        body = response.text().replace("</main>", "<script>window.ran = true</script></main>")
        route.fulfill(response=response, body=body)

    visitor.page.route("**/how-it-works/", inject)
    page = visitor.open(reverse("how"))
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in " ".join(visitor.complaints)


def test_the_admins_pages_break_nothing_of_the_policy(visit, adam, axes) -> None:
    visitor = visit(adam)
    addresses = [
        reverse("admin:index"),
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_change", args=[adam.pk]),
        reverse("admin:auth_user_add"),
        reverse("admin:auth_group_add"),
        reverse("admin:feedback_axis_change", args=[Axis.objects.first().pk]),
        reverse("admin:feedback_blockedhash_changelist"),
    ]
    for address in addresses:
        visitor.open(address)
        assert (address, visitor.complaints) == (address, [])


def test_the_admins_scripts_work_and_their_markup_is_sanitised(visit, adam, axes) -> None:
    visitor = visit(adam)
    axis = Axis.objects.first()
    page = visitor.open(reverse("admin:feedback_axis_change", args=[axis.pk]))
    rows = page.locator("tr.form-row:not(.empty-form)")
    before = rows.count()
    page.get_by_role("button", name="Add another Axis value").click()
    expect(rows).to_have_count(before + 1)
    page.evaluate("text => { document.body.innerHTML = text }", INJECTED)
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    assert page.locator("img[onerror]").count() == 0
