"""The tasks that run periodically, and the one that runs when a worker starts."""

from typing import Any

from celery import Celery
from celery.signals import worker_ready


@worker_ready.connect
def check_service_at_start(sender: Any, **_: Any) -> None:
    if "inference" in sender.app.amqp.queues.consume_from:
        sender.app.send_task("inference.check_service_task")


def install(app: Celery) -> None:
    app.conf.beat_schedule = {
        "delete-expired-images": {
            "task": "upkeep.delete_expired_images_task",
            "schedule": 60.0,
            "options": {"expires": 50},
        },
        "check-service": {
            "task": "inference.check_service_task",
            "schedule": 30.0,
            "options": {"expires": 29},
        },
        "erase-files": {
            "task": "upkeep.erase_files_task",
            "schedule": 15.0,
            "options": {"expires": 14},
        },
        "purge-orphans": {
            "task": "upkeep.purge_orphans_task",
            "schedule": 3600.0,
            "options": {"expires": 3500},
        },
        "enforce-retention": {
            "task": "upkeep.enforce_retention_task",
            "schedule": 3600.0,
            "options": {"expires": 3500},
        },
        "pick-up-lost-work": {
            "task": "upkeep.pick_up_lost_work_task",
            "schedule": 15.0,
            "options": {"expires": 14},
        },
    }
