"""Audits and findings that tests of pages show, small enough to count on fingers."""

from dataclasses import replace

import numpy as np
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from feedback.models import Audit, AuditSet, DatasetVersion, Finding, ModelVersion, Retrain
from feedback.services import audits, ledger, manifests, verdicts
from modeltrain.audit import counterfactual, evaluate
from modeltrain.audit.evaluate import Predicted
from modeltrain.data.manifest import Row
from modeltrain.gate import judge
from modeltrain.images.codec import pixel_sha256, to_png
from modeltrain.labels import LABELS
from modeltrain.model.classifier import Prediction
from tests.cast import finished_audit, whole_artifact
from tests.conftest import noise


def measure(count: int, n: int) -> dict:
    rate = count / n if n else None
    spread = {"low": rate and rate / 2, "high": rate and rate * 1.5}
    return {"count": count, "n": n, "clusters": n, "rate": rate, **spread}


def cell(n: int, wrong: int) -> dict:
    return {
        "n": n,
        "enough": n >= 30,
        "error": measure(wrong, n),
        "false_alarm": measure(wrong, n),
        "miss": measure(0, 0),
        "confusion": measure(0, n),
    }


FIGURES = {
    "images": 240,
    "minimum": 30,
    "labels": ["drawings", "neutral"],
    "overall": cell(240, 24),
    "classes": {"drawings": cell(200, 20), "porn": cell(0, 0)},
    "groups": {"medium": {"vector": cell(200, 50), "render": cell(4, 3)}},
}


def answers(wrong: int, *, alarms: int = 0) -> list[Predicted]:
    """Predictions for 200 vector drawings, 60 photographs and 4 renderings.

    `wrong` drawings get another label; `alarms` of them are called porn, the others neutral.
    """
    predictions = []
    images = [("drawings", "vector")] * 200 + [("neutral", "photograph")] * 60
    images += [("drawings", "render")] * 4
    for number, (label, medium) in enumerate(images):
        predicted = label
        if label == "drawings" and number < wrong:
            predicted = "porn" if number < alarms else "neutral"
        groups = {"medium": medium}
        if number < 200:
            groups["skin_tone"] = "dark" if number % 2 else "light"
        scores = {name: 0.9 if name == predicted else 0.025 for name in LABELS}
        predictions.append(Predicted(f"{number:064x}", str(number), label, groups, scores))
    return predictions


def answers_by_tone(*, dark: int, light: int) -> list[Predicted]:
    """Predictions for 120 drawings of each of two tones, and 60 photographs, which are right.

    So many drawings of each tone are called neutral.
    """
    images = [("drawings", "dark", number < dark) for number in range(120)]
    images += [("drawings", "light", number < light) for number in range(120)]
    images += [("neutral", "", False)] * 60
    predictions = []
    for number, (label, tone, is_wrong) in enumerate(images):
        groups = {"medium": "vector", "skin_tone": tone} if tone else {"medium": "photograph"}
        predicted = "neutral" if is_wrong else label
        scores = {name: 0.9 if name == predicted else 0.025 for name in LABELS}
        predictions.append(Predicted(f"{number:064x}", str(number), label, groups, scores))
    return predictions


def audited_model(
    number: int, audit_set: AuditSet, predicted: list[Predicted], *, status: str = "candidate"
) -> ModelVersion:
    """A model with files of its own, and its audit."""
    model, _ = ModelVersion.objects.get_or_create(
        number=number,
        defaults={
            "sha256": whole_artifact(str(number)),
            "title": f"Model {number}",
            "status": status,
            "promoted_at": None if status == "candidate" else timezone.now(),
        },
    )
    finished_audit(model, audit_set, predicted)
    return model


def judged_retrain(
    candidate: ModelVersion, *, against: ModelVersion, audit_set: AuditSet, by: User
) -> Retrain:
    """A retrain whose candidate the gate has compared with a model, as its worker leaves it."""
    gate = audits.compare(
        before=against.audits.get(audit_set=audit_set),
        after=candidate.audits.get(audit_set=audit_set),
    )
    dataset, _ = DatasetVersion.objects.get_or_create(
        number=2, defaults={"manifest_sha256": manifests.publish([]), "images": 9}
    )
    retrain = Retrain.objects.create(
        status="evaluated",
        base=against,
        candidate=candidate,
        dataset=dataset,
        config="head",
        gate=gate,
        judged_against=against,
        audit_set=audit_set,
        policy_sha256=verdicts.policy_sha256(gate["policy"]),
        evaluated_at=timezone.now(),
        proposed_by=by,
    )
    ledger.record_gate(retrain)
    return retrain


SETS, TONES = 32, ("light", "dark")


class BrightnessClassifier:
    """Calls bright images neutral and dark ones drawings."""

    def classify(self, pixels) -> Prediction:
        brightness = float(np.asarray(pixels).mean()) / 255
        scores = dict.fromkeys(LABELS, 0.0)
        scores |= {"neutral": brightness, "drawings": 0.9 - brightness * 0.9}
        scores["porn"] = max(0.0, 1 - sum(scores.values()))
        label = max(LABELS, key=scores.__getitem__)
        return Prediction(label, scores, np.zeros(2048, dtype=np.float32))


def audit_with_findings(champion: ModelVersion, settings, *, public: bool = True) -> Audit:
    """An audit of 64 small images in pairs of two tones, with a finding of each kind."""
    settings.AUDIT_IMAGES_DIR.mkdir(parents=True, exist_ok=True)
    rows, paths = [], {}
    for seed in range(SETS * 2):
        pixels = np.clip(noise(seed, (48, 48)).astype(int) + 30 * (seed % 2), 0, 255)
        pixels = pixels.astype(np.uint8)
        sha256 = pixel_sha256(pixels)
        paths[sha256] = settings.AUDIT_IMAGES_DIR / f"{sha256}.png"
        paths[sha256].write_bytes(to_png(pixels))
        groups = {"medium": "vector", "skin_tone": TONES[seed % 2]}
        label = "porn" if seed == SETS * 2 - 1 else "drawings"
        rows.append(Row(sha256, label, groups, "audit", f"picture {seed}", f"pair {seed // 2}"))
    audit_set = AuditSet.objects.create(
        name="pairs",
        manifest_sha256=manifests.publish(rows),
        images=len(rows),
        public_images=public,
    )
    classifier = BrightnessClassifier()
    predicted = evaluate.predict(classifier, rows, paths, lambda done, total: None)
    audit = finished_audit(champion, audit_set, predicted)
    comparisons = counterfactual.compare_sets(predicted, counterfactual.find_counterparts(rows))
    comparisons |= counterfactual.compare_changes(
        classifier, rows[::2][:40], paths, lambda done, total: None
    )
    finished_finding(audit, "counterfactual", comparisons)
    finished_finding(audit, "slices", [region_figures(rows[:34]), region_figures(rows[30:50])])
    finished_finding(audit, "int8", export_figures(predicted))
    finished_finding(audit, "published", published_figures(predicted))
    return audit


def published_figures(predicted: list[evaluate.Predicted]) -> dict:
    """Figures of two other models: one like the champion, and one that calls everything porn."""
    porn = [
        replace(answer, scores=dict.fromkeys(LABELS, 0.0) | {"porn": 1.0}) for answer in predicted
    ]
    models = [("champion", "v1", predicted), ("mobilenet_v2", "MobileNetV2", predicted)]
    models.append(("mobilenet_v2_mid", "MobileNetV2Mid", porn))
    return {
        "processors": 2,
        "timed_images": 20,
        "models": [
            {
                "name": name,
                "title": title,
                "source": {"package": "nsfwjs", "version": "4.3.0", "licence": "MIT"},
                "bytes": 10_000_000,
                "milliseconds": 12.3,
                "figures": evaluate.audit(answers),
                "gate": judge.judge(champion=predicted, candidate=answers),
            }
            for name, title, answers in models
        ],
    }


def export_figures(predicted: list[evaluate.Predicted]) -> dict:
    """Figures of a quantized model that answers like the model itself."""
    close = {"max": 0.02, "p99": 0.01, "within": 1.0, "same": 1.0}
    return {
        "sha256": "8" * 64,
        "calibrated_on": 64,
        "compared_on": len(predicted),
        "graphs": {
            "float32": {"bytes": 87_000_000, **close},
            "int8": {"bytes": 22_700_000, **close},
        },
        "gate": judge.judge(champion=predicted, candidate=predicted),
    }


def region_figures(rows: list[Row]) -> dict:
    rate = {"count": 9, "n": 15, "clusters": 15, "rate": 0.6, "low": 0.357, "high": 0.802}
    return {
        "members": [row.sha256 for row in rows],
        "exemplars": [
            {
                "sha256": row.sha256,
                "source": row.source,
                "expected": "drawings",
                "predicted": "neutral",
            }
            for row in rows[:12]
        ],
        "found_on": 14,
        "inside": rate,
        "outside": rate | {"n": 30, "count": 3, "rate": 0.1, "low": 0.035, "high": 0.256},
        "low": 0.22,
        "high": 0.71,
    }


def finished_finding(audit: Audit, kind: str, figures: object) -> Finding:
    return Finding.objects.create(
        audit=audit, kind=kind, status="done", figures=figures, finished_at=timezone.now()
    )


def page_text(client, name: str, **query: str) -> str:
    return client.get(reverse(name), query).content.decode()
