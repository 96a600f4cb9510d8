import pytest
import yaml
from django.urls import reverse
from django.utils import timezone

from feedback.models import DatasetVersion, Retrain
from feedback.services import manifests
from modeltrain.data.manifest import Row


def metadata_and_text(response) -> tuple[dict, str]:
    _, metadata, text = response.content.decode().split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_the_card_of_a_model_states_its_figures(client, two_models) -> None:
    metadata, text = metadata_and_text(client.get(reverse("model-card", args=["v1"])))
    (result,) = metadata["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(1 - 100 / 264, abs=1e-4)
    assert result["dataset"]["revision"] == "e" * 64
    assert "37.9% (32.2% to 43.9%; 100 of 264)" in text
    assert "| Computer rendering | 4 | not enough images |" in text


def test_the_card_names_who_overrode_the_gate_and_escapes_their_reason(
    client, two_models, mona
) -> None:
    champion, candidate = two_models
    Retrain.objects.create(
        base=champion,
        candidate=candidate,
        status="promoted",
        gate={"verdict": "blocked", "sentence": "Blocked: drawings.", "cells": []},
        dataset=DatasetVersion.objects.create(number=1, manifest_sha256="1" * 64, images=1),
        config="head",
        proposed_by=mona,
        decided_by=mona,
        decided_at=timezone.now(),
        override_reason="# Big\n<script>",
    )
    _, text = metadata_and_text(client.get(reverse("model-card", args=["v2"])))
    assert "Blocked: drawings." in text
    assert "Promoted by mona" in text
    assert "> \\# Big\n> \\<script\\>" in text


def test_the_card_of_a_dataset_counts_its_images(client, axes) -> None:
    rows = [
        Row("a" * 64, "neutral", {"medium": "photograph"}, "train", "stamps", "owl"),
        Row("b" * 64, "drawings", {"medium": "vector"}, "train", "report", "fox"),
    ]
    sha256 = manifests.publish(rows)
    DatasetVersion.objects.create(number=3, manifest_sha256=sha256, images=2, added=1)
    metadata, text = metadata_and_text(client.get(reverse("dataset-card", args=[3])))
    assert metadata["size_categories"] == ["n<1K"]
    assert "| drawings | train | reported | 1 |" in text
    assert "| Medium Flat vector drawing | 1 |" in text
    assert "None yet." in text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/models/v7/card.md", "/datasets/7/card.md"])
def test_the_card_of_an_unknown_model_or_dataset_is_not_found(client, path) -> None:
    assert client.get(path).status_code == 404
