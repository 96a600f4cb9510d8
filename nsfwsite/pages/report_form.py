"""The form with which people report that the model is wrong."""

import hashlib
import json
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from feedback import queries
from feedback.errors import Invalid
from feedback.models import Classification, Report
from feedback.services import evidence
from feedback.services.counterparts import Pair
from feedback.services.reports import MAX_SUBJECT_LENGTH
from modeltrain import labels

NOT_STATED = ("", "Not stated")
PAIRS = 3  # in one form; the API takes as many as a report may have images
SIDES = ("wrong", "counterpart")


class MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ImagesField(forms.FileField):
    """Any number of files. The worker judges what is inside them, not the form."""

    def __init__(self, **options: Any) -> None:
        attributes = {"accept": "image/*", "multiple": True}
        super().__init__(
            widget=MultipleFileInput(attrs=attributes), allow_empty_file=True, **options
        )

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, (list, tuple)) else [data]
        return [super(ImagesField, self).clean(file, initial) for file in files if file]


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
    images = ImagesField(required=False)
    key = forms.CharField(max_length=36, required=False, widget=forms.HiddenInput)
    browser = forms.CharField(max_length=10_000, required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, classification: Classification | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.classification = classification
        self.initial.setdefault("key", str(uuid.uuid4()))
        self.axes = queries.groups.stated_axes()
        pair_choices: list[Any] = [NOT_STATED]
        for axis in self.axes:
            values = [(value.name, value.title) for value in axis.values.all()]
            self.fields[f"group_{axis.name}"] = forms.ChoiceField(
                label=axis.title,
                help_text=axis.explanation,
                choices=[NOT_STATED, *values],
                required=False,
            )
            pair_choices.append(
                (axis.title, [(f"{axis.name}={name}", title) for name, title in values])
            )
        for number in range(1, PAIRS + 1):
            for side in SIDES:
                name = f"pair_{number}_{side}"
                self.fields[name] = forms.FileField(required=False, allow_empty_file=True)
                self.fields[f"{name}_group"] = forms.ChoiceField(
                    choices=pair_choices, required=False
                )

    @property
    def wrong_fields(self) -> list[forms.BoundField]:
        """Fields with an error, in the order of the page."""
        return [field for field in self if field.errors]

    @property
    def group_fields(self) -> list[forms.BoundField]:
        return [self[f"group_{axis.name}"] for axis in self.axes]

    @property
    def pair_fields(self) -> list[dict[str, Any]]:
        """Each pair's number, whether it is shown open, and the file and group of both sides."""
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
        """The pairs that have both of their images."""
        pairs = []
        for number in range(1, PAIRS + 1):
            wrong, counterpart = (self.cleaned_data.get(f"pair_{number}_{side}") for side in SIDES)
            if wrong and counterpart:
                groups = [self.cleaned_data.get(f"pair_{number}_{side}_group") for side in SIDES]
                first, second = (dict([group.split("=", 1)]) if group else {} for group in groups)
                pairs.append(Pair(wrong, counterpart, (first, second)))
        return pairs

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
        classification = self.classification
        if (
            classification
            and data.get("kind") == Report.Kind.MISCLASSIFIED
            and data.get("expected_label") == classification.label
            and not data.get("images")
        ):
            self.add_error(
                "expected_label",
                f"The model says {classification.label!r} too. Choose the label that you think is "
                "right, or say below that it is unfair to a group.",
            )
        return data

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

    def report_fields(self) -> dict[str, Any]:
        """What the report says and consents to, without its images."""
        data = self.cleaned_data
        names = (
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
            **{name: data[name] for name in names},
            "groups": {axis: value for axis, value in groups.items() if value},
        }

    def idempotency(self) -> dict[str, Any]:
        """What makes the same form sent twice one report, and a changed one another."""
        if not self.data.get("key"):
            return {}
        files = [(file.name, file.size) for file in self.cleaned_data["images"]]
        files += [(file.name, file.size) for pair in self.pairs() for file in pair]
        content = json.dumps(
            [self.cleaned_data["key"], self.report_fields(), files], sort_keys=True
        )
        digest = hashlib.sha256(content.encode()).hexdigest()
        return {"idempotency_key": digest, "request_sha256": digest}
