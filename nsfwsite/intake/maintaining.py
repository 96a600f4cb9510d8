"""What maintainers start: retrains, promotions, rollbacks, slices, findings."""

from collections.abc import Sequence

from django.contrib.auth.models import User

from feedback import queries
from feedback.errors import VerdictOutdated
from feedback.models import Finding, ModelVersion, NamedSlice, Retrain, Webhook, WebhookDelivery
from feedback.services import (
    confirmations,
    findings,
    models,
    retrains,
    slices,
    verdicts,
    webhooks,
)
from nsfwsite.intake.enqueue import enqueue
from worker.tasks.audits import recount_audit_task
from worker.tasks.reports import answer_reports_task
from worker.tasks.training import run_finding_task, run_retrain_task
from worker.tasks.verdicts import confirm_task, judge_again_task
from worker.tasks.webhooks import send_deliveries_task


def approve(*, retrain: Retrain, by: User) -> Retrain:
    retrains.approve(retrain=retrain, by=by)
    enqueue(run_retrain_task.delay_on_commit, retrain.pk)
    return retrain


def promote(
    *,
    retrain: Retrain,
    by: User,
    override_reason: str = "",
    acknowledged_gaps: Sequence[str] = (),
) -> Retrain:
    try:
        retrains.promote(
            retrain=retrain,
            by=by,
            override_reason=override_reason,
            acknowledged_gaps=acknowledged_gaps,
        )
    except VerdictOutdated:
        judge_again(retrain=retrain)
        raise
    enqueue(answer_reports_task.delay_on_commit)
    _judge_outdated()
    return retrain


def confirm(*, retrain: Retrain, by: User) -> Retrain:
    """Have a candidate judged on the confirmation set; the scheduler starts the audits."""
    confirmation = confirmations.request(retrain=retrain, by=by)
    enqueue(confirm_task.delay_on_commit, confirmation.pk)
    return retrain


def judge_again(*, retrain: Retrain) -> None:
    """Have a candidate judged again whose verdict no longer holds; the scheduler does it too."""
    verdicts.repeat_unusable_audits(retrain=retrain)
    enqueue(judge_again_task.delay_on_commit, retrain.pk)


def _judge_outdated() -> None:
    for pk in verdicts.to_judge_again():
        enqueue(judge_again_task.delay_on_commit, pk)


def roll_back(*, model: ModelVersion, by: User, reason: str) -> None:
    models.roll_back(model=model, by=by, reason=reason)
    enqueue(answer_reports_task.delay_on_commit)
    _judge_outdated()


def name_slice(*, finding: Finding, region: int, title: str, by: User) -> NamedSlice:
    named_slice = slices.name(finding=finding, region=region, title=title, by=by)
    _recount_audits()
    return named_slice


def take_back_slice(*, named: NamedSlice, by: User) -> None:
    slices.take_back(named=named, by=by)
    _recount_audits()


def _recount_audits() -> None:
    for pk in queries.pending_work.audits_to_recount():
        enqueue(recount_audit_task.delay_on_commit, pk)


def retry_finding(*, finding: Finding) -> None:
    findings.retry_finding(finding=finding)
    for pk in queries.pending_work.findings_to_run():
        enqueue(run_finding_task.delay_on_commit, pk)


def add_webhook(*, url: str, events: Sequence[str], account: str, by: User) -> Webhook:
    webhook = webhooks.add(url=url, events=events, account=account, by=by)
    enqueue(send_deliveries_task.delay_on_commit, webhook.pk)
    return webhook


def turn_on_webhook(*, webhook: Webhook) -> None:
    webhooks.turn_on(webhook=webhook)
    enqueue(send_deliveries_task.delay_on_commit, webhook.pk)


def send_again(*, delivery: WebhookDelivery) -> None:
    webhooks.send_again(delivery=delivery)
    enqueue(send_deliveries_task.delay_on_commit, delivery.webhook_id)
