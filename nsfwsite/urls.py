from django.contrib import admin
from django.urls import include, path

from nsfwsite import health, privacy
from nsfwsite.pages.account import admin_sign_in

handler500 = "nsfwsite.middleware.server_error"
urlpatterns = [
    path("", include("nsfwsite.demo.urls")),
    path("", include("nsfwsite.audits.urls")),
    path("", include("nsfwsite.pages.urls")),
    path("api/v1/", include("nsfwsite.api.urls")),
    path("privacy/", privacy.show, name="privacy"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
]
