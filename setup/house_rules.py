"""Rules this project makes for itself. Each says what to do instead."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setup import settings_doc
from setup.steps import ROOT

PACKAGES = ("feedback", "nsfwsite", "worker", "modeltrain")
# Who may use the environment besides nsfwsite/env.py, and why.
USES_ENVIRONMENT = {
    "nsfwsite/wsgi.py": "tells Django which settings to read",
    "worker/celery.py": "tells Django which settings to read",
    "modeltrain/__main__.py": "TensorFlow reads its log level when it is imported",
    "modeltrain/training/compare_backends.py": "Keras reads its backend when it is imported",
}
NAMES_FIVE = {"drawings", "hentai", "neutral", "porn", "sexy"}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def no_bare_delay(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"delay", "apply_async"}:
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
            given = {word.arg for word in getattr(decorator, "keywords", [])}
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
            words = {value.value for value in values if isinstance(value, ast.Constant)}
            if len(words & NAMES_FIVE) > 2:
                yield f"{path}:{node.lineno} lists labels. Take them from modeltrain.labels."


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
    if path == Path("nsfwsite/env.py") or str(path) in USES_ENVIRONMENT:
        return
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(tree):
        by_attribute = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in names
        )
        by_import = (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and not names.isdisjoint(alias.name for alias in node.names)
        )
        if by_attribute or by_import:
            yield (
                f"{path}:{node.lineno} reads the environment. Declare a setting in "
                "nsfwsite/env.py and pass its value on."
            )


def stored_images_are_deleted_in_one_file(path: Path, tree: ast.Module) -> Iterator[str]:
    if path == Path("feedback/services/images.py"):
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "delete"):
            continue
        owner = ast.unparse(node.value)
        if "StoredImage.objects" in owner or ".file" in owner or "storages['images']" in owner:
            yield (
                f"{path}:{node.lineno} deletes a stored image. Call delete_image, delete_images or "
                "delete_file of feedback/services/images.py."
            )


def main() -> int:
    problems = [
        problem
        for path, tree in modules()
        for rule in (
            no_bare_delay,
            tasks_have_limits,
            one_file_knows_the_labels,
            packages_import_only_each_other,
            settings_are_read_in_one_file,
            stored_images_are_deleted_in_one_file,
        )
        for problem in rule(path, tree)
    ]
    problems += settings_doc.out_of_date()
    print("\n".join(problems))
    return min(len(problems), 1)


if __name__ == "__main__":
    sys.exit(main())
