"""URLs for signing in and for accounts. Names with a prefix are those that allauth looks up."""

from allauth.account.views import (
    PasswordChangeView,
    PasswordResetDoneView,
    PasswordResetFromKeyView,
    PasswordResetView,
    PasswordSetView,
    ReauthenticateView,
)
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCodeView
from allauth.mfa.recovery_codes.views import (
    DownloadRecoveryCodesView,
    GenerateRecoveryCodesView,
    ViewRecoveryCodesView,
)
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from allauth.socialaccount.providers.openid_connect.views import callback, login
from allauth.socialaccount.views import login_cancelled
from allauth.usersessions.views import ListUserSessionsView
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path, register_converter, reverse_lazy
from django.urls.converters import StringConverter
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nsfwsite.access import View, form_page, refusals_as_pages
from nsfwsite.accounts import tokens
from nsfwsite.accounts.views import (
    Account,
    Disconnect,
    SignIn,
    limit_emails,
    limit_guesses,
    own_name,
    pending_name,
    posted_name,
    sends_to_provider,
)


class Base36(StringConverter):
    regex = "[0-9A-Za-z]+"


register_converter(Base36, "base36")
PROVIDER = {"provider_id": "oidc"}
ACCOUNT, SIGN_IN = reverse_lazy("account"), reverse_lazy("sign-in")


def own_form(view: View) -> View:
    """A form about the account of whoever is signed in."""
    return form_page(never_cache(login_required(view)))


def own_page(view: View) -> View:
    """A page about it that changes nothing."""
    return require_safe(never_cache(login_required(view)))


def _names(address: str, view: View, *names: str) -> list[URLPattern]:
    return [path(address, view, name=name) for name in names]


sign_in = form_page(sends_to_provider(limit_guesses(posted_name, SignIn.as_view())))
second_step = limit_guesses(pending_name, AuthenticateView.as_view())
passkey = limit_guesses(None, LoginWebAuthnView.as_view())
account = own_page(refusals_as_pages(sends_to_provider(Account.as_view())))
change_password = limit_guesses(own_name, PasswordChangeView.as_view())
confirm = limit_guesses(own_name, ReauthenticateView.as_view())
confirm_by_code = limit_guesses(own_name, ReauthenticateByCodeView.as_view())
remove_passkey = RemoveWebAuthnView.as_view(success_url=ACCOUNT)
sign_out_others = ListUserSessionsView.as_view(success_url=ACCOUNT)
disconnect = Disconnect.as_view(success_url=ACCOUNT)

forgotten = form_page(never_cache(limit_emails(PasswordResetView.as_view())))
email_sent = require_safe(PasswordResetDoneView.as_view())
new_password = limit_guesses(None, PasswordResetFromKeyView.as_view(success_url=SIGN_IN))

urlpatterns = [
    *_names("sign-in/", sign_in, "sign-in", "account_login"),
    path("sign-in/second-step/", form_page(second_step), name="mfa_authenticate"),
    path("sign-in/passkey/", form_page(passkey), name="mfa_login_webauthn"),
    path("sign-in/oidc/", require_POST(login), PROVIDER, name="openid_connect_login"),
    path("sign-in/oidc/back/", require_safe(callback), PROVIDER, name="openid_connect_callback"),
    path(
        "sign-in/oidc/cancelled/",
        require_safe(login_cancelled),
        name="socialaccount_login_cancelled",
    ),
    path("forgotten-password/", forgotten, name="account_reset_password"),
    path("forgotten-password/sent/", email_sent, name="account_reset_password_done"),
    path(
        "forgotten-password/<base36:uidb36>-<str:key>/",
        form_page(never_cache(new_password)),
        name="account_reset_password_from_key",
    ),
    *_names("sign-out/", LogoutView.as_view(), "sign-out", "account_logout"),
    *_names("account/", account, "account", "mfa_index"),
    path("account/password/", own_form(change_password), name="account_change_password"),
    path("account/password/set/", own_form(PasswordSetView.as_view()), name="account_set_password"),
    path("account/confirm/", own_form(confirm), name="account_reauthenticate"),
    path("account/confirm/code/", own_form(confirm_by_code), name="mfa_reauthenticate"),
    path(
        "account/confirm/passkey/",
        own_form(limit_guesses(own_name, ReauthenticateWebAuthnView.as_view())),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "account/app/",
        own_form(limit_guesses(own_name, ActivateTOTPView.as_view())),
        name="mfa_activate_totp",
    ),
    path("account/app/remove/", own_form(DeactivateTOTPView.as_view()), name="mfa_deactivate_totp"),
    path("account/passkeys/add/", own_form(AddWebAuthnView.as_view()), name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove/", own_form(remove_passkey), name="mfa_remove_webauthn"),
    path(
        "account/recovery-codes/",
        own_page(refusals_as_pages(ViewRecoveryCodesView.as_view())),
        name="mfa_view_recovery_codes",
    ),
    path(
        "account/recovery-codes/new/",
        own_form(GenerateRecoveryCodesView.as_view()),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/recovery-codes/download/",
        own_page(refusals_as_pages(DownloadRecoveryCodesView.as_view())),
        name="mfa_download_recovery_codes",
    ),
    path(
        "account/sign-out-others/",
        require_POST(login_required(sign_out_others)),
        name="usersessions_list",
    ),
    path("account/tokens/", own_form(tokens.overview), name="tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke, name="revoke-token"),
    path(
        "account/disconnect/",
        require_POST(login_required(disconnect)),
        name="socialaccount_connections",
    ),
]
