"""`python -m modeltrain`: from images to a judged model, one verb at a time."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from enum import IntEnum

from modeltrain import progress, verbs


class Exit(IntEnum):
    """What the exit status of a verb says. A fault of this program is 1, as Python has it."""

    DONE = 0
    REFUSED = 2  # argparse also ends with it, for a mistyped command
    LEFT_OUT = 3
    INTERRUPTED = 130
    TERMINATED = 143


def main(argv: Sequence[str] | None = None) -> Exit:
    """Run one verb.

    Returns
    -------
    Exit
        `LEFT_OUT` if something was left out or is doubtful, which the result's `problems` lists.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    signal.signal(signal.SIGTERM, _terminate)
    args = parser().parse_args(argv)
    reporter = progress.reporter(json_lines=args.json_progress)
    try:
        result = verbs.load(args.verb).run(args, reporter)
    except (ValueError, OSError) as error:  # every refusal of this package is a ValueError
        reporter.fail(str(error))
        return Exit.REFUSED
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would add a traceback
        reporter.fail("Stopped by Ctrl-C. Run the same command again to continue.")
        return Exit.INTERRUPTED
    finally:
        reporter.close()
    reporter.finish(result, "Done")
    return Exit.LEFT_OUT if result.get("problems") else Exit.DONE


def _terminate(*_: object) -> None:
    """End in order, so that temporary folders are deleted."""
    sys.exit(Exit.TERMINATED)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    root = argparse.ArgumentParser(
        prog="python -m modeltrain",
        description=f"{__doc__}\n\n{_guide()}",
        epilog="`python -m modeltrain VERB --help` says what a verb takes. docs/recipe.md walks "
        "through them. Exit status: 0 done, 2 refused or mistyped, 3 done, but something was left "
        "out or is doubtful, 130 stopped by Ctrl-C.",
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
        lines += [f"  {name:16}{verbs.load(name).__doc__.splitlines()[0]}" for name in names]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
