from django.urls import path

from feedback.pages.doors import refusing
from nsfwsite.demo import views

urlpatterns = [
    path("", refusing(views.home), name="home"),
    path("c/<uuid:pk>/", views.classification, name="classification"),
    path("c/<uuid:pk>/right/", refusing(views.right), name="right"),
    path("samples/<str:name>", views.sample, name="sample"),
]
