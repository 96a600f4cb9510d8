"""A known vulnerability fails the check; a registry that does not answer is only told."""

import pytest

from setup import advisories

SOUND = {"dependencies": [{"name": "django", "version": "5.2.19", "vulns": []}]}
UNKNOWN = {"dependencies": [{"name": "django", "skip_reason": "not found on PyPI"}]}
VULNERABLE = {
    "dependencies": [
        {
            "name": "pillow",
            "version": "1.0",
            "vulns": [{"id": "CVE-2023-50447", "fix_versions": ["10.2.0"]}],
        }
    ]
}
NODE_SOUND = {"vulnerabilities": {}}
NODE_VULNERABLE = {"vulnerabilities": {"nsfwjs": {"severity": "high", "range": "<4"}}}


@pytest.mark.parametrize(
    ("python", "node", "code", "words"),
    [
        (SOUND, NODE_SOUND, 0, []),
        (VULNERABLE, NODE_SOUND, 1, ["pillow 1.0: CVE-2023-50447, fixed in 10.2.0"]),
        (SOUND, NODE_VULNERABLE, 1, ["nsfwjs: high, in <4"]),
        (UNKNOWN, {"error": {}}, 0, ["warning: PyPI", "warning: the npm registry"]),
        ({}, {}, 0, ["warning: PyPI", "warning: the npm registry"]),
    ],
)
def test_a_finding_fails_and_silence_warns(monkeypatch, capsys, python, node, code, words) -> None:
    # The registries' answers, which no test can rely on.
    answers = {"npm": node}
    monkeypatch.setattr(
        advisories, "answer", lambda command: answers.get(command[0].split("/")[-1], python)
    )
    assert advisories.main() == code
    printed = capsys.readouterr().out
    assert [word for word in words if word not in printed] == []
    assert bool(words) == bool(printed)


def test_a_command_that_prints_no_json_gives_nothing() -> None:
    assert advisories.answer(["echo", "no JSON"]) == {}
    assert advisories.answer(["echo", "[]"]) == {}
    assert advisories.answer(["/no/such/program"]) == {}
