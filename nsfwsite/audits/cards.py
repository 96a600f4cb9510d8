"""Cards in Markdown, with the metadata block that the Hugging Face Hub reads.

Everything in them is a fact from the database or from a file named by its hash.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml

from feedback import queries
from feedback.models import Audit, DatasetVersion, ModelVersion, Retrain
from feedback.services import confirmations
from feedback.services.gaps import open_gaps
from modeltrain.audit import claims
from modeltrain.data import manifest
from modeltrain.formatting import interval, percent
from modeltrain.labels import LABELS
from nsfwsite.audits.open_gaps import notes
from nsfwsite.tables import audit_tables
from nsfwsite.tables.titles import load_titles

CONTENT_TYPE = "text/markdown; charset=utf-8"
MARKDOWN = set("\\`*_{}[]<>#+-!|")

LIMITS = """## Limits

A label is what the model says, not what an image is. Groups with fewer different images than the
minimum read not enough images: nothing is known of them. Reports find problems and estimate no
rate; every rate here is from audit images that no model here learnt from."""
ORIGIN = """## Where they come from

Reported images were handed over with consent to keep them and to train on them, and a reviewer
agreed with the label. They are private: this card and the hash are public, the images are not. Who
withdraws a report takes its images out of the next version. Anchors are the demo's photographs."""


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _front_matter(metadata: dict[str, Any]) -> str:
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n"


def _quoted(text: str) -> str:
    """What a person wrote, as a quotation in which nothing is markup."""
    escaped = "".join(f"\\{char}" if char in MARKDOWN else char for char in text)
    return "\n".join(f"> {line}" for line in escaped.splitlines())


def _share(measure: dict[str, Any]) -> str:
    """A cell of the table of figures."""
    if not measure["n"]:
        return "no such images"
    if not measure["enough"]:
        return "not enough images"
    counted = f"{measure['count']} of {measure['n']}"
    return f"{percent(measure['rate'])} ({interval(measure['low'], measure['high'])}; {counted})"


def model_card(model: ModelVersion) -> str:
    """Write a model's card: what it is, where from, how it was judged, what is not known."""
    audit, retrain = queries.audits.audit_of(model), queries.models.retrain_of(model)
    finished_audit = audit if audit and audit.status == Audit.Status.DONE else None
    source = _source(model)
    parts = [
        _front_matter(_metadata(model, finished_audit, source)),
        f"# Model {model.version}: {model.title}\n",
        _open_gaps(model),
        "Inception v3 that sorts images into "
        f"{', '.join(LABELS)}. Status: {model.status}. Artifact SHA-256 `{model.sha256}`.",
        _origin(model, retrain, source),
        _figures(finished_audit),
        _verdict(retrain),
        LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _open_gaps(model: ModelVersion) -> str:
    """What the card of the model in service begins with, if a gap is open."""
    if model.status != ModelVersion.Status.CHAMPION:
        return ""
    return "\n\n".join(
        f"## {note['title']}: an open gap\n\n{note['sentence']}"
        for note in notes(open_gaps(), load_titles())
    )


def _source(model: ModelVersion) -> dict[str, Any]:
    path = model.folder / "config.json"
    source = json.loads(path.read_text()).get("source") if path.is_file() else None
    return source or {}


def _metadata(model: ModelVersion, audit: Audit | None, source: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "license": str(source.get("licence", "other")).lower(),
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "tags": ["nsfw", "inception-v3", "fairness"],
    }
    if audit and audit.figures:
        error = audit.figures["overall"]["error"]
        if error["rate"] is not None:
            metric = {"type": "accuracy", "value": round(1 - error["rate"], 4)}
            dataset = {
                "name": audit.audit_set.name,
                "type": audit.audit_set.name,
                "revision": audit.audit_set.manifest_sha256,
            }
            result = {
                "task": {"type": "image-classification"},
                "dataset": dataset,
                "metrics": [metric],
            }
            metadata["model-index"] = [{"name": f"SpeakUp {model.version}", "results": [result]}]
    return metadata


def _origin(model: ModelVersion, retrain: Retrain | None, source: dict[str, Any]) -> str:
    lines = ["## Where it comes from\n"]
    if source.get("package"):
        lines.append(
            f"Weights of the npm package {source['package']} {source['version']} "
            f"({source['licence']}), SHA-256 `{source['weights_sha256']}`."
        )
    if retrain:
        dataset = retrain.dataset
        lines.append(
            f"Retrained from {retrain.base.version} by the recipe `{retrain.recipe}` on {dataset}, "
            f"{dataset.images} images, manifest `{dataset.manifest_sha256}`."
        )
    return "\n".join(lines)


def _figures(audit: Audit | None) -> str:
    if audit is None or not audit.figures:
        return "## Figures\n\nIt was not audited yet: nothing can be said."
    lines = [
        f"## Figures\n\nAudit set {audit.audit_set.name}, {audit.figures['images']} images, "
        f"manifest `{audit.audit_set.manifest_sha256}`. Shares with 95% ranges."
    ]
    titles = load_titles()
    headlines = [
        f"- {claims.sentence(headline, titles)}"
        for headline in audit.figures.get("headlines", [])
        if headline["measure"] != claims.ERROR
    ]
    lines.append("\n".join(headlines))
    for section in audit_tables.sections(audit.figures, titles, not_stated=True):
        head = [section["title"], "images", *audit_tables.MEASURES.values()]
        rows = [[row["name"], row["n"], *map(_share, row["measures"])] for row in section["rows"]]
        lines.append(_table(head, rows))
    return "\n\n".join(filter(None, lines))


def _verdict(retrain: Retrain | None) -> str:
    if retrain is None or not retrain.gate:
        return ""
    text = f"## The gate\n\n{retrain.gate['sentence']}"
    for gap in retrain.gate.get("gaps", []):
        text += f"\n\n{gap['sentence']}"
    confirmation = confirmations.current_confirmation(retrain)
    if confirmation and confirmation.gate:
        text += (
            f"\n\nOn the confirmation set {confirmation.audit_set.name}: "
            f"{confirmation.gate['sentence']}"
        )
    if retrain.recomputed_gate:
        text += (
            f"\n\nRecomputed under version {retrain.recomputed_gate['policy']['version']} of the "
            f"policy, {retrain.recomputed_at:%Y-%m-%d}: {retrain.recomputed_gate['sentence']} The "
            "verdict at the time, which the decision rests on, is the one above."
        )
    if retrain.decided_by:
        name = retrain.decided_by.get_full_name() or retrain.decided_by.get_username()
        text += f"\n\n{retrain.status.capitalize()} by {name}, {retrain.decided_at:%Y-%m-%d}."
    if retrain.acknowledged_gaps:
        text += " Confirmed to have read what is said above of gaps."
    if retrain.override_reason:
        text += f" The reason given:\n\n{_quoted(retrain.override_reason)}"
    return text


def dataset_card(dataset: DatasetVersion) -> str:
    """Write a dataset's card: what is in it, where from, and what of it may be had."""
    rows = manifest.read(dataset.manifest)
    labels = Counter((row.label, row.split, row.source == "report") for row in rows)
    groups = Counter(pair for row in rows for pair in row.groups.items())
    titles = load_titles()
    retrains = Retrain.objects.filter(dataset=dataset, candidate__isnull=False)
    versions = [f"v{number}" for number in retrains.values_list("candidate__number", flat=True)]
    metadata = {
        "license": "other",
        "task_categories": ["image-classification"],
        "size_categories": [_size(len(rows))],
        "tags": ["nsfw", "community-reported"],
    }
    parent = f", made from {dataset.parent}" if dataset.parent else ""
    label_rows = [
        [label, split, "reported" if reported else "anchor", count]
        for (label, split, reported), count in sorted(labels.items())
    ]
    group_rows = [
        [f"{titles.axis(axis)} {titles.group(axis, group)}", count]
        for (axis, group), count in sorted(groups.items())
    ]
    parts = [
        _front_matter(metadata),
        f"# Dataset {dataset.number}\n",
        f"{len(rows)} images{parent}, {dataset.added} of them new. Manifest "
        f"`{dataset.manifest_sha256}`.",
        _table(["label", "split", "from", "images"], label_rows),
        "## Groups\n\nAs reporters and reviewers stated them; none is guessed by software.",
        _table(["group", "images"], group_rows),
        ORIGIN,
        f"## Models that learnt from it\n\n{', '.join(versions) or 'None yet.'}",
    ]
    return "\n\n".join(parts) + "\n"


def _size(count: int) -> str:
    if count < 1000:
        return "n<1K"
    return "1K<n<10K" if count < 10_000 else "10K<n<100K"
