"""A program reads one JSON object a line; a person reads sentences and the result."""

import io
import json
import re
import time

import pytest

from modeltrain.progress import JsonLines, Terminal, reporter


def test_each_step_is_a_line_of_json():
    out = io.StringIO()
    progress = JsonLines(out)
    progress("hashing", 3, 10, "Hashing – é")
    progress.finish({"artifact": "a/b"}, "Trained")
    lines = out.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"stage": "hashing", "done": 3, "total": 10, "message": "Hashing – é"},
        {
            "stage": "done",
            "done": 1,
            "total": 1,
            "message": "Trained",
            "result": {"artifact": "a/b"},
        },
    ]
    assert "é" in lines[0]


def test_a_failure_is_a_stage_of_its_own():
    out = io.StringIO()
    JsonLines(out).fail("A model must have labels.")
    assert json.loads(out.getvalue()) == {"stage": "failed", "message": "A model must have labels."}


def test_without_a_terminal_each_stage_is_said_once_and_the_result_is_json(capsys):
    progress = Terminal()
    for done in (1, 2):
        progress("hashing", done, 2, "Hashing")
    progress("aligning", 1, 1, "Aligning images")
    progress.finish({"pairs": 1}, "Cleaned")
    lines, brace, result = capsys.readouterr().out.partition("{")
    assert lines == "hashing: Hashing\naligning: Aligning images\nCleaned\n"
    assert json.loads(brace + result) == {"pairs": 1}


@pytest.mark.parametrize("terminal", [False, True])
def test_what_a_stage_found_is_printed_whole_wherever_it_is_read(terminal, capsys, monkeypatch):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    sentence = "Pass: no [kind] of mistake rises in any class or group with enough images."
    progress = Terminal()
    progress("gate", 0, 1, "Comparing")
    progress("gate", 1, 1, sentence)
    progress("gate", 1, 1, sentence)
    progress.finish({"verdict": "pass"}, "Done")
    assert capsys.readouterr().out.count(f"gate: {sentence}\n") == 1


def test_without_a_terminal_a_line_every_few_seconds_has_the_time_left(capsys):
    progress = Terminal(log_seconds=0.2)
    for done in range(1, 101):
        progress("hashing", done, 100, "Hashing")
        time.sleep(0.01)
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "hashing: Hashing"
    assert 1 <= len(lines) < 100
    assert all(re.fullmatch(r"hashing: \d+ of 100, \d+ seconds? left", line) for line in lines)


def test_a_reason_that_looks_like_markup_is_printed_as_it_is(capsys):
    Terminal().fail("A label must be one of [bold]cats[/bold].")
    assert capsys.readouterr().out == "A label must be one of [bold]cats[/bold].\n"


def test_the_reporter_fits_who_reads_it():
    assert isinstance(reporter(json_lines=True), JsonLines)
    assert isinstance(reporter(json_lines=False), Terminal)
