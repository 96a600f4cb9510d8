import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from feedback import roles
from tests.cast import token_of

RIGHT = {"login": "ravi", "password": "a long enough password"}


@pytest.fixture
def admin(db) -> Client:
    User.objects.create_superuser("adam", password="a long enough password")
    client = Client()
    client.post(reverse("sign-in"), {**RIGHT, "login": "adam"})
    return client


def test_the_admin_has_the_sites_look_and_a_way_back(admin) -> None:
    text = admin.get(reverse("admin:index")).content.decode()
    assert 'href="/static/admin.css"' in text
    assert f'<a href="{reverse("home")}">Back to the site</a>' in text


def change(admin: Client, user: User, **changes: object) -> None:
    fields = {"username": user.username, "is_active": "on", "date_joined_0": "2026-01-01"}
    fields |= {"date_joined_1": "12:00:00"}
    if user.is_superuser:
        fields |= {"is_superuser": "on", "is_staff": "on"}
    answer = admin.post(reverse("admin:auth_user_change", args=[user.pk]), fields | changes)
    assert answer.status_code == 302, answer.context["errors"]


def test_whose_rights_change_signs_in_again(admin, client, ravi) -> None:
    client.post(reverse("sign-in"), RIGHT)
    group = Group.objects.get(name=roles.REVIEWERS)
    change(admin, ravi, groups=[group.pk], first_name="Ravi")
    assert client.get(reverse("triage")).status_code == 200
    change(admin, ravi, groups=[])
    assert client.get(reverse("triage")).url.startswith(reverse("sign-in"))


def test_admins_who_change_their_own_rights_get_a_new_session_key(admin) -> None:
    adam = User.objects.get(username="adam")
    key = admin.session.session_key
    group, _ = Group.objects.get_or_create(name=roles.SAFETY)
    change(admin, adam, groups=[group.pk])
    assert admin.session.session_key != key
    assert admin.get(reverse("safety")).status_code == 200


def test_an_admin_removes_the_second_steps_of_somebody_who_lost_them(admin, client, ravi) -> None:
    client.post(reverse("sign-in"), RIGHT)
    TOTP.activate(ravi, generate_totp_secret())
    action = {"action": "remove_second_factors", "_selected_action": [ravi.pk]}
    admin.post(reverse("admin:auth_user_changelist"), action)
    assert not Authenticator.objects.exists()
    assert LogEntry.objects.filter(object_id=str(ravi.pk)).exists()
    assert client.get(reverse("triage")).status_code == 302
    assert client.post(reverse("sign-in"), RIGHT).url == reverse("triage")


def test_passwords_are_changed_on_one_page(admin) -> None:
    assert admin.get("/admin/password_change/").url == reverse("account_change_password")


def test_closing_an_account_deletes_its_tokens(admin, ravi) -> None:
    token_of(ravi)
    change(admin, ravi, first_name="Ravi")
    assert ravi.api_tokens.exists()
    change(admin, ravi, is_active="")
    assert not ravi.api_tokens.exists()
