"""The answers of a reporter's browser, beside the server's."""

import json

import pytest
from django.db import IntegrityError, transaction

from feedback import queries
from feedback.errors import Invalid
from feedback.models import BrowserScore, ModelVersion
from feedback.services import browser_scores
from tests.cast import SCORES

FILE = "f" * 64
NAN = float("nan")


def answer(model: ModelVersion, graph: str = "int8", **scores: float) -> dict:
    return {"model": model.sha256, "graph": graph, "scores": {**SCORES, **scores}}


def parsed(value: dict) -> browser_scores.BrowserAnswer:
    return browser_scores.parse(json.dumps({FILE: value}))[FILE]


@pytest.fixture
def stored(filed):
    def make(browser_answer: browser_scores.BrowserAnswer, seed: int = 0) -> BrowserScore:
        return filed(seed, browser_answers=[browser_answer]).examples.get().in_browser

    return make


@pytest.mark.parametrize(
    ("graph", "neutral", "drifted"),
    [
        ("int8", 0.875, False),
        ("int8", 0.85, True),
        ("float32", 0.8995, False),
        ("float32", 0.875, True),
    ],
)
def test_drift_begins_beyond_the_tolerance_of_each_file(
    stored, champion, graph, neutral, drifted
) -> None:
    browser_score = stored(parsed(answer(champion, graph, neutral=neutral)))

    assert browser_score.drifted is drifted
    assert browser_score.distance == pytest.approx(0.9 - neutral)
    assert browser_score.scores["neutral"] == neutral


def test_another_label_is_drift(filed, judged, champion) -> None:
    close = {"drawings": 0.451, "neutral": 0.449}
    browser_answer = parsed(answer(champion, **close))
    classification = judged(3)
    classification.scores = {**SCORES, "drawings": 0.449, "neutral": 0.451}
    classification.save()
    report = filed(
        classifications=[classification], kind="unfair", browser_answers=[browser_answer]
    )
    browser_score = report.examples.get().in_browser
    assert browser_score.distance < browser_score.tolerance
    assert browser_score.drifted


def test_answers_of_another_model_are_kept_and_not_compared(stored, champion) -> None:
    older = ModelVersion.objects.create(number=9, sha256="9" * 64, title="Older")
    browser_score = stored(parsed(answer(older, neutral=0.1)))

    assert (browser_score.distance, browser_score.drifted) == (None, False)
    with pytest.raises(IntegrityError), transaction.atomic():
        BrowserScore.objects.update(drifted=True)


def test_maintainers_get_a_count_and_the_reports(stored, champion) -> None:
    stored(parsed(answer(champion)))
    far = stored(parsed(answer(champion, neutral=0.5)), seed=1)

    drift = queries.reports.browser_drift()
    assert (drift["compared"], drift["drifted"]) == (2, 1)
    assert list(drift["reports"]) == [far.example.report_id]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        '{"x": {}}',
        json.dumps({FILE: {"model": "0" * 64, "graph": "int8", "scores": SCORES}}),
        json.dumps({FILE: {"model": "a" * 64, "graph": "int4", "scores": SCORES}}),
        json.dumps({FILE: {"model": "a" * 64, "graph": "int8", "scores": {"neutral": 1}}}),
        json.dumps({FILE: {"model": "a" * 64, "graph": "int8", "scores": {**SCORES, "sexy": 7}}}),
        json.dumps({FILE: {"model": "a" * 64, "graph": "int8", "scores": {**SCORES, "sexy": NAN}}}),
        json.dumps({"f" * 63: {"model": "a" * 64, "graph": "int8", "scores": SCORES}}),
    ],
)
def test_an_invalid_browser_answer_is_refused(champion, text) -> None:
    with pytest.raises(Invalid, match="names its model"):
        browser_scores.parse(text)
