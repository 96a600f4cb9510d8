from celery import shared_task

from feedback.services import confirmations, recomputations, verdicts


@shared_task(name="verdicts.judge_again_task", soft_time_limit=600, time_limit=660)
def judge_again_task(pk: int) -> None:
    verdicts.judge_again(pk=pk)


@shared_task(name="verdicts.recompute_task", soft_time_limit=600, time_limit=660)
def recompute_task(pk: int) -> None:
    recomputations.recompute(pk=pk)


@shared_task(name="verdicts.confirm_task", soft_time_limit=600, time_limit=660)
def confirm_task(pk: int) -> None:
    confirmations.judge(pk=pk)
