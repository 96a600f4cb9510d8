"""What the pages and the API share: call a service, enqueue what follows, wait for an answer.

Services never enqueue; this is the edge that does.
"""

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, IntegrityError
from kombu.exceptions import OperationalError

from feedback import selectors
from feedback.errors import (
    ClassifierAway,
    ClassifierBusy,
    ImageRefused,
    ImagesRefused,
    Invalid,
    KeyReused,
)
from feedback.models import (
    Classification,
    Finding,
    ModelVersion,
    NamedSlice,
    Occlusion,
    Report,
    Retrain,
    StoredImage,
)
from feedback.services import (
    answers,
    browser_scores,
    classifications,
    erasure,
    findings,
    letters,
    models,
    occlusions,
    reports,
    retrains,
    slices,
)
from feedback.services.counterparts import Pair
from worker import pulse
from worker.tasks.audits import recount_audit_task
from worker.tasks.inference import classify_task, judge_report_task, occlude_task
from worker.tasks.mail import write_letter_task
from worker.tasks.reports import answer_reports_task, screen_report_task
from worker.tasks.training import run_finding_task, run_retrain_task

log = structlog.get_logger()

_waiting_requests = threading.BoundedSemaphore(settings.WAITING_REQUESTS)
# A report waits for its images this long; it is refused whole when they are not judged by then.
# Twenty take a few seconds, or most of this on a busy machine. Proxies give up after 60.
REPORT_WAIT_SECONDS = 50.0
# What waits beyond this would not be judged before its visitor is told that nobody answered.
QUEUE_LIMIT = 200


def send(task: Callable[..., Any], *arguments: Any) -> bool:
    """Enqueue now. False when the broker is away: the scheduler will find the work later."""
    try:
        task(*arguments)
    except (OperationalError, pulse.Away, ConnectionError) as problem:
        log.warning("broker away", problem=str(problem))
        return False
    return True


def classify(*, upload: UploadedFile) -> Classification:
    """Hand an image to the inference worker, or refuse at once when there is none."""
    refuse_without_worker()
    if pulse.waiting("inference") >= QUEUE_LIMIT:
        raise ClassifierBusy(
            rule=f"At most {QUEUE_LIMIT} images wait for the classifier.",
            received="one more",
            way_out="Nothing was kept. Try again in a minute.",
        )
    classification = classifications.submit(upload=upload)
    if not send(classify_task.delay_on_commit, str(classification.pk)):
        classifications.discard(classification)
        raise _away()
    return classification


def refuse_without_worker() -> None:
    if not pulse.alive("inference"):
        raise _away()


def judge_by_champion(*, report: Report) -> None:
    """Have a report judged that the model in service has not seen."""
    champion = ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first()
    if champion and answers.unanswered(champion).filter(report=report).exists():
        send(judge_report_task.delay_on_commit, report.pk)


def occlude(*, image: StoredImage) -> Occlusion:
    """Have it found what moves the score of a picture, or refuse at once where nobody can."""
    refuse_without_worker()
    asked = occlusions.ask(image=image)
    send(occlude_task.delay_on_commit, asked.pk)
    return asked


def wait(*, classification: Classification, seconds: float) -> Classification:
    """Wait for the worker, unless so many requests wait that the site would stand still."""
    deadline = time.monotonic() + seconds
    if _waiting_requests.acquire(blocking=False):
        try:
            while (
                classification.status == Classification.Status.WAITING
                and (left := deadline - time.monotonic()) > 0
            ):
                pulse.wait(str(classification.pk), min(left, 2.0))
                classification.refresh_from_db()
        finally:
            _waiting_requests.release()
    else:
        classification.refresh_from_db()
    return classification


def judged(classification: Classification) -> Classification:
    """The same classification, or the refusal that it ended in."""
    status = Classification.Status
    if classification.status == status.REFUSED:
        problem = dict(classification.problem)
        problem.pop("code", None)
        raise ImageRefused(**problem)
    if classification.status == status.FAILED:
        raise _away()
    return classification


def file_report(
    *,
    uploads: Sequence[UploadedFile],
    classification: Classification | None,
    pairs: Sequence[Pair[UploadedFile]] = (),
    idempotency_key: str | None = None,
    request_sha256: str = "",
    said: Mapping[str, browser_scores.Said] | None = None,
    **fields: Any,
) -> tuple[Report, bool]:
    """Judge the images, file the report, send it to screening. True when it is new.

    `said` is what the reporter's browser says of a file, by its SHA-256.
    Nothing is kept unless the whole report is.
    """
    if idempotency_key and (known := _filed_before(idempotency_key, request_sha256)):
        return known, False
    reports.check_label(fields["expected_label"])
    reports.check_groups(fields["groups"])
    reports.check_pairs(pairs, kind=fields["kind"])
    images = len(uploads) + 2 * len(pairs) + bool(classification)
    check_count(images, least=0 if fields.get("evidence") else 1)
    mine: list[Classification] = []
    in_order = list(_in_order(uploads, pairs))
    told: list[browser_scores.Said | None] = [None] if classification else []
    if said:
        told += [said.get(_sha256(upload)) for _, upload in in_order]
    try:
        answers = iter(_all_judged(in_order, mine))
        report = reports.submit(
            classifications=[
                *([classification] if classification else []),
                *itertools.islice(answers, len(uploads)),
            ],
            pairs=[Pair(next(answers), next(answers), pair.groups) for pair in pairs],
            idempotency_key=idempotency_key,
            request_sha256=request_sha256,
            said=told,
            **fields,
        )
    except IntegrityError:
        _discard(mine)
        if idempotency_key and (known := _filed_before(idempotency_key, request_sha256)):
            return known, False
        raise
    except Exception:
        _discard(mine)
        raise
    send(screen_report_task.delay_on_commit, report.pk)
    return report, True


def withdraw(*, report: Report) -> None:
    """Erase at once; what that leaves behind, for whatever reason, the scheduler finds."""
    reports.withdraw(report=report)
    try:
        erasure.finish()
    except (OSError, DatabaseError) as problem:
        log.warning("erasure is not finished", problem=type(problem).__name__)


def _in_order(
    uploads: Sequence[UploadedFile], pairs: Sequence[Pair[UploadedFile]]
) -> Iterator[tuple[str, UploadedFile]]:
    """Every image of a report, and how its sender finds it again."""
    for number, upload in enumerate(uploads, start=1):
        yield f"image {number} ({upload.name!r})", upload
    for number, pair in enumerate(pairs, start=1):
        for place, upload in zip(("wrong one", "counterpart"), pair, strict=True):
            yield f"the {place} of pair {number} ({upload.name!r})", upload


def _all_judged(
    images: Iterable[tuple[str, UploadedFile]], mine: list[Classification]
) -> list[Classification]:
    """What the model says of all of them, or a refusal that names each one that is broken.

    What was kept meanwhile is in `mine`.
    """
    broken: dict[str, ImageRefused | None] = {}
    asked: dict[str, Classification] = {}
    for place, upload in images:
        broken[place] = None
        try:
            asked[place] = classify(upload=upload)
            mine.append(asked[place])
        except ImageRefused as refusal:
            broken[place] = refusal
    deadline = time.monotonic() + REPORT_WAIT_SECONDS
    for place, one in asked.items():
        try:
            judged(wait(classification=one, seconds=deadline - time.monotonic()))
        except ImageRefused as refusal:
            broken[place] = refusal
        if one.status == Classification.Status.WAITING:
            refuse_without_worker()
            raise ClassifierBusy(
                rule=f"The images of a report are judged within {REPORT_WAIT_SECONDS:g} seconds.",
                received=f"{len(asked)} images, and not all are judged",
                way_out="Nothing was kept. Try again in a minute, or send fewer images.",
            )
    if found := {place: refusal for place, refusal in broken.items() if refusal}:
        raise ImagesRefused(found)
    return mine


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


def leave_address(*, report: Report, address: str, site: str) -> None:
    row = letters.leave(report=report, address=address, site=site)
    send(write_letter_task.delay_on_commit, row.pk)


def check_count(images: int, *, least: int = 1) -> None:
    if not least <= images <= settings.REPORT_MAX_IMAGES:
        raise Invalid(
            rule=f"A report carries 1 to {settings.REPORT_MAX_IMAGES} images.",
            received=f"{images} images",
            way_out="Add an image, or split the report.",
        )


def _discard(mine: Sequence[Classification]) -> None:
    for one in mine:
        fresh = Classification.objects.filter(pk=one.pk).select_related("image").first()
        if fresh:
            classifications.discard(fresh)


def _filed_before(key: str, request_sha256: str) -> Report | None:
    known = Report.objects.filter(idempotency_key=key).first()
    if known and known.request_sha256 != request_sha256:
        raise KeyReused(
            rule="An Idempotency-Key belongs to one request.",
            received="a key that was used with another body",
            way_out="Make a new key for a new report.",
        )
    return known


def approve(*, retrain: Retrain, by: User) -> Retrain:
    retrains.approve(retrain=retrain, by=by)
    send(run_retrain_task.delay_on_commit, retrain.pk)
    return retrain


def promote(*, retrain: Retrain, by: User, override_reason: str = "") -> Retrain:
    retrains.promote(retrain=retrain, by=by, override_reason=override_reason)
    send(answer_reports_task.delay_on_commit)
    return retrain


def roll_back(*, model: ModelVersion, by: User, reason: str) -> None:
    models.roll_back(model=model, by=by, reason=reason)
    send(answer_reports_task.delay_on_commit)


def name_slice(*, finding: Finding, region: int, title: str, by: User) -> NamedSlice:
    named = slices.name(finding=finding, region=region, title=title, by=by)
    _recount()
    return named


def take_back_slice(*, named: NamedSlice, by: User) -> None:
    slices.take_back(named=named, by=by)
    _recount()


def _recount() -> None:
    for pk in selectors.due.audits_to_recount():
        send(recount_audit_task.delay_on_commit, pk)


def look_again(*, finding: Finding) -> None:
    findings.try_again(finding=finding)
    for pk in selectors.due.findings_to_run():
        send(run_finding_task.delay_on_commit, pk)


def parse_pair_groups(text: str, pairs: int) -> list[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Groups of each pair as JSON: for each of them two objects, axis → value; or nothing."""
    stated = _from_json(text or "[]")
    if stated == []:
        return [({}, {})] * pairs
    fits = isinstance(stated, list) and len(stated) == pairs
    if not fits or not all(isinstance(two, list) and len(two) == 2 for two in stated):
        raise Invalid(
            rule="`pair_groups` must be a JSON list with two objects for each pair.",
            received=text[:80],
            way_out='Send something like [[{"skin_tone": "dark"}, {"skin_tone": "light"}]], '
            "or leave it out.",
        )
    return [(_groups(first), _groups(second)) for first, second in stated]


def parse_groups(text: str) -> Mapping[str, str]:
    """Groups as JSON, axis → value."""
    return _groups(_from_json(text or "{}"), text)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _groups(groups: Any, text: str = "") -> Mapping[str, str]:
    if not isinstance(groups, dict) or not all(isinstance(v, str) for v in groups.values()):
        raise Invalid(
            rule="`groups` must be a JSON object of axis → value.",
            received=(text or repr(groups))[:80],
            way_out='Send something like {"medium": "vector"}, or leave it out.',
        )
    return groups


def _away() -> ClassifierAway:
    return ClassifierAway(
        rule="An image is judged by an inference worker.",
        received="no answer from one",
        way_out="Nothing was kept. Try again in a few seconds.",
    )
