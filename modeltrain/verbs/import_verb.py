"""Get images from folders, archives or tables into a dataset.

SOURCE is a folder of class folders, an imagefolder with metadata.jsonl, a .zip or .tar of class
folders, or a .csv or .jsonl table of path, label and groups (`group:AXIS` columns in a .csv). Files
are decoded as a stranger's. Stopped, the same command goes on where it was.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from modeltrain.progress import Report
from modeltrain.verbs import Result, paths


def options(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path)
    paths(parser, out="folder of the dataset; import.jsonl in it tells of each file")
    parser.add_argument(
        "--labels", help="names with commas between them; the source's unless given"
    )
    parser.add_argument("--root", type=Path, help="what a table's paths are relative to")
    parser.add_argument("--path-column", help="a table's name for the path")
    parser.add_argument("--label-column", help="a table's name for the label")
    parser.add_argument("--audit-share", type=float, default=0.2, help="0.2 unless given")
    parser.add_argument("--validation-share", type=float, default=0.1, help="0.1 unless given")


def run(args: Namespace, report: Report) -> Result:
    from modeltrain.importing import images, sources

    columns = None
    if args.path_column or args.label_column:
        columns = (args.path_column or "path", args.label_column or "label")
    imported = images.import_images(
        sources.read(args.source, root=args.root, columns=columns),
        args.out,
        labels=args.labels.split(",") if args.labels else None,
        audit_share=args.audit_share,
        validation_share=args.validation_share,
        progress=report,
    )
    made = imported.dataset
    return {
        "dataset": str(made.path),
        "list": str(made.path / images.JOURNAL),
        "met": len(imported.met),
        "taken": dict(sorted(Counter(row.label for row in made.rows).items())),
        "problems": imported.problems,
    }
