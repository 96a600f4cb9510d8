"""Tell reporters what a newly promoted model says about their images."""

from django.db import transaction
from django.db.models import QuerySet

from feedback.models import Example, ExampleScore, ModelVersion, Report, Retrain
from feedback.services import images, models, outcomes, reports


def unjudged_examples(model: ModelVersion) -> "QuerySet[Example]":
    """Examples with an image that `model` has not judged yet."""
    return (
        Example.objects.filter(image__isnull=False)
        .exclude(report__status__in=[Report.Status.WITHDRAWN, Report.Status.ESCALATED])
        .exclude(scores__model=model)
        .select_related("image", "report")
        .order_by("pk")
    )


def answer_reports(*, model: ModelVersion) -> int:
    """Judge every reported image with `model`, then answer the reports it learnt from.

    Safe to repeat: no example is judged twice. Returns how many were judged.
    """
    judged = _judge(unjudged_examples(model), model)
    retrain = Retrain.objects.filter(candidate=model).select_related("dataset").first()
    if retrain:
        for report in Report.objects.filter(
            status=Report.Status.FOLDED, folded_into__number__lte=retrain.dataset.number
        ):
            with transaction.atomic():
                if reports.move(
                    report=report,
                    sources=[Report.Status.FOLDED],
                    status=Report.Status.ANSWERED,
                    note=f"Model {model.version} learnt from this report and is in service.",
                ):
                    outcomes.record(
                        report=report,
                        outcome=Report.Status.ANSWERED,
                        model=model.version,
                        artifact_sha256=model.sha256,
                    )
    return judged


def judge_report(*, pk: int) -> None:
    """Judge the images of a report with the model in service, unless it has done so."""
    champion = ModelVersion.objects.champion()
    _judge(unjudged_examples(champion).filter(report=pk), champion)


def _judge(examples: "QuerySet[Example]", model: ModelVersion) -> int:
    classifier = models.classifier_of(model)
    judged = 0
    for example in examples:
        if example.image is None:
            continue
        prediction = classifier.classify(images.pixels_of(example.image))
        ExampleScore.objects.get_or_create(
            example=example,
            model=model,
            defaults={"label": prediction.label, "scores": prediction.scores},
        )
        outcomes.publish(example.report_id)
        judged += 1
    return judged
