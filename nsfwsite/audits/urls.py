from django.urls import path
from django.views.decorators.http import require_safe

from nsfwsite.audits import (
    candidates,
    disparity,
    feeds,
    findings,
    images,
    published,
    quantized,
    robustness,
    shortages,
    signals,
    slices,
    thresholds,
    views,
)

urlpatterns = [
    path("audits/", views.overview, name="audits"),
    path("audits/compare/", views.compare, name="compare"),
    path("audits/counterfactual/", robustness.counterfactual, name="counterfactual"),
    path("audits/disparity/", disparity.show, name="disparity"),
    path("audits/models/", published.show, name="published"),
    path("audits/signals/", signals.show, name="signals"),
    path(
        "audits/signals/<slug:axis>/<slug:value>/<str:kind>/", signals.decide, name="decide-signal"
    ),
    path("audits/slices/", slices.show, name="slices"),
    path("audits/slices/name/", slices.name, name="name-slice"),
    path("audits/slices/<int:pk>/take-back/", slices.take_back, name="take-back-slice"),
    path("audits/8-bit/", quantized.int8, name="int8"),
    path("artifacts/<str:sha256>/model.onnx", quantized.graph, name="graph"),
    path("audits/findings/<int:pk>/again/", findings.retry_finding, name="retry-finding"),
    path("audits/pictures/<slug:name>/<str:sha256>/", images.show, name="audit-picture"),
    path("audits/yours/", views.private_audit, name="yours"),
    path("audits/shortage/", shortages.show, name="shortage"),
    path("audits/candidates/<int:dataset>/", candidates.show, name="candidates"),
    path("audits/policy/", views.policy, name="policy"),
    path("audits/threshold/", thresholds.show, name="threshold"),
    path("models/", views.models, name="models"),
    path("models/feed/", require_safe(feeds.ModelFeed()), name="models-feed"),
    path("models/<str:version>/card.md", views.model_card, name="model-card"),
    path("datasets/<int:number>/card.md", views.dataset_card, name="dataset-card"),
    path("models/<str:version>/", views.model, name="model"),
    path("how-it-works/", views.how, name="how"),
]
