"""A model's card: what it was made from, in Markdown for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeltrain.formatting import percent


def head_card(config: Mapping[str, Any]) -> str:
    """Write the card of a model with a retrained head, in Markdown.

    Parameters
    ----------
    config : mapping
        The contents of its `config.json`.
    """
    training = config["training"]
    images, agreement = _image_rows(training), _agreement_rows(training)
    validation = "\n".join(
        f"| {label} | {counts['images']} | {counts['before']} | {counts['after']} |"
        for label, counts in training["validation"].items()
    )
    figures = (
        f"""Images of the validation split, and how many of them each model gets right:

| label | images | before | now |
|---|---|---|---|
{validation}"""
        if validation
        else "There were no images for validation."
    )
    return f"""# A retrained head

The last three layers of model {config["parent"][:12]}, trained further with config
`{config["name"]}` (seed {training["config"]["seed"]}) on the dataset with SHA-256
{training["manifest_sha256"]}. Everything below them is bit-identical to that model.

## Data
| split | images | count |
|---|---|---|
{images}

Reported images were learned towards the label that reviewers gave them, anchors towards their label
and the previous model's answer, and made-up features towards that answer alone.

## Recipe
Kept: epoch {training["epoch_kept"]}, decided by {training["stopped_by"]}.

## Figures
{figures}

### What it kept of classes that nobody reported

No image of these classes was used. Of made-up features that the previous model answers with a
class, this share is still answered with it. It says how much of the previous head is left; it is
not an error rate on images.

| class | same answer |
|---|---|
{agreement}

## Limits
The validation images chose the epoch where there were enough, and they come from reports: figures
on them find problems and estimate no rate. Only an audit on images that were never learned from
says how often the model is wrong, and for whom.
"""


def fine_tune_card(config: Mapping[str, Any]) -> str:
    """Write the card of a model that was fine-tuned from the champion, in Markdown.

    Parameters
    ----------
    config : mapping
        The contents of its `config.json`.
    """
    training = config["training"]
    images, agreement = _image_rows(training), _agreement_rows(training)
    history, device = training["history"], training["device"]
    at_best_epoch = _validation_text(history[training["epoch_kept"]])
    return f"""# A fine-tuned model

Model {config["parent"][:12]}, trained further with config `{config["name"]}` (seed
{training["config"]["seed"]}) on the dataset with SHA-256 {training["manifest_sha256"]}.
Its head and its convolutions from number {training["config"]["unlock_from"]} on were trained, on
augmented images; normalisation kept its statistics. Keras {device["keras"]} on
{device["backend"]}, {device["precision"]}, {device["accelerators"]} accelerators.

## Data
| split | images | count |
|---|---|---|
{images}

Reported images were learned towards the label that reviewers gave them, anchors towards their label
and the previous model's answer, and made-up features towards that answer alone. All kernels were
pulled towards the previous model's.

## Recipe
Epochs: {len(history) - 1}. Kept: epoch {training["epoch_kept"]}. On validation: {at_best_epoch}.

### What its head kept of classes that nobody reported

No image of these classes was used. Of made-up features that the previous model answers with a
class, this share is still answered with it. It says how much of the previous head is left; what the
changed convolutions make of images of these classes is not known.

| class | same answer |
|---|---|
{agreement}

## Limits
The validation images chose the epoch, and they come from reports: figures on them find problems and
estimate no rate. Only an audit on images that were never learned from says how often the model is
wrong, and for whom.
"""


def article_card(config: Mapping[str, Any]) -> str:
    """Write the card of a model that was trained by the article's recipe, in Markdown.

    Parameters
    ----------
    config : mapping
        The contents of its `config.json`.
    """
    training = config["training"]
    splits = training["images"]
    images = "\n".join(
        f"| {label} | {count} | {splits['validation'].get(label, 0)} |"
        for label, count in splits["train"].items()
    )
    phases = "\n".join(
        f"| {name} | {len(phase['history']) - 1} | {phase['epoch_kept']} | "
        f"{_validation_text(phase['history'][phase['epoch_kept']])} |"
        for name, phase in training["phases"].items()
    )
    problems = "\n".join(f"- {problem}" for problem in training["problems"])
    device = training["device"]
    return f"""# A model trained by the article's recipe

## Data
Dataset with SHA-256 {training["manifest_sha256"]}.

| class | images to learn from | images for validation |
|---|---|---|
{images}

## Recipe
Config `{config["name"]}`, seed {training["config"]["seed"]}; from the base of model
{config["parent"][:12]}, with a new head. Convolutions from number
{training["config"]["unlock_from"]} on were unlocked in phase 2. Keras {device["keras"]} on
{device["backend"]}, {device["precision"]}, {device["accelerators"]} accelerators.

| phase | epochs | kept | on validation |
|---|---|---|---|
{phases}

## Limits
The validation images chose the epoch, so figures on them flatter the model. Only an audit on images
that were never learned from or chosen by says how good it is, and for whom.
{problems}
"""


def quantized_card(config: Mapping[str, Any]) -> str:
    """Write the card of a quantized model, in Markdown.

    Parameters
    ----------
    config : mapping
        The contents of its `config.json`.
    """
    export = config["export"]
    graphs = "\n".join(
        f"| {name} | {graph['bytes'] / 1e6:.1f} MB | {graph['max']:.4f} | {graph['p99']:.4f} | "
        f"{percent(graph['within'])} | {percent(graph['same'])} |"
        for name, graph in export["graphs"].items()
    )
    return f"""# A model in 8-bit integers

Model {config["parent"][:12]} with weights and activations rounded to 8 bits, to be downloaded and
run in a browser. Its first three convolutions, its last layer and its softmax are in float32.
Ranges, and what the biases take away of the rounding, were measured on {export["calibrated_on"]}
images of its training split.

## How far it is from Keras
On {export["compared_on"]} images of the audit split, the largest difference in any class's
probability:

| graph | size | largest | 99% are below | images within 0.03 | same class |
|---|---|---|---|---|---|
{graphs}

## Limits
A rounded model is another model. These images say how far it is from the one it was made of, not
how good it is for whom: audit it, and let the gate compare the two.
"""


def _validation_text(values: Mapping[str, float]) -> str:
    if "validation_loss" not in values:
        return "no images"
    accuracy, loss = percent(values["validation_accuracy"]), values["validation_loss"]
    return f"accuracy {accuracy}, loss {loss:.3f}"


def _image_rows(training: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {split} | {kind} | {count} |"
        for split, counts in training["images"].items()
        for kind, count in sorted(counts.items())
    )


def _agreement_rows(training: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {label} | {'no data' if share is None else percent(share)} |"
        for label, share in training["impression_agreement"].items()
    )
