"""An audit in parts, on as many inference workers as there are.

A part that is answered tells the next step when it was the last. A chord of Celery's would keep
every result in Redis and wait for ever for a part that was lost with its worker: see ADR 11.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from feedback.services import audits


@contextmanager
def _or_failed(pk: int) -> Iterator[None]:
    try:
        yield
    except Exception as problem:
        audits.fail(pk=pk, why=str(problem))
        raise


@shared_task(name="audits.start_audit_task", soft_time_limit=300, time_limit=310)
def start_audit_task(pk: int) -> None:
    with _or_failed(pk):
        for part in audits.start(pk=pk):
            answer_part_task.delay_on_commit(pk, part)
    _count_when_answered(pk)


@shared_task(name="inference.answer_part_task", soft_time_limit=120, time_limit=130)
def answer_part_task(pk: int, part: int) -> None:
    with _or_failed(pk):
        audits.answer(pk=pk, part=part)
    _count_when_answered(pk)


def _count_when_answered(pk: int) -> None:
    if audits.answered(pk=pk):
        count_audit_task.delay_on_commit(pk)


@shared_task(name="audits.count_audit_task", soft_time_limit=1800, time_limit=1860)
def count_audit_task(pk: int) -> None:
    with _or_failed(pk):
        audits.count(pk=pk)


@shared_task(name="audits.recount_audit_task", soft_time_limit=1800, time_limit=1860)
def recount_audit_task(pk: int) -> None:
    audits.recount(pk=pk)
