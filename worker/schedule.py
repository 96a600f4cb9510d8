"""The tasks that run periodically."""

from celery import Celery


def install(app: Celery) -> None:
    app.conf.beat_schedule = {
        "delete-expired-images": {
            "task": "upkeep.delete_expired_images_task",
            "schedule": 60.0,
            "options": {"expires": 50},
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
