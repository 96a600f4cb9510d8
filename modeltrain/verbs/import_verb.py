"""Get images from folders, archives, tables or addresses into a dataset.

SOURCE is a folder of class folders, an imagefolder with metadata.jsonl, a .zip or .tar of class
folders, a .csv or .jsonl table of path, label and groups (`group:AXIS` columns in a .csv), or a
folder of LABEL/urls_LABEL.txt with an address a line. Files are decoded as a stranger's. Stopped,
the same command goes on where it was. docs/importing.md says more.
"""

from __future__ import annotations

import ipaddress
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, paths

_KINDS = ("folders", "imagefolder", "addresses", "archive", "table")


def options(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path)
    paths(parser, out="folder of the dataset; import.jsonl in it tells of each thing")
    parser.add_argument("--kind", choices=_KINDS, help="what SOURCE is; found by itself")
    parser.add_argument(
        "--labels", help="names with commas between them; the source's unless given"
    )
    parser.add_argument("--root", type=Path, help="what a table's paths are relative to")
    parser.add_argument("--path-column", help="a table's name for the path")
    parser.add_argument("--label-column", help="a table's name for the label")
    parser.add_argument("--audit-share", type=float, default=0.2, help="0.2 unless given")
    parser.add_argument("--validation-share", type=float, default=0.1, help="0.1 unless given")
    web = parser.add_argument_group("addresses")
    web.add_argument("--per-host", type=int, default=2, help="at once; 2 unless given")
    web.add_argument("--pause", type=float, default=0.5, help="seconds; 0.5 unless given")
    web.add_argument(
        "--most-addresses",
        type=int,
        default=10,
        help="from which one picture may come before it counts as a placeholder; 10 unless given",
    )
    web.add_argument(
        "--allow-address",
        action="append",
        default=[],
        type=ipaddress.ip_network,
        metavar="NETWORK",
        help="may be connected to, though not public, such as 10.1.0.0/16; may be repeated",
    )
    web.add_argument(
        "--allow-port",
        action="append",
        default=[],
        type=int,
        metavar="PORT",
        help="besides 80 and 443; may be repeated",
    )


def run(args: Namespace, report: ProgressCallback) -> Result:
    from modeltrain.importing import import_images, journal, sources
    from modeltrain.importing.fetch import FetchRules

    rules = FetchRules(
        per_host=args.per_host,
        pause=args.pause,
        ports=(80, 443, *args.allow_port),
        allowed=tuple(args.allow_address),
    )
    imported = import_images(
        sources.read(
            args.source,
            kind=args.kind,
            root=args.root,
            columns=(args.path_column, args.label_column),
            rules=rules,
        ),
        args.out,
        labels=args.labels.split(",") if args.labels else None,
        audit_share=args.audit_share,
        validation_share=args.validation_share,
        max_addresses=args.most_addresses,
        progress=report,
    )
    made = imported.dataset
    return {
        "dataset": str(made.path),
        "list": str(made.path / journal.JOURNAL_FILE),
        "labels": dict(sorted(Counter(row.label for row in made.rows).items())),
        **{name.replace(" ", "_"): count for name, count in imported.counts.items()},
        "problems": imported.problems,
    }
