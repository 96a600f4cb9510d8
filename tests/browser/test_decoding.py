"""Server and browser read the same pixels out of every file of docs/decoding.md."""

import pytest

from bench.decoding_table import table, with_table
from bench.two_decoders import decoder_in
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "decoding.md"


@pytest.fixture(scope="module")
def current_table(browser) -> str:
    page = browser.new_page()
    yield table(decoder_in(page))
    page.close()


def test_the_table_is_what_both_decoders_do(current_table) -> None:
    page = PAGE.read_text()
    assert with_table(page, current_table) == page


def test_no_file_gets_two_answers(current_table) -> None:
    rows = [row.split("|") for row in current_table.splitlines()[2:]]
    assert len(rows) > 180
    assert {cells[-2].strip() for cells in rows} == {"", "0", "1"}
