from django.urls import path

from nsfwsite.audits import views

urlpatterns = [
    path("audits/", views.overview, name="audits"),
    path("audits/compare/", views.compare, name="compare"),
    path("audits/policy/", views.policy, name="policy"),
    path("audits/threshold/", views.threshold, name="threshold"),
    path("models/", views.models, name="models"),
    path("models/<str:version>/card.md", views.model_card, name="model-card"),
    path("datasets/<int:number>/card.md", views.dataset_card, name="dataset-card"),
    path("models/<str:version>/", views.model, name="model"),
    path("how-it-works/", views.how, name="how"),
]
