"""The admin site: accounts and axes. It leads to no image, report or receipt."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from rest_framework.authtoken.models import TokenProxy

from feedback.models import Axis, AxisValue, BlockedHash

# Anybody who reads a token can act as its owner. `manage.py drf_create_token` makes one.
admin.site.unregister(TokenProxy)
admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(UserAdmin):
    """An account is deactivated, never deleted: its decisions keep their name."""

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
