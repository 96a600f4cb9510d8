from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from nsfwsite.api import views

app_name = "api"
urlpatterns = [
    path("classifications/", views.Classifications.as_view(), name="classifications"),
    path("classifications/<uuid:pk>/", views.OneClassification.as_view(), name="classification"),
    path("classifications/<uuid:pk>/right/", views.Right.as_view(), name="right"),
    path("reports/", views.Reports.as_view(), name="reports"),
    path("reports/<str:receipt>/", views.OneReport.as_view(), name="report"),
    path("reports/<str:receipt>/appeal/", views.Appeal.as_view(), name="appeal"),
    path("triage/", views.Triage.as_view(), name="triage"),
    path("triage/<int:pk>/decision/", views.TriageDecision.as_view(), name="decision"),
    path("triage/<int:pk>/second-opinion/", views.SecondOpinion.as_view(), name="second-opinion"),
    path("retrains/", views.Retrains.as_view(), name="retrains"),
    path("retrains/<int:pk>/", views.OneRetrain.as_view(), name="retrain"),
    path("retrains/<int:pk>/approve/", views.RetrainApproval.as_view(), name="approve"),
    path("retrains/<int:pk>/cancel/", views.RetrainCancellation.as_view(), name="cancel"),
    path("retrains/<int:pk>/promote/", views.RetrainPromotion.as_view(), name="promote"),
    path("retrains/<int:pk>/decline/", views.RetrainDecline.as_view(), name="decline"),
    path("models/", views.Models.as_view(), name="models"),
    path("models/<str:version>/audit/", views.ModelAudit.as_view(), name="audit"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]
