"""What a reporter's browser said, beside what the server says."""

import json

import pytest
from django.db import IntegrityError, transaction

from feedback import queries
from feedback.errors import Invalid
from feedback.models import BrowserScore, ModelVersion
from feedback.services import browser_scores
from tests.cast import SCORES

FILE = "f" * 64


def answer(model: ModelVersion, graph: str = "int8", **scores: float) -> dict:
    return {"model": model.sha256, "graph": graph, "scores": {**SCORES, **scores}}


def read(value: dict) -> browser_scores.BrowserAnswer:
    return browser_scores.parse(json.dumps({FILE: value}))[FILE]


@pytest.fixture
def kept(filed):
    def make(said: browser_scores.BrowserAnswer, seed: int = 0) -> BrowserScore:
        return filed(seed, browser_answers=[said]).examples.get().in_browser

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
    kept, champion, graph, neutral, drifted
) -> None:
    own = kept(read(answer(champion, graph, neutral=neutral)))

    assert own.drifted is drifted
    assert own.distance == pytest.approx(0.9 - neutral)
    assert own.scores["neutral"] == neutral


def test_another_label_is_drift(filed, judged, champion) -> None:
    close = {"drawings": 0.451, "neutral": 0.449}
    said = read(answer(champion, **close))
    classification = judged(3)
    classification.scores = {**SCORES, "drawings": 0.449, "neutral": 0.451}
    classification.save()
    report = filed(classifications=[classification], kind="unfair", browser_answers=[said])
    own = report.examples.get().in_browser
    assert own.distance < own.tolerance
    assert own.drifted


def test_answers_of_another_model_are_kept_and_not_compared(kept, champion) -> None:
    older = ModelVersion.objects.create(number=9, sha256="9" * 64, title="Older")
    own = kept(read(answer(older, neutral=0.1)))

    assert (own.distance, own.drifted) == (None, False)
    with pytest.raises(IntegrityError), transaction.atomic():
        BrowserScore.objects.update(drifted=True)


def test_maintainers_get_a_count_and_the_reports(kept, champion) -> None:
    kept(read(answer(champion)))
    far = kept(read(answer(champion, neutral=0.5)), seed=1)

    found = queries.reports.browser_drift()
    assert (found["compared"], found["drifted"]) == (2, 1)
    assert list(found["reports"]) == [far.example.report_id]


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
    ],
)
def test_what_is_no_answer_is_refused(champion, text) -> None:
    with pytest.raises(Invalid, match="names its model"):
        browser_scores.parse(text)
