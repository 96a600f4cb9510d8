from typing import Any

from django.contrib import admin

from feedback.models import Axis, AxisValue, BlockedHash


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
