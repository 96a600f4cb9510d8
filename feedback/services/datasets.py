"""Fold accepted examples into the next dataset version."""

import dataclasses
import json
import secrets
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from feedback.models import AuditSet, DatasetVersion, Example, Report, StoredImage
from feedback.services import contribution_limits, ledger, manifests, outcomes, reports
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.files import write_whole
from modeltrain.images import codec
from modeltrain.images.hashing import Pdq, is_near_duplicate, pdq


def fold(*, by: User) -> DatasetVersion | None:
    """Make the next version from the newest one and every accepted report.

    Returns None when there is nothing to add or to leave out. Pictures that are, or nearly are, in
    an audit set stay out; so do those without consent or without pixels, and what goes beyond the
    share of one source.
    """
    waiting = Report.objects.filter(status=Report.Status.ACCEPTED, consent_train=True)
    waiting = waiting.prefetch_related("examples__image", "decisions").order_by("pk")
    # SQLite stops at a thousand pictures in one question.
    accepted = list(waiting.iterator(chunk_size=500 // settings.REPORT_MAX_IMAGES))
    parent = DatasetVersion.objects.first()
    before = manifest.read(parent.manifest) if parent else []
    kept = manifests.existing_rows(before)
    offers = _offers(accepted, kept)
    taken = contribution_limits.within(offers)
    fresh, folded = [row for offer in taken for row in offer.rows], [o.report for o in taken]
    if not folded and len(kept) == len(before):
        return None
    pictures = dict(manifests.learnable_images().values_list("name", "sha256"))
    rows = {pictures.get(row.sha256, row.sha256): row for row in [*kept, *fresh]}
    sha256 = manifests.publish(list(rows.values()))
    with transaction.atomic():
        existing = DatasetVersion.objects.filter(manifest_sha256=sha256).first()
        dataset = existing or DatasetVersion.objects.create(
            number=(DatasetVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            manifest_sha256=sha256,
            parent=parent,
            images=len(rows),
            added=len(fresh),
            origin=contribution_limits.origin(taken, offers),
        )
        for report in folded:
            accepted_still = Report.objects.filter(pk=report.pk, status=Report.Status.ACCEPTED)
            accepted_still.update(folded_into=dataset)
            reports.move(
                report=report,
                sources=[Report.Status.ACCEPTED],
                status=Report.Status.FOLDED,
                by=by,
                note=f"Added to dataset {dataset.number}.",
            )
            outcomes.publish(report.pk)
        if existing is None:
            ledger.record_dataset(dataset)
    return dataset


def begin(rows: Sequence[Row]) -> DatasetVersion:
    """The first version."""
    with transaction.atomic():
        dataset = DatasetVersion.objects.create(
            number=1, manifest_sha256=manifests.publish(rows), images=len(rows), added=len(rows)
        )
        ledger.record_dataset(dataset)
    return dataset


def _offers(accepted: Iterable[Report], kept: Sequence[Row]) -> list[contribution_limits.Offer]:
    audited = AuditedPictures()
    clusters = _reported_clusters(kept)
    offers = []
    for report in accepted:
        decision = report.decision
        if decision is None:
            raise AssertionError("an accepted report has a decision that stands")
        rows = []
        here: dict[int | None, str] = {}
        for example, image in _usable(report, audited):
            fingerprint = image.fingerprint
            alone = here.get(example.counterpart_of_id) or secrets.token_hex(8)
            cluster = next(
                (name for known, name in clusters if is_near_duplicate(known, fingerprint)), alone
            )
            clusters.append((fingerprint, cluster))
            here[example.pk] = cluster
            rows.append(
                Row(
                    sha256=image.name,
                    label=decision.label,
                    groups=example.own(decision.groups),
                    split=manifest.split_of(cluster, audit_share=0),
                    source=manifests.REPORTED,
                    cluster=cluster,
                )
            )
        if rows:
            offers.append(contribution_limits.Offer(report, rows))
    return offers


def _usable(report: Report, audited: "AuditedPictures") -> list[tuple[Example, StoredImage]]:
    """Pictures to learn from: no audit set holds them, nor the other one of their pair."""
    held = {one.pk for one in report.examples.all() if one.image and audited.holds(one.image)}
    held |= {one.pk for pair in report.pairs if held & {each.pk for each in pair} for one in pair}
    return [(one, one.image) for one in report.examples.all() if one.image and one.pk not in held]


def _reported_clusters(rows: Sequence[Row]) -> list[tuple[Pdq, str]]:
    cluster_of = {row.sha256: row.cluster for row in rows if row.source == manifests.REPORTED}
    images = StoredImage.objects.filter(name__in=cluster_of)
    return [(image.fingerprint, cluster_of[image.name]) for image in images]


class AuditedPictures:
    """Pictures that no model may learn from, by pixels and by PDQ."""

    def __init__(self) -> None:
        self.sha256: set[str] = set()
        self.prints: list[Pdq] = []
        for audit_set in AuditSet.objects.all():
            rows = manifest.read(audit_set.manifest)
            self.sha256 |= {row.sha256 for row in rows}
            self.prints += _fingerprints(audit_set, rows)

    def holds(self, image: StoredImage) -> bool:
        if image.sha256 in self.sha256:
            return True
        return any(is_near_duplicate(known, image.fingerprint) for known in self.prints)


def _fingerprints(audit_set: AuditSet, rows: Sequence[Row]) -> list[Pdq]:
    """PDQ of every audit picture; computed once, kept beside the manifest."""
    kept = audit_set.manifest.with_suffix(".pdq.json")
    if kept.is_file():
        return [Pdq(**known) for known in json.loads(kept.read_text())]
    prints = [pdq(codec.decode(manifests.image_path(row.sha256).read_bytes())) for row in rows]
    write_whole(kept, json.dumps([dataclasses.asdict(one) for one in prints]).encode())
    return prints
