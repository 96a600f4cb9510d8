from django.urls import path

from feedback.pages.doors import refusing
from nsfwsite.demo import views

urlpatterns = [
    path("", refusing(views.home), name="home"),
    path("c/<uuid:pk>/", views.classification, name="classification"),
    path("samples/<str:name>", views.sample, name="sample"),
]
