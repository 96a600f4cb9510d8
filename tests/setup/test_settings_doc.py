"""docs/settings.md is written from the declarations."""

from nsfwsite import env
from setup import settings_doc


def test_the_page_is_up_to_date() -> None:
    assert settings_doc.out_of_date() == []


def test_every_setting_has_one_line_with_its_default() -> None:
    lines = settings_doc.page().splitlines()
    for declaration in env.declarations:
        (line,) = [line for line in lines if line.startswith(f"| `{declaration.name}` |")]
        assert declaration.default in line


def test_a_page_that_was_edited_by_hand_is_reported(monkeypatch, tmp_path, capsys) -> None:
    edited = tmp_path / "settings.md"
    edited.write_text(settings_doc.page() + "\n")
    monkeypatch.setattr(settings_doc, "PAGE", edited)
    assert settings_doc.main(["--check"]) == 1
    assert "Run: python setup/settings_doc.py" in capsys.readouterr().out
    assert settings_doc.main([]) == 0
    assert settings_doc.main(["--check"]) == 0
