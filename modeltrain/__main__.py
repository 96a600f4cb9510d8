"""`python -m modeltrain`: from images to a judged model, one verb at a time."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from modeltrain import progress, verbs

SOME_LEFT_OUT = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns
    -------
    int
        0 on success; 1 after a refusal, which is explained; 2 for a mistyped command; 3 if some
        items were left out, which the result's `problems` lists.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that temporary folders are deleted
    args = parser().parse_args(argv)
    reporter = progress.reporter(json_lines=args.json_progress)
    try:
        result = verbs.load(args.verb).run(args, reporter)
    except (ValueError, OSError) as error:  # every refusal of this package is a ValueError
        reporter.fail(str(error))
        return 1
    finally:
        reporter.close()
    reporter.finish(result, "Done")
    return SOME_LEFT_OUT if result.get("problems") else 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    root = argparse.ArgumentParser(
        prog="python -m modeltrain",
        description=f"{__doc__}\n\n{_guide()}",
        epilog="`python -m modeltrain VERB --help` says what a verb takes. docs/recipe.md walks "
        "through them. Exit status: 0 done, 1 refused, 2 mistyped, 3 done with items left out.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = root.add_subparsers(
        required=True, dest="verb", metavar="VERB", help=argparse.SUPPRESS
    )
    for names in verbs.GUIDE.values():
        for name in names:
            verb = verbs.load(name)
            subparser = subparsers.add_parser(
                name,
                description=verb.__doc__,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            subparser.add_argument(
                "--json-progress", action="store_true", help="JSON lines on stdout"
            )
            verb.options(subparser)
    return root


def _guide() -> str:
    lines = []
    for heading, names in verbs.GUIDE.items():
        lines += [f"{heading}:"]
        lines += [f"  {name:11}{verbs.load(name).__doc__.splitlines()[0]}" for name in names]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
