"""The tasks that run periodically."""

from celery import Celery


def install(app: Celery) -> None:
    app.conf.beat_schedule = {
        "forget-old-images": {
            "task": "upkeep.forget_old_images_task",
            "schedule": 60.0,
            "options": {"expires": 50},
        },
        "finish-what-was-withdrawn": {
            "task": "upkeep.finish_erasures_task",
            "schedule": 15.0,
            "options": {"expires": 14},
        },
        "sweep-what-a-crash-left": {
            "task": "upkeep.sweep_images_task",
            "schedule": 3600.0,
            "options": {"expires": 3500},
        },
        "keep-to-periods": {
            "task": "upkeep.keep_to_periods_task",
            "schedule": 3600.0,
            "options": {"expires": 3500},
        },
        "pick-up-what-was-lost": {
            "task": "upkeep.pick_up_lost_work_task",
            "schedule": 15.0,
            "options": {"expires": 14},
        },
    }
