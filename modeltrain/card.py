"""A model's card: what it was made from, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(config: Mapping[str, Any]) -> str:
    """Write the card of a retrained model, in Markdown.

    Parameters
    ----------
    config : mapping
        What its `config.json` holds.
    """
    training = config["training"]
    images = "\n".join(
        f"| {split} | {what} | {count} |"
        for split, counts in training["images"].items()
        for what, count in sorted(counts.items())
    )
    kept = "\n".join(
        f"| {label} | {'no data' if share is None else f'{share:.1%}'} |"
        for label, share in training["impression_agreement"].items()
    )
    return f"""# A retrained head

The last three layers of model {config["parent"][:12]}, trained further with config
`{config["name"]}` (seed {training["config"]["seed"]}) on the dataset with SHA-256
{training["manifest_sha256"]}. Everything below them is bit-identical to that model.

| split | images | count |
|---|---|---|
{images}

Kept: epoch {training["epoch_kept"]}, decided by {training["stopped_by"]}.

## What it kept of classes that nobody reported

No image of these classes was used. Of made-up features that the previous model answers with a
class, this share is still answered with it. It says how much of the previous head is left; it is
not an error rate on images.

| class | same answer |
|---|---|
{kept}
"""
