"""Import images from folders, archives, tables or addresses into a dataset.

SOURCE is a folder of class folders (also in folders of splits, such as train/CLASS), an
imagefolder with metadata.jsonl, a .zip or .tar of one of these, a .csv or .jsonl table of path,
label and groups (columns `group:AXIS`), or a folder of LABEL/urls_LABEL.txt with an address per
line. Files are decoded as untrusted input. If the command is interrupted, run it again: it resumes.
See docs/importing.md.
"""

from __future__ import annotations

import ipaddress
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from modeltrain.progress import ProgressCallback
from modeltrain.verbs import Result, add_path_options

_KINDS = ("folders", "imagefolder", "addresses", "archive", "table")


def options(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path)
    add_path_options(
        parser, out="folder of the dataset; its import.jsonl says what became of each file"
    )
    parser.add_argument("--kind", choices=_KINDS, help="what SOURCE is; detected by default")
    parser.add_argument("--labels", help="comma-separated names; the source's by default")
    parser.add_argument("--root", type=Path, help="folder to which a table's paths are relative")
    parser.add_argument("--path-column", help="a table's column of paths")
    parser.add_argument("--label-column", help="a table's column of labels")
    parser.add_argument("--audit-share", type=float, default=0.2, help="0.2 by default")
    parser.add_argument("--validation-share", type=float, default=0.1, help="0.1 by default")
    web = parser.add_argument_group("addresses")
    web.add_argument("--per-host", type=int, default=2, help="connections at once; 2 by default")
    web.add_argument(
        "--pause", type=float, default=0.5, help="seconds between requests; 0.5 by default"
    )
    web.add_argument(
        "--most-addresses",
        type=int,
        default=10,
        help="addresses that may share an image before it counts as a placeholder; 10 by default",
    )
    web.add_argument(
        "--allow-address",
        action="append",
        default=[],
        type=ipaddress.ip_network,
        metavar="NETWORK",
        help="private network to allow all the same, such as 10.1.0.0/16; repeatable",
    )
    web.add_argument(
        "--allow-port",
        action="append",
        default=[],
        type=int,
        metavar="PORT",
        help="allowed besides 80 and 443; repeatable",
    )


def run(args: Namespace, progress: ProgressCallback) -> Result:
    from modeltrain.importing import import_images, journal, sources
    from modeltrain.importing.fetch import FetchRules

    labels = args.labels.split(",") if args.labels else ()
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
            labels=labels,
            rules=rules,
        ),
        args.out,
        labels=labels,
        audit_share=args.audit_share,
        validation_share=args.validation_share,
        max_addresses=args.most_addresses,
        progress=progress,
    )
    dataset = imported.dataset
    return {
        "dataset": str(dataset.path),
        "list": str(dataset.path / journal.JOURNAL_FILE),
        "labels": dict(sorted(Counter(row.label for row in dataset.rows).items())),
        **{name.replace(" ", "_"): count for name, count in imported.counts.items()},
        "problems": imported.problems,
    }
