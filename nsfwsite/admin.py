"""Accounts and settings. No picture, report or receipt is reached from here."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from rest_framework.authtoken.models import TokenProxy

from feedback.models import Axis, AxisValue, BlockedHash

# Whoever reads a token can act in its owner's name. `manage.py drf_create_token` makes one.
admin.site.unregister(TokenProxy)
admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(UserAdmin):
    """An account is closed, never deleted: what it decided keeps its name."""

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class Values(admin.TabularInline):
    model = AxisValue
    extra = 1


@admin.register(Axis)
class AxisAdmin(admin.ModelAdmin):
    inlines = [Values]
    list_display = ["name", "title"]


@admin.register(BlockedHash)
class BlockedHashAdmin(admin.ModelAdmin):
    """Hashes come in where they are checked, by `import_blocklist` and by safety; here they go."""

    list_display = ["pdq", "source", "created_at"]

    def has_add_permission(self, *_: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any) -> bool:
        return False
