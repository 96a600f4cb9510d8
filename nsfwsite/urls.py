from django.contrib import admin
from django.contrib.sitemaps.views import sitemap
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from nsfwsite import health, privacy, sitemaps
from nsfwsite.accounts.views import admin_sign_in
from nsfwsite.api import reference
from nsfwsite.detector.contract import PATH
from nsfwsite.detector.views import detect_images

change_password = RedirectView.as_view(pattern_name="account_change_password")
handler500 = "nsfwsite.middleware.server_error"
urlpatterns = [
    path("", include("nsfwsite.demo.urls")),
    path("", include("nsfwsite.audits.urls")),
    path("", include("nsfwsite.pages.urls")),
    path("", include("nsfwsite.accounts.urls")),
    path("api/", reference.show, name="api"),
    path("api/v1/", include("nsfwsite.api.urls")),
    path(PATH[1:], detect_images, name="detect-images"),
    path(f"{PATH[1:]}/", detect_images),
    path("privacy/", privacy.show, name="privacy"),
    path("sitemap.xml", require_safe(sitemap), {"sitemaps": sitemaps.SITEMAPS}, name="sitemap"),
    path("robots.txt", sitemaps.robots, name="robots"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
    path("admin/login/", admin_sign_in),
    # One page to change a password: the admin's own does not limit guesses either.
    path("admin/password_change/", admin.site.admin_view(change_password)),
    path("admin/", admin.site.urls),
]
