"""The Celery application: three queues in one Redis."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nsfwsite.settings")

from worker import heartbeat, schedule

app = Celery("speakup")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue="default",
    task_routes={
        **{
            f"inference.{name}_task": {"queue": "inference", "priority": heartbeat.AFTER_VISITORS}
            for name in ("predict_part", "judge_report", "occlude")
        },
        "inference.*": {"queue": "inference"},
        # Tasks in this queue are short. In another one an erasure might wait for an hour.
        "upkeep.erase_files_task": {"queue": "inference"},
        "training.*": {"queue": "training"},
    },
    task_ignore_result=True,
    task_acks_late=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # Remote control listens on a pub/sub socket, which is read without a time limit after Redis was
    # restarted. Nothing here uses it.
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # kombu writes in Redis which messages a worker holds. If Redis goes away meanwhile, the
        # worker counts the message as held for good and takes no other. Tasks are acknowledged
        # before they run, and upkeep sends again what was lost, so nothing here needs it.
        "ack_emulation": False,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "retry_on_timeout": True,
    },
    # A request must fail within seconds if the broker cannot be reached.
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_max": 0.1},
)
MODULES = ("inference", "training", "audits", "verdicts", "reports", "mail", "webhooks", "upkeep")
for module in MODULES:
    app.autodiscover_tasks(["worker.tasks"], related_name=module)

heartbeat.install(app)
schedule.install(app)
