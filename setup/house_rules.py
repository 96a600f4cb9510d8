"""Rules this project makes for itself. Each says what to do instead."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup import settings_doc
from setup.steps import ROOT

PACKAGES = ("feedback", "nsfwsite", "worker", "modeltrain")
PALETTE = "nsfwsite/static/src/palette.json"
BESIDE_THEM = ("bench", "docs", "setup")
# Who may use the environment besides nsfwsite/env.py, and why.
USES_ENVIRONMENT = {
    "nsfwsite/wsgi.py": "tells Django which settings to read",
    "worker/celery.py": "tells Django which settings to read",
    "modeltrain/__main__.py": "TensorFlow reads its log level when it is imported",
    "modeltrain/training/compare_backends.py": "Keras reads its backend when it is imported",
    "feedback/services/backups.py": "pg_dump reads its password from it",
}
# Modules of modeltrain that import inside a function although they are no verb, and why.
IMPORTS_LATER = {
    "modeltrain/network/quantize.py": "without images it refuses before Keras loads",
}
NAMES_FIVE = {"drawings", "hentai", "neutral", "porn", "sexy"}
# Public classes of one name in several modules, and why.
SHARED_CLASS_NAMES = {"Command": "Django looks management commands up by this name"}
# A colour of a style, a script or a chart.
COLOUR = re.compile(
    r"(?<!href=\")#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b"
    r"|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch)a?\(",
    re.IGNORECASE,
)
NAMED_COLOUR = re.compile(
    r"(?<![\w-])(?:white|black|gr[ae]y|silver|red|green|blue|orange|yellow|purple|brown)(?![\w-])"
)
# Numbers from 400 to 599 in the site that are no HTTP statuses.
OTHER_NUMBERS = {
    "nsfwsite/settings.py": {448: "the octal 0o700, the mode of a folder"},
    "nsfwsite/audits/charts/heatmap.py": {420: "pixels"},
}
STATUS_NAME = re.compile(
    r"HttpResponse(BadRequest|Forbidden|NotFound|NotAllowed|Gone|ServerError)|HTTP_[45]\d\d_\w+"
)
# A % behind a number: of printf, of str.format, and as a format of its own, such as ".1%".
PERCENT_TEMPLATE = re.compile(r"%[-+#0 ]*[\d.]*[dfgrs]\s?%%|\{[^{}]*%\}|\{[^{}]*\}\s?%")
PERCENT_FORMAT = re.compile(r"[-+<>^ ]*\d*,?\.\d+%")
PERCENT_IN_SCRIPT = re.compile(r"""\} ?%|\+ ?["'`] ?%["'`]|style: ?["']percent["']""")
PERCENT_IN_TEMPLATE = re.compile(r"\}\} ?%(?!\})")


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def no_bare_delay(path: Path, tree: ast.Module) -> Iterator[str]:
    if path == Path("worker/schedule.py"):
        return  # at the start of a worker no transaction is open
    sends = {"delay", "apply_async", "send_task"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in sends:
            yield (
                f"{path}:{node.lineno} uses .{node.attr}: a worker may start before the "
                "transaction ends. Use .delay_on_commit."
            )


def tasks_have_limits(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if "shared_task" not in ast.unparse(decorator):
                continue
            given = {
                word.arg
                for word in getattr(decorator, "keywords", [])
                if not (isinstance(word.value, ast.Constant) and word.value.value is None)
            }
            if missing := sorted({"name", "soft_time_limit", "time_limit"} - given):
                yield f"{path}:{node.lineno} {node.name} lacks {', '.join(missing)}. Add it."
            if not node.name.endswith("_task"):
                yield f"{path}:{node.lineno} {node.name}: name a task …_task."


def one_file_knows_the_labels(path: Path, tree: ast.Module) -> Iterator[str]:
    if path == Path("modeltrain/labels.py"):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
            values = node.keys if isinstance(node, ast.Dict) else node.elts
            # Pairs too, as Django's choices have them.
            parts = [part for value in values if value for part in _elements(value)]
            words = {part.value for part in parts if isinstance(part, ast.Constant)}
            if len(words & NAMES_FIVE) > 2:
                yield f"{path}:{node.lineno} lists labels. Take them from modeltrain.labels."


def _elements(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.Tuple, ast.List)):
        return node.elts
    return [node] if isinstance(node, ast.expr) else []


def packages_import_only_each_other(path: Path, tree: ast.Module) -> Iterator[str]:
    """Import-linter sees the four packages; nothing beside them may link them."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            folder = name.split(".")[0]
            if folder not in PACKAGES and any((ROOT / folder).glob("**/*.py")):
                yield (
                    f"{path}:{node.lineno} imports {name}, which is none of the four packages. "
                    "Move it into one of them."
                )


def settings_are_read_in_one_file(path: Path, tree: ast.Module) -> Iterator[str]:
    """Nothing else uses `os.environ`, whatever it calls `os`, or django-environ."""
    if path == Path("nsfwsite/env.py") or str(path) in USES_ENVIRONMENT:
        return
    readers = {"*", "environ", "environb", "getenv", "getenvb"}
    os_names = set(_names_of("os", tree))
    for node in ast.walk(tree):
        by_attribute = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in os_names
            and node.attr in readers
        )
        by_import = (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and not readers.isdisjoint(alias.name for alias in node.names)
        )
        by_library = any(name.split(".")[0] == "environ" for name in _imported(node))
        if by_attribute or by_import or by_library:
            yield (
                f"{path}:{node.lineno} reads the environment. Declare a setting in "
                "nsfwsite/env.py and pass its value on."
            )


def _names_of(module: str, tree: ast.Module) -> Iterator[str]:
    """What a file calls a module: `system`, if it has `import os as system`."""
    for node in ast.walk(tree):
        for alias in node.names if isinstance(node, ast.Import) else []:
            if alias.name == module or (alias.name.startswith(f"{module}.") and not alias.asname):
                yield alias.asname or module


def _imported(node: ast.AST) -> list[str]:
    """The full names of what a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def modeltrain_imports_at_the_top(path: Path, tree: ast.Module) -> Iterator[str]:
    """Only its verbs import inside a function; docs/adr/0018 says why."""
    if path.parts[0] != "modeltrain" or "verbs" in path.parts or str(path) in IMPORTS_LATER:
        return
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield f"{path}:{node.lineno} imports inside {function.name}. Import at the top."


def one_file_knows_the_statuses(path: Path, tree: ast.Module) -> Iterator[str]:
    """Nothing else says which HTTP status an error has, by number, class or constant.

    `Http404` and `PermissionDenied` are fine: Django knows their statuses.
    """
    if path == Path("nsfwsite/refusal_status.py"):
        return
    site = path.parts[0] == "nsfwsite"
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"status", "status_code"}:
            numbers = list(ast.walk(node.value)) if not site else []
        else:
            numbers = [node] if site else []
        by_number = any(_is_status(number, path) for number in numbers)
        by_name = any(
            STATUS_NAME.fullmatch(getattr(node, field, None) or "")
            for field in ("id", "attr")
            if isinstance(getattr(node, field, None), str)
        )
        by_constant = isinstance(node, ast.Attribute) and "HTTPStatus" in ast.unparse(node.value)
        by_import = any(
            STATUS_NAME.fullmatch(name.rpartition(".")[2])
            or f"{name}.".startswith("rest_framework.status.")
            for name in _imported(node)
        )
        by_alias = (
            isinstance(node, ast.ImportFrom)
            and node.module == "http"
            and any(alias.asname for alias in node.names)
        )
        if by_number or by_name or by_constant or by_import or by_alias:
            line = node.value.lineno if isinstance(node, ast.keyword) else node.lineno
            yield (
                f"{path}:{line} says which HTTP status an error has. Raise a refusal of "
                "feedback/errors.py, and give its status in nsfwsite/refusal_status.py."
            )


def _is_status(node: ast.AST, path: Path) -> bool:
    return (
        isinstance(node, ast.Constant)
        and type(node.value) is int
        and 400 <= node.value <= 599
        and node.value not in OTHER_NUMBERS.get(str(path), {})
    )


def percentages_have_one_formatter(path: Path, tree: ast.Module) -> Iterator[str]:
    """Nothing else writes a % behind a number."""
    if path == Path("modeltrain/formatting.py"):
        return
    draws_ticks = path.is_relative_to("nsfwsite/audits/charts")  # Vega-Lite writes them
    lines = set()
    for node in ast.walk(tree):
        wrong = False
        if isinstance(node, ast.JoinedStr):
            wrong = any(
                isinstance(value, ast.FormattedValue) and _starts_with_percent(text)
                for value, text in pairwise(node.values)
            )
        elif isinstance(node, ast.FormattedValue) and node.format_spec:
            wrong = ast.unparse(node.format_spec).rstrip("'\"").endswith("%")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            wrong = _starts_with_percent(node.right)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            wrong = bool(
                PERCENT_TEMPLATE.search(node.value)
                or (PERCENT_FORMAT.fullmatch(node.value) and not draws_ticks)
            )
        if wrong:
            lines.add(node.lineno)
    for line in sorted(lines):
        yield (
            f"{path}:{line} formats a percentage. Call percent, whole_percent or "
            "exact_percent of modeltrain/formatting.py."
        )


def _starts_with_percent(node: ast.AST) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and bool(re.match(r"\s?%(?!\w)", text))


def pages_and_scripts_have_one_formatter() -> Iterator[str]:
    """What `percentages_have_one_formatter` says of Python, for scripts and templates."""
    for path in sorted((ROOT / "nsfwsite").rglob("*")):
        relative = path.relative_to(ROOT)
        if "build" in relative.parts or relative.name == "format.js":
            continue
        if path.suffix in {".js", ".mjs"}:
            yield from _percentages_in(relative, path.read_text(), PERCENT_IN_SCRIPT, "format.js")
        elif path.suffix == ".html":
            yield from _percentages_in(
                relative, path.read_text(), PERCENT_IN_TEMPLATE, "the filter “percent”"
            )


def _percentages_in(path: Path, text: str, pattern: re.Pattern[str], remedy: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line):
            yield f"{path}:{number} formats a percentage. Use {remedy}."


def stored_images_are_deleted_in_one_file(path: Path, tree: ast.Module) -> Iterator[str]:
    if path == Path("feedback/services/images.py"):
        return
    querysets = _querysets_of_images(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "delete"):
            continue
        owner = ast.unparse(node.value)
        # `image` is a StoredImage wherever a model has such a field.
        stored = re.search(r"StoredImage\b|\.file\b|storages\['images'\]|\bimages?$", owner)
        if stored or owner in querysets:
            yield (
                f"{path}:{node.lineno} deletes a stored image. Call delete_image, delete_images or "
                "delete_file of feedback/services/images.py."
            )


def _querysets_of_images(tree: ast.Module) -> set[str]:
    """The names that are given a query for stored images."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "StoredImage.objects" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def colours_come_from_the_palette(path: Path, tree: ast.Module) -> Iterator[str]:
    """Charts name a colour of `palette.json`, and never write one down."""
    if path.parts[0] != "nsfwsite":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _colours_in(f"{path}:{node.lineno}", node.value, COLOUR)


def pages_and_scripts_take_colours_from_the_palette() -> Iterator[str]:
    """What `colours_come_from_the_palette` says of Python, for styles, scripts and templates.

    An image of its own, such as `mark.svg`, cannot refer to the palette, but has its colours.
    """
    palette = frozenset(COLOUR.findall((ROOT / PALETTE).read_text()))
    for path in sorted((ROOT / "nsfwsite").rglob("*")):
        relative = path.relative_to(ROOT)
        if "build" in relative.parts or path.suffix not in {".css", ".html", ".js", ".mjs", ".svg"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            own = palette if path.suffix == ".svg" else frozenset()
            place = f"{relative}:{number}"
            yield from _colours_in(place, line, COLOUR, allowed=own)
            if path.suffix == ".css" and (value := re.match(r"\s*[\w-]+:(.*);", line)):
                yield from _colours_in(place, value[1], NAMED_COLOUR)


def _colours_in(
    place: str, text: str, pattern: re.Pattern[str], *, allowed: Iterable[str] = ()
) -> Iterator[str]:
    for colour in pattern.findall(text):
        if colour not in allowed:
            yield f"{place} has the colour {colour}. Name one of {PALETTE}, or add it there."


def public_classes_have_names_of_their_own() -> Iterator[str]:
    """One class for one name, so that a search for it finds one thing."""
    modules_of: dict[str, list[str]] = {}
    for path, tree in modules(*PACKAGES):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules_of.setdefault(node.name, []).append(str(path))
    for name, paths in modules_of.items():
        if len(paths) > 1 and name not in SHARED_CLASS_NAMES:
            yield f"{' and '.join(paths)} each have a class {name}. Name each after what it is."


RULES = (
    no_bare_delay,
    tasks_have_limits,
    one_file_knows_the_labels,
    packages_import_only_each_other,
    settings_are_read_in_one_file,
    modeltrain_imports_at_the_top,
    one_file_knows_the_statuses,
    percentages_have_one_formatter,
    stored_images_are_deleted_in_one_file,
    colours_come_from_the_palette,
)


def main() -> int:
    problems = [
        problem
        for path, tree in modules(*PACKAGES)
        for rule in RULES
        for problem in rule(path, tree)
    ]
    problems += [
        problem
        for path, tree in modules(*BESIDE_THEM)
        for problem in percentages_have_one_formatter(path, tree)
    ]
    problems += pages_and_scripts_have_one_formatter()
    problems += pages_and_scripts_take_colours_from_the_palette()
    problems += public_classes_have_names_of_their_own()
    problems += settings_doc.out_of_date()
    print("\n".join(problems))
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main())
