"""Fold accepted examples into the next dataset version."""

import secrets
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from feedback import queries
from feedback.models import DatasetVersion, NotLearnt, Report, StoredImage
from feedback.services import (
    audited_images,
    contribution_limits,
    ledger,
    manifests,
    outcomes,
    reports,
)
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.hashing import Pdq, is_near_duplicate


def fold(*, by: User) -> DatasetVersion | None:
    """Create the next version from the newest one and every accepted report.

    Returns None when there is nothing to add or to leave out. Images of an audit set and their
    near-duplicates are left out, and so are images without consent or pixels, and images that
    exceed the share of one source. Each of them says so afterwards.
    """
    queryset = Report.objects.filter(status=Report.Status.ACCEPTED, consent_train=True)
    queryset = queryset.prefetch_related("examples__image", "decisions").order_by("pk")
    # SQLite allows a thousand parameters in one query.
    accepted = list(queryset.iterator(chunk_size=500 // settings.REPORT_MAX_IMAGES))
    audited_images.mark(accepted)
    parent = DatasetVersion.objects.first()
    parent_rows = manifest.read(parent.manifest) if parent else []
    existing_rows = manifests.existing_rows(parent_rows)
    offers = _offers(accepted, existing_rows)
    accepted_offers = contribution_limits.within_limits(offers)
    _mark_held_back(offer.report for offer in offers if offer not in accepted_offers)
    new_rows = [row for offer in accepted_offers for row in offer.rows]
    if not accepted_offers and len(existing_rows) == len(parent_rows):
        return None
    pixel_hashes = dict(manifests.learnable_images().values_list("name", "sha256"))
    rows = {pixel_hashes.get(row.sha256, row.sha256): row for row in [*existing_rows, *new_rows]}
    sha256 = manifests.publish(list(rows.values()))
    with transaction.atomic():
        existing = DatasetVersion.objects.filter(manifest_sha256=sha256).first()
        dataset = existing or DatasetVersion.objects.create(
            number=(DatasetVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            manifest_sha256=sha256,
            parent=parent,
            images=len(rows),
            added=len(new_rows),
            origin=contribution_limits.origin(accepted_offers, offers)
            | {"left_out": queries.reports.left_out_counts()},
        )
        for offer in accepted_offers:
            report = offer.report
            still_accepted = Report.objects.filter(pk=report.pk, status=Report.Status.ACCEPTED)
            still_accepted.update(folded_into=dataset)
            reports.move(
                report=report,
                sources=[Report.Status.ACCEPTED],
                status=Report.Status.FOLDED,
                by=by,
                note=f"Added to dataset {dataset.number}. {report.left_out_words}".strip(),
            )
            outcomes.publish(report.pk)
        if existing is None:
            ledger.record_dataset(dataset)
    return dataset


def _mark_held_back(held_back: Iterable[Report]) -> None:
    for report in held_back:
        for example in report.examples.all():
            if example.why_not_learnt is None:
                example.left_out = NotLearnt.HELD_BACK
                example.save(update_fields=["left_out"])


def create_first(rows: Sequence[Row]) -> DatasetVersion:
    """Create the first version."""
    with transaction.atomic():
        dataset = DatasetVersion.objects.create(
            number=1, manifest_sha256=manifests.publish(rows), images=len(rows), added=len(rows)
        )
        ledger.record_dataset(dataset)
    return dataset


def _offers(
    accepted: Iterable[Report], existing_rows: Sequence[Row]
) -> list[contribution_limits.Offer]:
    clusters = _reported_clusters(existing_rows)
    offers = []
    for report in accepted:
        decision = report.decision
        if decision is None:
            raise AssertionError("an accepted report has a decision that stands")
        rows = []
        cluster_of: dict[int | None, str] = {}
        for example in report.examples.all():
            image = example.image
            if image is None or example.why_not_learnt:
                continue
            fingerprint = image.fingerprint
            new_cluster = cluster_of.get(example.counterpart_of_id) or secrets.token_hex(8)
            cluster = next(
                (name for other, name in clusters if is_near_duplicate(other, fingerprint)),
                new_cluster,
            )
            clusters.append((fingerprint, cluster))
            cluster_of[example.pk] = cluster
            rows.append(
                Row(
                    sha256=image.name,
                    label=decision.label,
                    groups=example.applicable_groups(decision.groups),
                    split=manifest.split_of(cluster, audit_share=0),
                    source=manifest.REPORTED,
                    cluster=cluster,
                )
            )
        if rows:
            offers.append(contribution_limits.Offer(report, rows))
    return offers


def _reported_clusters(rows: Sequence[Row]) -> list[tuple[Pdq, str]]:
    cluster_of = {row.sha256: row.cluster for row in rows if row.source == manifest.REPORTED}
    images = StoredImage.objects.filter(name__in=cluster_of)
    return [(image.fingerprint, cluster_of[image.name]) for image in images]
