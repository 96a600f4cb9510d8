"""The public pages and models, for search engines."""

from django.contrib.sitemaps import Sitemap
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from feedback.models import ModelVersion
from nsfwsite.templatetags.audit_pages import offered_pages

PAGES = ("home", "reports", "definitions", "how", "transparency", "privacy", "api")


class PublicPages(Sitemap):
    def items(self) -> list[str]:
        return [*PAGES, *offered_pages()]

    def location(self, item: str) -> str:
        return reverse(item)


class Models(Sitemap):
    def items(self) -> list[ModelVersion]:
        return list(ModelVersion.objects.all())

    def location(self, item: ModelVersion) -> str:
        return reverse("model", args=[item.version])


SITEMAPS = {"pages": PublicPages, "models": Models}


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    sitemap = request.build_absolute_uri(reverse("sitemap"))
    text = f"User-agent: *\nDisallow: {reverse('admin:index')}\nSitemap: {sitemap}\n"
    return HttpResponse(text, content_type="text/plain")
