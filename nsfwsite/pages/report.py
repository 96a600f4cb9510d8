"""The form with which somebody says that the model is wrong."""

import hashlib
import json
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from feedback import queries
from feedback.errors import ImagesRefused, Invalid, Refusal
from feedback.models import Classification, Report
from feedback.services import audit_sets, browser_scores, evidence
from feedback.services.counterparts import Pair
from feedback.services.reports import MAX_SUBJECT_LENGTH
from modeltrain import labels
from nsfwsite import throttle
from nsfwsite.access import page, with_refusal
from nsfwsite.intake import reporting

NOT_STATED = ("", "Not stated")
PAIRS = 3  # in one form; the API takes as many as there may be images
SIDES = ("wrong", "counterpart")


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyImages(forms.FileField):
    """Any number of files. What is inside is judged by the worker, not here."""

    def __init__(self, **options: Any) -> None:
        attributes = {"accept": "image/*", "multiple": True}
        super().__init__(widget=ManyFiles(attrs=attributes), allow_empty_file=True, **options)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, (list, tuple)) else [data]
        return [super(ManyImages, self).clean(file, initial) for file in files if file]


class ReportForm(forms.Form):
    expected_label = forms.ChoiceField(
        choices=[(label, label) for label in labels.LABELS],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the label that you think is right."},
    )
    kind = forms.ChoiceField(
        choices=Report.Kind.choices,
        widget=forms.RadioSelect,
        initial=Report.Kind.MISCLASSIFIED,
    )
    subject = forms.CharField(max_length=MAX_SUBJECT_LENGTH, required=False)
    description = forms.CharField(
        max_length=2000, required=False, strip=True, widget=forms.Textarea(attrs={"rows": 4})
    )
    evidence = forms.CharField(required=False, widget=forms.HiddenInput)
    consent_store = forms.BooleanField(required=False)
    consent_train = forms.BooleanField(required=False)
    images = ManyImages(required=False)
    key = forms.CharField(max_length=36, required=False, widget=forms.HiddenInput)
    browser = forms.CharField(max_length=10_000, required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, classification: Classification | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.classification = classification
        self.initial.setdefault("key", str(uuid.uuid4()))
        self.axes = queries.groups.stated_axes()
        every: list[Any] = [NOT_STATED]
        for axis in self.axes:
            values = [(value.name, value.title) for value in axis.values.all()]
            self.fields[f"group_{axis.name}"] = forms.ChoiceField(
                label=axis.title,
                help_text=axis.explanation,
                choices=[NOT_STATED, *values],
                required=False,
            )
            every.append((axis.title, [(f"{axis.name}={name}", title) for name, title in values]))
        for number in range(1, PAIRS + 1):
            for side in SIDES:
                name = f"pair_{number}_{side}"
                self.fields[name] = forms.FileField(required=False, allow_empty_file=True)
                self.fields[f"{name}_group"] = forms.ChoiceField(choices=every, required=False)

    @property
    def group_fields(self) -> list[forms.BoundField]:
        return [self[f"group_{axis.name}"] for axis in self.axes]

    @property
    def pair_fields(self) -> list[dict[str, Any]]:
        """Of each pair: whether it has something in it, and of both sides the file and group."""
        return [
            {
                "number": number,
                "begun": number == 1
                or any(self[f"pair_{number}_{side}"].errors for side in SIDES)
                or any(self[f"pair_{number}_{side}_group"].value() for side in SIDES),
                "sides": [
                    (side, self[f"pair_{number}_{side}"], self[f"pair_{number}_{side}_group"])
                    for side in SIDES
                ],
            }
            for number in range(1, PAIRS + 1)
        ]

    @property
    def more_images(self) -> int:
        return settings.REPORT_MAX_IMAGES - (1 if self.classification else 0)

    def pairs(self) -> list[Pair[UploadedFile]]:
        """Those of which both images are there."""
        found = []
        for number in range(1, PAIRS + 1):
            wrong, counterpart = (self.cleaned_data.get(f"pair_{number}_{side}") for side in SIDES)
            if wrong and counterpart:
                stated = [self.cleaned_data.get(f"pair_{number}_{side}_group") for side in SIDES]
                first, second = (dict([one.split("=", 1)]) if one else {} for one in stated)
                found.append(Pair(wrong, counterpart, (first, second)))
        return found

    def _check_images(self, data: dict[str, Any]) -> None:
        for number in range(1, PAIRS + 1):
            names = [f"pair_{number}_{side}" for side in SIDES]
            missing = [name for name in names if not data.get(name)]
            begun = len(missing) == 1 or any(data.get(f"{name}_group") for name in names)
            if missing and begun:
                self.add_error(missing[0], "A pair needs both of its images. Choose this one too.")
        pairs, images = self.pairs(), data.get("images") or []
        count = len(images) + 2 * len(pairs)
        if count > self.more_images:
            self.add_error(
                "images",
                f"A report holds at most {settings.REPORT_MAX_IMAGES} images. "
                f"Received: {count} here. Send fewer, or file a second report.",
            )
        if not (count or self.classification or data.get("evidence")):
            self.add_error("images", "A report needs at least one image. Choose one.")
        if pairs and data.get("kind") == Report.Kind.MISCLASSIFIED:
            self.add_error(
                "kind", "You chose pairs too: they show that the model is unfair to a group."
            )

    def clean_evidence(self) -> dict[str, Any]:
        try:
            return evidence.parse(self.cleaned_data["evidence"])
        except Invalid as refusal:
            raise ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self._check_images(data)
        if data.get("consent_train") and not data.get("consent_store"):
            self.add_error(
                "consent_train",
                "An image can be learnt from only if it may be kept. Tick both, or neither.",
            )
        one = self.classification
        if (
            one
            and data.get("kind") == Report.Kind.MISCLASSIFIED
            and data.get("expected_label") == one.label
            and not data.get("images")
        ):
            self.add_error(
                "expected_label",
                f"The model says {one.label!r} too. Choose the label that you think is right, "
                "or say below that it is unfair to a group.",
            )
        return data

    def wishes(self) -> dict[str, Any]:
        """What the person asked for, without the images."""
        data = self.cleaned_data
        plain = (
            "kind",
            "expected_label",
            "subject",
            "description",
            "evidence",
            "consent_store",
            "consent_train",
        )
        groups = {axis.name: data[f"group_{axis.name}"] for axis in self.axes}
        return {
            **{name: data[name] for name in plain},
            "groups": {axis: value for axis, value in groups.items() if value},
        }


@page
def report(request: HttpRequest) -> HttpResponse:
    classification = _reported(request.GET.get("classification", ""))
    if request.method != "POST":
        return _page(request, ReportForm(classification=classification))
    throttle.hit(request, scope="reports", rate=settings.RATE_REPORTS)
    form = ReportForm(request.POST, request.FILES, classification=classification)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        report, _ = reporting.file_report(
            uploads=form.cleaned_data["images"],
            pairs=form.pairs(),
            classification=classification,
            source=throttle.source_of(request),
            said=browser_scores.parse(form.cleaned_data["browser"]),
            **_once(form),
            **form.wishes(),
        )
    except Refusal as refusal:
        if isinstance(refusal, ImagesRefused):
            told = [f"{place}: {one}" for place, one in refusal.broken.items()]
            form.add_error("images", [refusal.rule, *told, refusal.remedy])
        else:
            form.add_error(None, str(refusal))
        return with_refusal(_page(request, form), refusal)
    return redirect("receipt", receipt=report.receipt)


def _reported(pk: str) -> Classification | None:
    if not pk:
        return None
    try:
        found = Classification.objects.select_related("model").filter(pk=uuid.UUID(pk)).first()
    except ValueError:
        found = None
    if found is None or found.status != Classification.Status.DONE:
        raise Http404
    return found


def _once(form: ReportForm) -> dict[str, Any]:
    """The same form sent twice is one report; changed, it is another."""
    files = [(file.name, file.size) for file in form.cleaned_data["images"]]
    files += [(file.name, file.size) for pair in form.pairs() for file in pair]
    told = json.dumps([form.cleaned_data["key"], form.wishes(), files], sort_keys=True)
    digest = hashlib.sha256(told.encode()).hexdigest()
    return {"idempotency_key": digest, "request_sha256": digest} if form.data.get("key") else {}


def _page(request: HttpRequest, form: ReportForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "classification": form.classification,
        "minimum": audit_sets.MINIMUM,
        "minutes": settings.DEMO_IMAGE_MINUTES,
        "source_days": settings.SOURCE_DAYS,
        "collects_misses": settings.COLLECT_MISSES,
    }
    return render(request, "pages/report.html", context, status=status)
