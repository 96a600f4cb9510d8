from celery import shared_task

from feedback import queries
from feedback.services import (
    audits,
    classifications,
    erasure,
    findings,
    images,
    retention,
    retrains,
)
from worker import heartbeat
from worker.tasks.audits import recount_audit_task, start_audit_task
from worker.tasks.inference import occlude_task
from worker.tasks.mail import write_letter_task
from worker.tasks.reports import answer_reports_task, screen_report_task
from worker.tasks.training import run_finding_task, run_retrain_task


@shared_task(name="upkeep.forget_old_images_task", soft_time_limit=50, time_limit=60)
def forget_old_images_task() -> None:
    classifications.forget_old()


@shared_task(name="upkeep.finish_erasures_task", soft_time_limit=50, time_limit=60)
def finish_erasures_task() -> None:
    erasure.finish()


@shared_task(name="upkeep.sweep_images_task", soft_time_limit=600, time_limit=660)
def sweep_images_task() -> None:
    images.sweep()


@shared_task(name="upkeep.keep_to_periods_task", soft_time_limit=600, time_limit=660)
def keep_to_periods_task() -> None:
    retention.run()


@shared_task(name="upkeep.pick_up_lost_work_task", soft_time_limit=30, time_limit=40)
def pick_up_lost_work_task() -> None:
    """Send again what the database says is due and no queue holds any more.

    Every task starts with a conditional update, so what is sent twice is done once.
    """
    retrains.fail_lost()
    findings.fail_lost()
    findings.request_missing()
    if not heartbeat.waiting("inference", priority=heartbeat.AFTER_VISITORS):
        audits.fail_lost()
        for pk in queries.pending_work.occlusions_to_resume():
            occlude_task.delay_on_commit(pk)
    if not heartbeat.waiting("training"):
        for pk in queries.pending_work.retrains_to_run():
            run_retrain_task.delay_on_commit(pk)
        for pk in queries.pending_work.findings_to_run():
            run_finding_task.delay_on_commit(pk)
    if not heartbeat.waiting("default"):
        for pk in queries.pending_work.audits_to_run():
            start_audit_task.delay_on_commit(pk)
        for pk in queries.pending_work.audits_to_recount():
            recount_audit_task.delay_on_commit(pk)
        for pk in queries.pending_work.reports_to_screen():
            screen_report_task.delay_on_commit(pk)
        for pk in queries.pending_work.emails_to_send().values_list("pk", flat=True):
            write_letter_task.delay_on_commit(pk)
        if queries.pending_work.has_reports_to_answer():
            answer_reports_task.delay_on_commit()
