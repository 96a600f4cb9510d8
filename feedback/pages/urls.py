from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.http import require_safe

from feedback.pages import (
    account,
    agreement,
    definitions,
    keys,
    ledger,
    receipt,
    report,
    reports,
    retrains,
    triage,
)
from feedback.pages.doors import refusing

urlpatterns = [
    path("report/", refusing(report.report), name="report"),
    path("labels/", definitions.show, name="definitions"),
    path("labels/object/", definitions.object_to, name="object"),
    path("labels/revise/", definitions.revise, name="revise"),
    path("labels/objections/<int:pk>/decline/", definitions.decline, name="decline-objection"),
    path("labels/o/<str:receipt>/", definitions.receipt, name="objection"),
    path("labels/o/<str:receipt>/withdraw/", definitions.withdraw, name="withdraw-objection"),
    path("reports/", reports.show, name="reports"),
    path("reports/feed/", require_safe(reports.Feed()), name="reports-feed"),
    path("ledger/", ledger.show, name="ledger"),
    path("ledger/check_ledger.py", ledger.checker, name="ledger-checker"),
    path("ledger.jsonl", ledger.download, name="ledger-download"),
    path("r/<str:receipt>/", receipt.show, name="receipt"),
    path("r/<str:receipt>/withdraw/", receipt.withdraw, name="withdraw"),
    path("r/<str:receipt>/appeal/", receipt.appeal, name="appeal"),
    path("r/<str:receipt>/renew/", receipt.renew, name="renew"),
    path("sign-in/", refusing(account.SignIn.as_view()), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("triage/", triage.queue, name="triage"),
    path("triage/labels/", triage.doubtful_labels, name="doubtful-labels"),
    path("triage/<int:pk>/", triage.case, name="case"),
    path("triage/next/", triage.claim, name="claim"),
    path("triage/<int:pk>/skip/", triage.skip, name="skip"),
    path("triage/agreement/", agreement.show, name="agreement"),
    path("triage/decisions.<str:kind>", agreement.download, name="decisions"),
    path("triage/keys/", keys.show, name="keys"),
    path("triage/<int:pk>/second-opinion/", triage.second_opinion, name="second-opinion"),
    path("triage/<int:pk>/reopen/", triage.reopen, name="reopen"),
    path("triage/images/<int:pk>/", triage.image, name="image"),
    path("triage/images/<int:pk>/reveal/", triage.reveal, name="reveal"),
    path("retrains/", refusing(retrains.overview), name="retrains"),
    path("retrains/back/<str:version>/", retrains.roll_back, name="roll-back"),
    path("retrains/<int:pk>/", retrains.one, name="retrain"),
]
