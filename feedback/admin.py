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
    list_display = ["pdq", "source", "created_at"]
