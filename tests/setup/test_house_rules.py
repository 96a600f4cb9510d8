"""The rules of this project: what breaks one is named, with what to do instead."""

import ast
from pathlib import Path

import pytest

from setup import house_rules


def findings(rule, code: str, path: str = "feedback/services/somewhere.py") -> list[str]:
    return list(rule(Path(path), ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "import os\nlimit = os.environ['LIMIT']",
        "import os\nlimit = os.environ.get('LIMIT', '3')",
        "import os\nlimit = os.getenv('LIMIT')",
        "import os\nsubprocess.run(command, env={**os.environ})",
        "from os import environ",
        "from os import getenv as setting",
    ],
)
def test_a_setting_that_is_read_outside_of_its_file_is_a_finding(code):
    rule = house_rules.settings_are_read_in_one_file
    (finding,) = findings(rule, code)
    line = len(code.splitlines())
    assert finding.startswith(f"feedback/services/somewhere.py:{line} reads the environment.")
    assert findings(rule, code, "nsfwsite/env.py") == []


@pytest.mark.parametrize("code", ["import os\nos.nice(10)", "from os import fsync", "x.environ"])
def test_other_uses_of_os_are_fine(code):
    assert findings(house_rules.settings_are_read_in_one_file, code) == []


@pytest.mark.parametrize("path", house_rules.USES_ENVIRONMENT)
def test_a_file_that_may_use_the_environment_does(path, monkeypatch):
    code = (house_rules.ROOT / path).read_text()
    assert findings(house_rules.settings_are_read_in_one_file, code, path) == []
    monkeypatch.delitem(house_rules.USES_ENVIRONMENT, path)
    assert findings(house_rules.settings_are_read_in_one_file, code, path)


@pytest.mark.parametrize(
    "code",
    [
        "image.file.delete()",
        "example.image.file.storage.delete(name)",
        "storages['images'].delete(name)",
        "StoredImage.objects.filter(pk=1).delete()",
    ],
)
def test_a_stored_image_is_deleted_in_one_file(code):
    rule = house_rules.stored_images_are_deleted_in_one_file
    (finding,) = findings(rule, code)
    assert finding.startswith("feedback/services/somewhere.py:1 deletes a stored image.")
    assert findings(rule, code, "feedback/services/images.py") == []
    assert findings(rule, "report.delete()\nstorages['incoming'].delete(name)") == []
