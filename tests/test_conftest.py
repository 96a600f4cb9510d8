"""The order of the tests names what is there."""

from tests.conftest import LONGEST, ROOT


def test_the_longest_files_exist():
    assert [path for path in LONGEST if not (ROOT / path).exists()] == []
