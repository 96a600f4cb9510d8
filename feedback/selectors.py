"""Reads that cross models."""

import datetime
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from feedback import people
from feedback.models import (
    Audit,
    AuditSet,
    Axis,
    BrowserScore,
    Burst,
    Decision,
    Definition,
    Example,
    Finding,
    Golden,
    LedgerEntry,
    MailAddress,
    ModelVersion,
    NamedSlice,
    Objection,
    Occlusion,
    PublicReport,
    Report,
    Retrain,
    StoredImage,
)
from feedback.models.group import SLICE
from modeltrain.labels import LABELS

# Work that has waited this long without being taken up may have been lost on its way.
OVERDUE = datetime.timedelta(seconds=30)
# So many reviewers, each saying something else, are left to a maintainer.
DIFFER = 3


def definition_of(label: str) -> Definition:
    """What a label means now."""
    return Definition.objects.filter(label=label).first() or Definition.first(label)


def definitions() -> dict[str, list[Definition]]:
    """Every version of what each label means, the newest first."""
    revised = list(Definition.objects.select_related("by"))
    return {
        label: [*(one for one in revised if one.label == label), Definition.first(label)]
        for label in LABELS
    }


def open_objections() -> "QuerySet[Objection]":
    return Objection.objects.filter(status=Objection.Status.OPEN)


def decided_objections() -> "QuerySet[Objection]":
    """What maintainers answered, the newest first; the words stay between them and who wrote."""
    decided = (Objection.Status.ACCEPTED, Objection.Status.DECLINED)
    return Objection.objects.filter(status__in=decided).order_by("-decided_at")


def report_of(receipt: str) -> Report | None:
    """The report with this receipt, with all that its page tells."""
    return with_story(Report.objects.filter(receipt=receipt)).first()


def with_story(reports: "QuerySet[Report]") -> "QuerySet[Report]":
    return reports.select_related("folded_into").prefetch_related(
        "events",
        "examples__scores__model",
        "examples__image",
        "examples__counterpart_of",
        "examples__in_browser__model",
        "decisions__by",
    )


def open_cases(reviewer: User) -> "QuerySet[Report]":
    """What a reviewer has to decide, oldest first.

    Nothing that somebody else has in hand or that they have decided, no appeal that is for others,
    and of the cases where three reviewers differ only those that they are to end.
    """
    waiting = Report.objects.filter(status__in=Report.OPEN, burst=None)
    waiting = waiting.filter(free_for(reviewer))
    mine = Decision.objects.filter(report=OuterRef("pk"), by=reviewer, taken_back_at=None)
    differ = list(_three_differ())
    ends = [report.pk for report in differ if may_end_difference(report, reviewer)]
    others = [report.pk for report in differ if report.pk not in ends]
    others += [pk for pk in _appeals_for_others(reviewer) if pk not in ends]
    twins = Golden.objects.exclude(twin=None)
    others += [golden.twin.pk for golden in twins if not may_answer(golden, reviewer)]
    waiting = waiting.filter(~Exists(mine) | Q(pk__in=ends)).exclude(pk__in=others)
    return with_story(waiting).order_by("created_at", "pk")


def bursts() -> "QuerySet[Burst]":
    """Bursts of which reports are still held: how many, and which came first."""
    held = Q(reports__status=Report.Status.QUEUED)
    counted = Burst.objects.annotate(
        waiting=Count("reports", filter=held), oldest=Min("reports", filter=held)
    )
    return counted.filter(waiting__gt=0)


def held_in(burst: Burst) -> "QuerySet[Report]":
    return Report.objects.filter(burst=burst, status=Report.Status.QUEUED)


def escalated() -> "QuerySet[Report]":
    """What only the safety role may see, oldest first."""
    found = Report.objects.filter(status=Report.Status.ESCALATED)
    found = found.annotate(pictures=Count("examples__image", distinct=True))
    return with_story(found).order_by("created_at", "pk")


def standing_decisions(report: Report) -> "QuerySet[Decision]":
    """What reviewers said of it and did not take back."""
    return report.decisions.filter(taken_back_at=None)


def said_of(report: Report, *, to: User) -> list[Decision]:
    """What reviewers said that this one may read: of an open case, nothing that still counts."""
    said = report.decisions.all()
    if report.status not in Report.OPEN:
        return list(said)
    return [one for one in said if one.taken_back_at or one.by_id == to.pk]


def three_differ(standing: "QuerySet[Decision]") -> bool:
    """Of a queued report: had two said the same, it would not be queued."""
    return standing.count() >= DIFFER


def _three_differ() -> "QuerySet[Report]":
    said = Decision.objects.filter(taken_back_at=None, settled_at=None).values("report")
    many = said.annotate(n=Count("pk")).filter(n__gte=DIFFER).order_by()
    return Report.objects.filter(pk__in=many.values("report"), status=Report.Status.QUEUED)


def may_end_difference(report: Report, by: User) -> bool:
    """Of the maintainers one who was not among those who differ, if there is one."""
    spoke = standing_decisions(report).values("by")
    fresh = people.maintainers().exclude(pk__in=spoke)
    return people.is_maintainer(by) and (not fresh.exists() or fresh.filter(pk=by.pk).exists())


def appeal_is_for_others(report: Report, by: User) -> bool:
    """Whoever decided it before waits until everybody else has had their say."""
    before = report.decisions.filter(by=by, taken_back_at__isnull=False)
    fresh = people.reviewers().exclude(pk__in=report.decisions.values("by"))
    return bool(report.appealed_at) and before.exists() and fresh.exists()


def _appeals_for_others(reviewer: User) -> list[int]:
    appeals = Report.objects.filter(
        status=Report.Status.QUEUED, appealed_at__isnull=False, decisions__by=reviewer
    )
    return [one.pk for one in appeals.distinct() if appeal_is_for_others(one, reviewer)]


def decided_blind() -> "QuerySet[Decision]":
    """What at least two said of a settled report, none of whom could see what others said.

    A report that was decided again is left out: who decides again can read what was said before.
    """
    same = Decision.objects.filter(report=OuterRef("report"))
    settled = Decision.objects.exclude(report__status=Report.Status.QUEUED)
    said = settled.filter(
        Exists(same.exclude(pk=OuterRef("pk"))), ~Exists(same.filter(taken_back_at__isnull=False))
    )
    return said.select_related("by").order_by("report_id", "pk")


def who_may_answer(golden: Golden) -> "QuerySet[User]":
    """Reviewers who have neither decided the report nor answered its golden case."""
    return people.reviewers().exclude(
        Q(pk__in=golden.report.decisions.values("by")) | Q(pk__in=golden.answers.values("by"))
    )


def may_answer(golden: Golden, reviewer: User) -> bool:
    return who_may_answer(golden).filter(pk=reviewer.pk).exists()


def half_decided() -> "QuerySet[Decision]":
    """What one reviewer said of queued reports that nobody else has spoken on."""
    alone = Report.objects.filter(status=Report.Status.QUEUED, second_opinion_at=None).annotate(
        said=Count("decisions", filter=Q(decisions__taken_back_at=None))
    )
    return Decision.objects.filter(
        report__in=alone.filter(said=1).values("pk"), taken_back_at=None
    ).select_related("report", "by")


def same_case(report: Report) -> "QuerySet[Report]":
    """Queued reports that hold nearly one of its pictures, itself among them."""
    shared = Example.objects.filter(image__cluster__in=_clusters(report))
    pks = {report.pk, *shared.values_list("report", flat=True)}
    return Report.objects.filter(pk__in=pks, status__in=Report.OPEN)


def _clusters(report: Report) -> set[int]:
    images = StoredImage.objects.filter(example__report=report)
    return {image.cluster for image in images if image.cluster}


@dataclass(frozen=True)
class NearDuplicate:
    """A report that waits with nearly a picture of the case.

    Attributes
    ----------
    report : Report
    alike : list of Example
        Its pictures that the case has too.
    others : int
        How many other pictures it has.
    """

    report: Report
    alike: list[Example]
    others: int

    def agrees_with(self, case: Report) -> bool:
        """Is it about nothing else, and says the same of it?"""
        return not self.others and self.report.expected_label == case.expected_label


def near_duplicates(
    report: Report, reviewer: User, *, most: int
) -> tuple[list[NearDuplicate], int]:
    """What a reviewer may decide with a case, oldest first, and how many more there are."""
    clusters = _clusters(report)
    waiting = open_cases(reviewer).filter(pk__in=same_case(report).exclude(pk=report.pk))
    found = []
    for one in waiting[:most]:
        examples = list(one.examples.all())
        alike = [each for each in examples if each.image and each.image.cluster in clusters]
        found.append(NearDuplicate(one, alike, len(examples) - len(alike)))
    return found, waiting.count() - len(found)


def free_for(reviewer: User) -> Q:
    """Reports that nobody else has in hand."""
    lapsed = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    return lapsed | Q(claimed_by=reviewer)


def browser_drift() -> dict[str, Any]:
    """How many reported images a browser had judged too, and the reports where it differs."""
    compared = BrowserScore.objects.filter(distance__isnull=False)
    drifted = compared.filter(drifted=True)
    reports = drifted.values_list("example__report", flat=True)
    return {
        "compared": compared.count(),
        "drifted": drifted.count(),
        "reports": reports.distinct().order_by("-example__report"),
    }


def accepted_waiting() -> int:
    """How many accepted reports the next retrain would learn from."""
    pictures = Report.objects.filter(
        status=Report.Status.ACCEPTED, consent_train=True, examples__image__isnull=False
    )
    return pictures.distinct().count()


def key_changes() -> "QuerySet[LedgerEntry]":
    """When the number of keys was changed, the newest first."""
    return LedgerEntry.objects.filter(kind=LedgerEntry.Kind.KEYS).order_by("-number")


def report_counts() -> dict[str, int]:
    rows = Report.objects.order_by().values_list("status").annotate(n=Count("pk"))
    return {status: dict(rows).get(status, 0) for status in Report.Status.values}


def axes() -> list[Axis]:
    """Axes with their values, as choices for groups."""
    return list(Axis.objects.prefetch_related("values"))


def stated_axes() -> list[Axis]:
    """Those on which people state groups; named slices are of an audit set's images alone."""
    return [axis for axis in axes() if axis.name != SLICE]


def versions() -> list[str]:
    return [f"v{number}" for number in ModelVersion.objects.values_list("number", flat=True)]


def served_before() -> ModelVersion | None:
    """The model that was in service before the present one."""
    return (
        ModelVersion.objects.filter(status=ModelVersion.Status.RETIRED)
        .order_by("-promoted_at")
        .first()
    )


def model_of(version: str) -> ModelVersion | None:
    """The model called `v3`; None for anything else."""
    number = version.removeprefix("v")
    if not number.isdecimal():
        return None
    return ModelVersion.objects.filter(number=int(number)).first()


def audit_of(model: ModelVersion) -> Audit | None:
    """On the newest audit set that the model was audited on."""
    return model.audits.select_related("audit_set").order_by("-audit_set__pk").first()


def audit_sets_used() -> list[AuditSet]:
    """Sets on which an audit is finished, the newest first."""
    return list(AuditSet.objects.filter(audit__status=Audit.Status.DONE).distinct().order_by("-pk"))


def audits_done(audit_set: AuditSet | None) -> list[Audit]:
    """Finished audits on a set, the newest model first, without their pairs of groups."""
    done = Audit.objects.filter(status=Audit.Status.DONE, audit_set=audit_set).defer("pairs")
    return list(done.select_related("model", "audit_set"))


def retrain_of(model: ModelVersion) -> Retrain | None:
    return Retrain.objects.filter(candidate=model).select_related("decided_by", "dataset").first()


def appeal_until(report: Report) -> datetime.datetime | None:
    """Until when a report that was declined can be appealed."""
    declined = report.events.filter(status=Report.Status.REJECTED).last()
    return declined.at + datetime.timedelta(days=settings.DECLINED_DAYS) if declined else None


def learnt_from(report: Report) -> Sequence[str]:
    """Models that were trained with a withdrawn report's pictures."""
    found = ModelVersion.objects.filter(retrain__dataset__number__in=report.held_in)
    return [model.version for model in found.order_by("number")]


def report_filters() -> dict[str, Collection[str]]:
    """What the public list can be filtered by, and the values of each."""
    return {
        "label": LABELS,
        "group": [
            f"{axis.name}={value.name}" for axis in stated_axes() for value in axis.values.all()
        ],
        "state": [status.value for status in Report.PUBLIC],
        "model": versions(),
    }


def chosen_filters(asked: Mapping[str, str]) -> dict[str, str]:
    """Those that are asked for with a known value, in one order."""
    known = report_filters()
    return {name: asked[name] for name, values in known.items() if asked.get(name) in values}


def public_reports(chosen: Mapping[str, str]) -> "QuerySet[PublicReport]":
    """What anybody may read of decided reports, the newest first."""
    found = PublicReport.objects.all()
    for name, value in chosen.items():
        if name == "state":
            found = found.filter(state=value)
        else:
            found = found.filter(tags__contains=f" {name}={value} ")
    return found


def reports_to_publish() -> Sequence[int]:
    """Decided reports that the public list does not have."""
    decided = Report.objects.filter(status__in=Report.PUBLIC, public=None)
    return list(decided.values_list("pk", flat=True))


def reports_to_screen() -> Sequence[int]:
    return list(
        Report.objects.filter(
            status__in=[Report.Status.RECEIVED, Report.Status.SCREENING],
            created_at__lt=timezone.now() - OVERDUE,
        ).values_list("pk", flat=True)
    )


def retrains_to_run() -> Sequence[int]:
    return list(
        Retrain.objects.filter(
            status=Retrain.Status.APPROVED, approved_at__lt=timezone.now() - OVERDUE
        ).values_list("pk", flat=True)
    )


def audits_to_run() -> Sequence[int]:
    return list(Audit.objects.filter(status=Audit.Status.WAITING).values_list("pk", flat=True))


def findings_to_run() -> Sequence[int]:
    """The next one, while no retrain waits for the same workers."""
    if Retrain.objects.filter(
        status__in=(Retrain.Status.APPROVED, Retrain.Status.RUNNING)
    ).exists():
        return []
    if Finding.objects.filter(status=Finding.Status.RUNNING).exists():
        return []
    waiting = Finding.objects.filter(status=Finding.Status.WAITING)
    return list(waiting.values_list("pk", flat=True)[:1])


def slice_groups(audit_set: AuditSet) -> dict[str, str]:
    """The group of each image on the axis of named slices."""
    named = NamedSlice.objects.filter(audit_set=audit_set, value__isnull=False)
    return {
        sha256: each.value.name
        for each in named.select_related("value")
        for sha256 in each.images
        if each.value
    }


def audits_to_recount() -> Sequence[int]:
    """Finished audits whose figures do not have the named slices as they stand now."""
    found = []
    for audit_set in AuditSet.objects.filter(named_slices__isnull=False).distinct():
        wanted = Counter(slice_groups(audit_set).values())
        for audit in audits_done(audit_set):
            cells = (audit.figures or {}).get("groups", {}).get(SLICE, {})
            counted = {value: cell["n"] for value, cell in cells.items()}
            if counted != wanted and audit.predictions.is_file():
                found.append(audit.pk)
    return found


def finding_of(audit: Audit | None, kind: str) -> Finding | None:
    return Finding.objects.filter(audit=audit, kind=kind).first()


def occlusions_to_go_on() -> Sequence[int]:
    """Those whose next row nobody has greyed for a while."""
    stopped = Occlusion.objects.filter(failure="", done__lt=F("rows"))
    return list(
        stopped.filter(touched_at__lt=timezone.now() - OVERDUE).values_list("pk", flat=True)
    )


def letters_due() -> "QuerySet[MailAddress]":
    """Addresses to which a letter is due: the question whether they want any, or news."""
    news = Q(
        confirmed_at__isnull=False,
        report__events__status__in=MailAddress.TOLD,
        report__events__pk__gt=F("told"),
    )
    undecided = Q(report__status__in=[Report.Status.QUEUED, Report.Status.ESCALATED])
    due = MailAddress.objects.filter(retry_at__lte=timezone.now())
    return due.filter(Q(asked_at=None) | news & ~undecided).distinct()


def reports_to_answer() -> bool:
    """Has the champion learnt from reports that were not told yet?"""
    retrain = Retrain.objects.filter(
        candidate__status=ModelVersion.Status.CHAMPION, decided_at__lt=timezone.now() - OVERDUE
    ).first()
    return bool(
        retrain
        and Report.objects.filter(
            status=Report.Status.FOLDED, folded_into__number__lte=retrain.dataset.number
        ).exists()
    )


@dataclass(frozen=True)
class DoubtfulLabel:
    """A reported example whose label the other images speak against."""

    example: Example
    label: str
    suggested: str
    groups: dict[str, str]
    label_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class LabelReview:
    """What a retrain found of the labels it learnt from.

    Attributes
    ----------
    retrain : Retrain
    doubts : list of DoubtfulLabel
        The most doubtful first. Only of reports that are still accepted.
    counts : dict
        As `modeltrain.label_errors.shares` returns it, of every image, also those nobody reported.
    """

    retrain: Retrain
    doubts: list[DoubtfulLabel]
    counts: dict[str, Any]


def label_review() -> LabelReview | None:
    """What the newest retrain that looked at its labels found."""
    for retrain in Retrain.objects.exclude(status=Retrain.Status.PROPOSED):
        path = retrain.folder / "doubts.jsonl"
        if path.is_file():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            counts = json.loads(path.with_suffix(".json").read_text())
            return LabelReview(retrain, _doubtful([x for x in lines if x["is_issue"]]), counts)
    return None


def _doubtful(lines: Sequence[dict[str, Any]]) -> list[DoubtfulLabel]:
    examples = Example.objects.filter(
        image__name__in=[line["sha256"] for line in lines], report__status__in=Report.AGREED
    )
    by_picture: dict[str, list[Example]] = {}
    examples = examples.select_related("image", "report")
    for example in examples.prefetch_related("report__decisions", "scores__model"):
        if example.image:
            by_picture.setdefault(example.image.name, []).append(example)
    return [
        DoubtfulLabel(
            example=example,
            label=line["label"],
            suggested=line["suggested"],
            groups=line["groups"],
            label_probability=line["given_probability"],
            suggested_probability=line["suggested_probability"],
        )
        for line in lines
        for example in by_picture.get(line["sha256"], [])
        if example.report.decision and example.report.decision.label == line["label"]
    ]
