from django.urls import path

from nsfwsite.audits import views

urlpatterns = [
    path("models/", views.models, name="models"),
    path("models/<str:version>/", views.model, name="model"),
    path("how-it-works/", views.how, name="how"),
]
