"""The admin site: accounts and axes. It leads to no image, report or receipt."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from feedback.models import Axis, AxisValue, BlockedHash
from feedback.services import api_tokens

admin.site.site_title = admin.site.site_header = "SpeakUp admin"
admin.site.index_title = "Accounts, axes and blocked hashes"

admin.site.unregister(User)
# Nobody signs in as somebody else by a factor or a connection that was added here.
admin.site.unregister(
    [Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession]
)


RIGHTS = {"is_active", "is_staff", "is_superuser", "groups", "user_permissions"}


def end_sessions(account: User, *, but: str | None = None) -> None:
    for session in UserSession.objects.filter(user=account).exclude(session_key=but or ""):
        session.end()


@admin.register(User)
class AccountAdmin(UserAdmin):
    """An account is deactivated, never deleted: its decisions keep their name."""

    actions = ["remove_second_factors"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Whose rights changed signs in again; admins who changed their own get a new key."""
        super().save_related(request, form, formsets, change)
        if change and RIGHTS & set(form.changed_data):
            if form.instance.pk == request.user.pk:
                request.session.cycle_key()
                UserSession.objects.create_from_request(request)
            end_sessions(form.instance, but=request.session.session_key)
            if not form.instance.is_active:
                api_tokens.delete_all(owner=form.instance)

    @admin.action(description="Remove passkeys, authenticator app and recovery codes")
    def remove_second_factors(self, request: HttpRequest, accounts: "QuerySet[User]") -> None:
        """For somebody who lost all of them. The password is asked for as before."""
        for account in accounts:
            Authenticator.objects.filter(user=account).delete()
            self.log_change(request, account, "Removed all second factors.")
            end_sessions(account)
        self.message_user(request, "Removed. They are signed out everywhere.")

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class AxisValueInline(admin.TabularInline):
    model = AxisValue
    extra = 1


@admin.register(Axis)
class AxisAdmin(admin.ModelAdmin):
    inlines = [AxisValueInline]
    list_display = ["name", "title"]


@admin.register(BlockedHash)
class BlockedHashAdmin(admin.ModelAdmin):
    """Hashes are added where they are checked: by `import_blocklist` and by safety.

    Here they can only be deleted.
    """

    list_display = ["pdq", "source", "created_at"]

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False
