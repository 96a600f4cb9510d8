"""Ravi and a passkey, in Chromium with an authenticator of its own."""

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough password"


def plug_in(page: Page) -> None:
    """An authenticator that knows who is in front of it."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    options["automaticPresenceSimulation"] = True
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def sign_in(page: Page) -> None:
    page.get_by_label("Name").fill("ravi")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def open_menu(page: Page, width: int) -> None:
    """On a phone, what people with an account need is in a menu."""
    if width == 390:
        page.get_by_role("button", name="Menu").click()


def sound(visitor) -> None:
    assert visitor.barriers() == []
    assert visitor.complaints == []
    assert visitor.overflow() <= 0
    visitor.look()


@pytest.mark.parametrize("width", [1280, 390])
def test_ravi_adds_a_passkey_and_signs_in_with_it(visit, ravi, width) -> None:
    visitor = visit(width=width)
    page = visitor.open(reverse("sign-in"))
    plug_in(page)
    sound(visitor)
    sign_in(page)

    open_menu(page, width)
    page.get_by_role("link", name="Account", exact=True).click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill("Laptop")
    sound(visitor)
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    sound(visitor)
    visitor.open(reverse("account"))
    expect(page.get_by_text("Laptop, added on")).to_be_visible()
    sound(visitor)

    open_menu(page, width)
    page.get_by_role("button", name="Sign out ravi").click()
    visitor.open(reverse("sign-in"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"**{reverse('triage')}")

    open_menu(page, width)
    page.get_by_role("button", name="Sign out ravi").click()
    visitor.open(reverse("sign-in"))
    sign_in(page)
    page.get_by_role("button", name="Use a passkey instead").wait_for()
    sound(visitor)
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url(f"**{reverse('triage')}")

    visitor.open(reverse("account"))
    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("link", name="Use a passkey").click()
    sound(visitor)
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove it").click()
    page.get_by_text("Signing in takes your password alone.").wait_for()
    assert not Authenticator.objects.exists()


def test_a_browser_that_has_no_passkey_says_so(visit, ravi) -> None:
    visitor = visit()
    page = visitor.open(reverse("sign-in"))
    plug_in(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("The browser used no passkey.").wait_for()
    sign_in(page)
    page.wait_for_url(f"**{reverse('triage')}")


def test_ravi_sets_up_an_app_on_a_page_that_is_sound(visit, ravi) -> None:
    visitor = visit(width=390)
    page = visitor.open(reverse("sign-in"))
    sign_in(page)
    visitor.open(reverse("mfa_activate_totp"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("img", name="The secret below").wait_for()
    sound(visitor)


def test_without_scripts_signing_in_takes_a_password(visit, ravi) -> None:
    page = visit(scripts=False).open(reverse("sign-in"))
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in(page)
    page.wait_for_url(f"**{reverse('triage')}")
