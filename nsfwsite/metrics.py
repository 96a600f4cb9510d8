"""Figures for Prometheus: what the site does, and what waits in it.

Requests are counted in this process; everything else is read when somebody asks.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from feedback import queries
from feedback.services import classifications
from worker import heartbeat

QUEUES = ("inference", "default", "training")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REGISTRY = CollectorRegistry()
REQUESTS = Histogram(
    "speakup_request_seconds",
    "Time from the first middleware to the answer, of requests to this process.",
    ["view", "method", "status"],
    registry=REGISTRY,
)


class TimedRequests:
    """Count every request by the name of its view, which has no receipts in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        REQUESTS.labels(
            view=(match and match.view_name) or "none",
            method=request.method if request.method in METHODS else "other",
            status=response.status_code,
        ).observe(time.perf_counter() - start)
        return response


class _Site(Collector):
    """What is read from database, Redis and disk at the moment of the question."""

    def collect(self) -> Iterator[Metric]:
        yield from _workers()
        yield from _work()
        yield from _model()
        free = shutil.disk_usage(settings.DATA_DIR).free
        yield _gauge("disk_free_bytes", "Free space where DATA_DIR lies.", value=free)


REGISTRY.register(_Site())


def as_text() -> bytes:
    """Every figure in the text format of Prometheus."""
    return generate_latest(REGISTRY)


def _gauge(
    name: str,
    description: str,
    *,
    value: float | None = None,
    label: str = "",
    values: Mapping[str, float] | None = None,
) -> Metric:
    """One figure, or one for each value of a label."""
    metric = GaugeMetricFamily(f"speakup_{name}", description, value, [label] if label else None)
    for key, figure in (values or {}).items():
        metric.add_metric([key], figure)
    return metric


def _workers() -> Iterator[Metric]:
    alive = {queue: float(heartbeat.alive(queue)) for queue in QUEUES}
    waiting = {queue: heartbeat.queue_length(queue) for queue in QUEUES}
    yield _gauge("redis_answers", "1 if Redis answers.", value=heartbeat.redis_answers())
    yield _gauge("worker_alive", "1 if a worker reads it.", label="queue", values=alive)
    yield _gauge("queue_tasks", "Tasks that wait in Redis.", label="queue", values=waiting)
    yield _gauge(
        "image_seconds",
        "Time in which all inference workers together answer one image.",
        value=classifications.seconds_per_image(),
    )


def _work() -> Iterator[Metric]:
    waits = queries.operations.longest_waits()
    yield _gauge(
        "longest_wait_seconds", "How long the oldest one has waited.", label="for", values=waits
    )
    reports = queries.operations.reports_by_status()
    yield _gauge("reports", "Reports in each state.", label="status", values=reports)
    retrains = queries.operations.retrains_by_status()
    yield _gauge("retrains", "Retrains in each state.", label="status", values=retrains)
    yield _gauge(
        "training_progress_ratio",
        "How much of the present stage of a running retrain is done.",
        label="stage",
        values=queries.operations.training_progress(),
    )
    verdicts = queries.operations.verdicts()
    yield _gauge(
        "gate_verdicts", "Retrains by the gate's verdict.", label="verdict", values=verdicts
    )
    deliveries = queries.operations.deliveries_by_status()
    yield _gauge(
        "webhook_deliveries", "Deliveries in each state.", label="status", values=deliveries
    )


def _model() -> Iterator[Metric]:
    """The model in service, and how often it is wrong by group.

    The lower end of each interval is there for alerts: the highest of many rates is high by chance.
    """
    champion = queries.models.champion()
    damaged = queries.operations.damaged_models()
    yield _gauge("damaged_models", "Models whose files differ from those audited.", value=damaged)
    rates = GaugeMetricFamily(
        "speakup_error_rate",
        "Share of images of a group on which the model in service makes this mistake.",
        labels=["mistake", "axis", "group", "bound"],
    )
    images = GaugeMetricFamily(
        "speakup_error_rate_images",
        "How many images a rate is of.",
        labels=["mistake", "axis", "group"],
    )
    if champion:
        info = {"version": champion.version, "sha256": champion.sha256}
        yield InfoMetricFamily("speakup_model", "The model in service.", info)
        for mistake, axis, group, rate in queries.operations.error_rates(champion):
            images.add_metric([mistake, axis, group], rate["n"])
            for bound in ("low", "rate", "high"):
                rates.add_metric([mistake, axis, group, bound], rate[bound])
    yield rates
    yield images
