"""Links in the docs lead somewhere; those that do not are named with what to do."""

import pytest

from setup import links


@pytest.fixture
def docs(tmp_path, monkeypatch):
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "audits.md").write_text(
        "# Audits\n\n## Who's in `n`?\n\n## Same\n\n## Same\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        "docs/audits.md",
        "docs/audits.md#whos-in-n",
        "docs/audits.md#same-1",
        "docs/",
        "#a-page",
        "https://example.org/nowhere",
        "mailto:somebody@example.org",
    ],
)
def test_a_link_that_leads_somewhere_is_fine(docs, link):
    page = docs / "README.md"
    page.write_text(f"# A page\n\n[text]({link})\n")
    assert list(links.broken_links(page)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[text](docs/audit.md)", "docs/audit.md leads to no file"),
        ("[text](docs/audits.md#same-2)", "docs/audits.md#same-2 leads to no heading"),
        ("[text](#nothing)", "#nothing leads to no heading. The page has: #a-page"),
        ("![chart](chart.svg)", "chart.svg leads to no file"),
        ("[text][ref]\n\n[ref]: gone.md", "gone.md leads to no file"),
        ("| a |\n|---|\n| [text](gone.md) |", "gone.md leads to no file"),
        ("[text](../outside.md)", "../outside.md leads to no file"),
    ],
)
def test_a_dead_link_is_named(docs, text, problem):
    (docs.parent / "outside.md").write_text("")
    page = docs / "README.md"
    page.write_text(f"# A page\n\n{text}\n")
    (line,) = links.broken_links(page)
    assert line.startswith(f"README.md: {problem}")


def test_a_link_in_code_is_text(docs):
    page = docs / "README.md"
    page.write_text("`[text](gone.md)`\n\n```\n[text](gone.md)\n```\n")
    assert list(links.broken_links(page)) == []
