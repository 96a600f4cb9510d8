from celery import shared_task

from feedback import queries
from feedback.services import (
    audits,
    classifications,
    confirmations,
    erasure,
    findings,
    images,
    recomputations,
    retention,
    retrains,
    verdicts,
)
from worker import heartbeat
from worker.tasks.audits import recount_audit_task, start_audit_task
from worker.tasks.inference import classify_task, occlude_task
from worker.tasks.mail import send_email_task
from worker.tasks.reports import answer_reports_task, screen_report_task
from worker.tasks.training import run_finding_task, run_retrain_task
from worker.tasks.verdicts import confirm_task, judge_again_task, recompute_task
from worker.tasks.webhooks import send_deliveries_task


@shared_task(name="upkeep.delete_expired_images_task", soft_time_limit=50, time_limit=60)
def delete_expired_images_task() -> None:
    classifications.delete_expired()


@shared_task(name="upkeep.erase_files_task", soft_time_limit=50, time_limit=60)
def erase_files_task() -> None:
    erasure.erase_files()


@shared_task(name="upkeep.purge_orphans_task", soft_time_limit=600, time_limit=660)
def purge_orphans_task() -> None:
    images.purge_orphans()


@shared_task(name="upkeep.enforce_retention_task", soft_time_limit=600, time_limit=660)
def enforce_retention_task() -> None:
    retention.enforce()


@shared_task(name="upkeep.pick_up_lost_work_task", soft_time_limit=30, time_limit=40)
def pick_up_lost_work_task() -> None:
    """Enqueue again the work that is due according to the database and is in no queue.

    Every task starts with a conditional update, so a task that is enqueued twice is done once.
    """
    retrains.resume_lost()
    findings.resume_lost()
    findings.request_missing()
    if not heartbeat.queue_length("inference"):
        for waiting in queries.pending_work.classifications_to_run():
            classify_task.delay_on_commit(waiting)
    if not heartbeat.queue_length("inference", priority=heartbeat.AFTER_VISITORS):
        audits.resume_lost()
        for pk in queries.pending_work.occlusions_to_resume():
            occlude_task.delay_on_commit(pk)
    if not heartbeat.queue_length("training"):
        for pk in queries.pending_work.retrains_to_run():
            run_retrain_task.delay_on_commit(pk)
        for pk in queries.pending_work.findings_to_run():
            run_finding_task.delay_on_commit(pk)
    if not heartbeat.queue_length("default"):
        for pk in queries.pending_work.audits_to_run():
            start_audit_task.delay_on_commit(pk)
        for pk in queries.pending_work.audits_to_recount():
            recount_audit_task.delay_on_commit(pk)
        for pk in verdicts.to_judge_again():
            judge_again_task.delay_on_commit(pk)
        for pk in confirmations.to_judge():
            confirm_task.delay_on_commit(pk)
        for pk in recomputations.to_recompute():
            recompute_task.delay_on_commit(pk)
        for pk in queries.pending_work.reports_to_screen():
            screen_report_task.delay_on_commit(pk)
        for pk in queries.pending_work.emails_to_send().values_list("pk", flat=True):
            send_email_task.delay_on_commit(pk)
        for pk in queries.pending_work.webhooks_to_send():
            send_deliveries_task.delay_on_commit(pk)
        if queries.pending_work.has_reports_to_answer():
            answer_reports_task.delay_on_commit()
