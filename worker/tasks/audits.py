"""Run an audit in parts, on all inference workers.

The task that finishes the last part queues the next step. A Celery chord would store every result
in Redis, and would wait for ever for a part that was lost with its worker: see ADR 11.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from feedback.services import audits


@contextmanager
def _fail_on_error(pk: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        audits.fail(pk=pk, reason=str(error))
        raise


@shared_task(name="audits.start_audit_task", soft_time_limit=300, time_limit=310)
def start_audit_task(pk: int) -> None:
    with _fail_on_error(pk):
        for part in audits.start(pk=pk):
            predict_part_task.delay_on_commit(pk, part)
    _count_when_complete(pk)


@shared_task(name="inference.predict_part_task", soft_time_limit=120, time_limit=130)
def predict_part_task(pk: int, part: int) -> None:
    with _fail_on_error(pk):
        audits.predict_part(pk=pk, part=part)
    _count_when_complete(pk)


def _count_when_complete(pk: int) -> None:
    if audits.all_parts_predicted(pk=pk):
        count_audit_task.delay_on_commit(pk)


@shared_task(name="audits.count_audit_task", soft_time_limit=1800, time_limit=1860)
def count_audit_task(pk: int) -> None:
    with _fail_on_error(pk):
        audits.count_errors(pk=pk)


@shared_task(name="audits.recount_audit_task", soft_time_limit=1800, time_limit=1860)
def recount_audit_task(pk: int) -> None:
    audits.recount(pk=pk)
