from django.contrib import admin
from django.urls import include, path

from feedback.pages.account import admin_sign_in
from nsfwsite import health, privacy

urlpatterns = [
    path("", include("nsfwsite.demo.urls")),
    path("", include("nsfwsite.audits.urls")),
    path("", include("feedback.pages.urls")),
    path("api/v1/", include("feedback.api.urls")),
    path("privacy/", privacy.show, name="privacy"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
]
