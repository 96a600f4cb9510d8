from django.urls import path

from nsfwsite.api.challenges import NextChallenge
from nsfwsite.api.classifications import AnswerRight, ClassificationDetail, ClassificationList
from nsfwsite.api.index import Index, SchemaFile
from nsfwsite.api.metrics import Metrics
from nsfwsite.api.models import ModelAudit, ModelDisparity, ModelList, ModelShortage
from nsfwsite.api.reports import Appeal, ReportDetail, ReportList, Withdrawal
from nsfwsite.api.retrains import (
    RecipeList,
    RetrainApproval,
    RetrainCancellation,
    RetrainConfirmation,
    RetrainDecline,
    RetrainDetail,
    RetrainList,
    RetrainPromotion,
)
from nsfwsite.api.triage import CaseDecision, CaseList, SecondOpinion
from nsfwsite.api.webhooks import (
    DeliveryAgain,
    DeliveryList,
    WebhookDetail,
    WebhookList,
    WebhookTurnOn,
)

app_name = "api"
urlpatterns = [
    path("", Index.as_view(), name="index"),
    path("challenge/", NextChallenge.as_view(), name="challenge"),
    path("classifications/", ClassificationList.as_view(), name="classifications"),
    path("classifications/<uuid:pk>/", ClassificationDetail.as_view(), name="classification"),
    path("classifications/<uuid:pk>/right/", AnswerRight.as_view(), name="right"),
    path("reports/", ReportList.as_view(), name="reports"),
    path("reports/<str:receipt>/", ReportDetail.as_view(), name="report"),
    path("reports/<str:receipt>/appeal/", Appeal.as_view(), name="appeal"),
    path("reports/<str:receipt>/withdraw/", Withdrawal.as_view(), name="withdraw"),
    path("triage/", CaseList.as_view(), name="triage"),
    path("triage/<int:pk>/decision/", CaseDecision.as_view(), name="decision"),
    path("triage/<int:pk>/second-opinion/", SecondOpinion.as_view(), name="second-opinion"),
    path("retrains/", RetrainList.as_view(), name="retrains"),
    path("retrains/recipes/", RecipeList.as_view(), name="recipes"),
    path("retrains/<int:pk>/", RetrainDetail.as_view(), name="retrain"),
    path("retrains/<int:pk>/approve/", RetrainApproval.as_view(), name="approve"),
    path("retrains/<int:pk>/cancel/", RetrainCancellation.as_view(), name="cancel"),
    path("retrains/<int:pk>/confirm/", RetrainConfirmation.as_view(), name="confirm"),
    path("retrains/<int:pk>/promote/", RetrainPromotion.as_view(), name="promote"),
    path("retrains/<int:pk>/decline/", RetrainDecline.as_view(), name="decline"),
    path("models/", ModelList.as_view(), name="models"),
    path("models/<str:version>/audit/", ModelAudit.as_view(), name="audit"),
    path("models/<str:version>/disparity/", ModelDisparity.as_view(), name="disparity"),
    path("models/<str:version>/shortage/", ModelShortage.as_view(), name="shortage"),
    path("webhooks/", WebhookList.as_view(), name="webhooks"),
    path("webhooks/<int:pk>/", WebhookDetail.as_view(), name="webhook"),
    path("webhooks/<int:pk>/turn-on/", WebhookTurnOn.as_view(), name="turn-on"),
    path("webhooks/<int:pk>/deliveries/", DeliveryList.as_view(), name="deliveries"),
    path(
        "webhooks/<int:pk>/deliveries/<uuid:delivery>/again/",
        DeliveryAgain.as_view(),
        name="send-again",
    ),
    path("metrics/", Metrics.as_view(), name="metrics"),
    path("schema/", SchemaFile.as_view(), name="schema"),
]
