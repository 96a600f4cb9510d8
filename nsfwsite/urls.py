from django.contrib import admin
from django.urls import include, path

from nsfwsite import health

urlpatterns = [
    path("", include("nsfwsite.demo.urls")),
    path("", include("nsfwsite.audits.urls")),
    path("", include("feedback.pages.urls")),
    path("api/v1/", include("feedback.api.urls")),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
    path("admin/", admin.site.urls),
]
