"""Deliveries, as the scheduler finds them and the worker sends them."""

import pytest

from feedback.services import webhooks
from tests.worker.tasks.test_upkeep import queued_tasks
from worker.tasks.upkeep import pick_up_lost_work_task
from worker.tasks.webhooks import send_deliveries_task


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_enqueued_and_tried(mona, settings) -> None:
    webhook = webhooks.add(url="https://127.0.0.1:1/", events=["gate.decided"], by=mona)
    pick_up_lost_work_task()
    assert queued_tasks("default") == [("webhooks.send_deliveries_task", [webhook.pk])]
    send_deliveries_task(webhook.pk)
    delivery = webhook.deliveries.get()
    assert (delivery.attempts, delivery.status) == (1, "waiting")
    assert delivery.answer == "127.0.0.1 is no address that webhooks may reach"
