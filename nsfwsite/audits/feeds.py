"""The models as an Atom feed: what was made, how often it is wrong, what became of it."""

import datetime
from typing import Any

from django.contrib.syndication.views import Feed
from django.db.models import Prefetch
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from feedback import queries
from feedback.models import ModelVersion
from nsfwsite.audits.charts.forest import rate_label
from nsfwsite.tables.gate_table import MEASURES

FEED_SIZE = 50
STATES = {
    ModelVersion.Status.CANDIDATE: "a candidate",
    ModelVersion.Status.CHAMPION: "in service",
    ModelVersion.Status.RETIRED: "replaced",
}


class ModelFeed(Feed):
    feed_type = Atom1Feed
    title = "SpeakUp: models"
    subtitle = "Every model, how often it is wrong, and what became of it."

    def link(self) -> str:
        return reverse("models")

    def items(self) -> list[ModelVersion]:
        audits = Prefetch("audits", queries.audits.public_audits().defer("pairs"))
        return list(ModelVersion.objects.prefetch_related(audits)[:FEED_SIZE])

    def item_title(self, item: Any) -> str:
        return f"Model {item.version}: {STATES[item.status]}"

    def item_description(self, item: Any) -> str:
        audit = next((audit for audit in item.audits.all() if audit.figures), None)
        if audit is None:
            return f"{item.title}. No audit is finished yet."
        rates = [
            f"{title}: {rate_label(audit.figures['overall'][measure])}."
            for measure, title in MEASURES.items()
            if audit.figures["overall"][measure]["n"]
        ]
        return " ".join([f"{item.title}.", *rates])

    def item_link(self, item: ModelVersion) -> str:
        return reverse("model", args=[item.version])

    def item_updateddate(self, item: ModelVersion) -> datetime.datetime:
        return item.promoted_at or item.created_at
