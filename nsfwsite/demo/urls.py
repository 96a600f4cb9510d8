from django.urls import path

from nsfwsite.access import refusals_as_pages
from nsfwsite.demo import in_browser, views

urlpatterns = [
    path("", refusals_as_pages(views.home), name="home"),
    path("in-browser.json", in_browser.description, name="in-browser"),
    path("service-worker.js", in_browser.service_worker, name="service-worker"),
    path("c/<uuid:pk>/", views.classification, name="classification"),
    path("c/<uuid:pk>/right/", refusals_as_pages(views.right), name="right"),
    path("samples/<str:name>", views.sample, name="sample"),
]
