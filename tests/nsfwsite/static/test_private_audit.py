"""What the browser counts is what `modeltrain` counts."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from modeltrain.audit import evaluate, fairness
from modeltrain.audit.evaluate import Predicted
from modeltrain.labels import LABELS, NSFW

SOURCES = Path(__file__).resolve().parents[3] / "nsfwsite" / "static" / "src" / "private_audit"
MEASURES = ("error", "false_alarm", "miss", "confusion")


def node(script: str, given: object) -> object:
    """What a script prints that imports from the folder of sources; `given` is its input."""
    read = 'import { readFileSync } from "node:fs"; const given = JSON.parse(readFileSync(0));'
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", read + script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=SOURCES,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def close(rate: dict, wanted: dict) -> None:
    assert (rate["count"], rate["n"]) == (wanted["count"], wanted["n"])
    for name in ("rate", "low", "high"):
        assert rate[name] == (wanted[name] and pytest.approx(wanted[name], abs=1e-12))


def test_a_share_and_its_interval_are_those_of_modeltrain():
    sizes = [0, 1, 2, 7, 30, 31, 645, 5000]
    counts = [(count, n) for n in sizes for count in {0, 1, n // 3, n - 1, n} if 0 <= count <= n]
    rates = node(
        'import { rate } from "./count.js";'
        "console.log(JSON.stringify(given.map(([count, n]) => rate(count, n))));",
        counts,
    )
    for (count, n), rate in zip(counts, rates, strict=True):
        close(rate, fairness.rate(count=count, n=n))


def test_every_cell_is_that_of_an_audit():
    chance = random.Random(7)
    predicted = []
    for number in range(400):
        chosen = chance.choice(LABELS)
        groups = {"of": chance.choice(["one", "two", "a few"])} if number % 9 else {}
        scores = {label: float(label == chosen) for label in LABELS}
        expected = chance.choice(LABELS[:1] if number < 20 else LABELS)
        predicted.append(Predicted(f"{number:064x}", str(number), expected, groups, scores))
    wanted = evaluate.audit(predicted)
    figures = node(
        'import { count } from "./count.js";'
        "console.log(JSON.stringify(count(given.answers, given.rules)));",
        {
            "answers": [
                {
                    "group": answer.groups.get("of"),
                    "expected": answer.expected,
                    "label": answer.predicted,
                    "sha256": answer.sha256,
                }
                for answer in predicted
            ],
            "rules": {"explicit": sorted(NSFW), "minimum": wanted["minimum"]},
        },
    )
    assert figures["groups"].keys() == wanted["groups"]["of"].keys()
    for here, there in [
        (figures["overall"], wanted["overall"]),
        *((figures["groups"][name], cell) for name, cell in wanted["groups"]["of"].items()),
    ]:
        assert (here["n"], here["enough"]) == (there["n"], there["enough"])
        for measure in MEASURES:
            close(here[measure], there[measure])


def test_pictures_without_a_right_label_are_counted_as_flagged_alone():
    figures = node(
        'import { count } from "./count.js";'
        "console.log(JSON.stringify(count(given.answers, given.rules)));",
        {
            "answers": [
                {"group": "one", "expected": None, "label": label, "sha256": label}
                for label in LABELS
            ],
            "rules": {"explicit": sorted(NSFW), "minimum": 30},
        },
    )
    cell = figures["groups"]["one"]
    assert (cell["flagged"]["count"], cell["flagged"]["n"], cell["enough"]) == (3, 5, False)
    assert {cell[measure]["rate"] for measure in MEASURES} == {None}


def test_exact_copies_count_once_as_those_of_a_cluster_count_as_one_different_image():
    def copies(group: str, different: int, of_each: int) -> list[dict[str, str]]:
        return [
            {
                "group": group,
                "expected": "neutral",
                "label": "porn" if number % 2 else "neutral",
                "sha256": f"{number:064x}",
            }
            for number in range(different)
            for _ in range(of_each)
        ]

    def counted(minimum: int) -> dict:
        answers = copies("one", 29, 40) + copies("two", 30, 2)
        return node(
            'import { count } from "./count.js";'
            "console.log(JSON.stringify(count(given.answers, given.rules)));",
            {"answers": answers, "rules": {"explicit": sorted(NSFW), "minimum": minimum}},
        )

    figures = counted(30)
    short, enough = figures["groups"]["one"], figures["groups"]["two"]
    assert (short["n"], short["enough"]) == (29, False)
    assert (enough["n"], enough["enough"]) == (30, True)
    close(enough["false_alarm"], fairness.rate(count=15, n=30))
    assert figures["overall"]["n"] == 30  # the same files are in both groups
    public = evaluate.audit(
        [
            Predicted(
                f"{number:064x}",
                answer["sha256"],
                "neutral",
                {"of": answer["group"]},
                {label: float(label == answer["label"]) for label in LABELS},
            )
            for number, answer in enumerate(copies("one", 29, 40) + copies("two", 30, 2))
        ]
    )["groups"]["of"]
    for name, cell in figures["groups"].items():
        assert cell["enough"] == public[name]["enough"]
        assert cell["n"] == public[name]["error"]["clusters"]
        assert cell["error"]["rate"] == pytest.approx(public[name]["error"]["rate"])


def test_a_file_with_two_labels_counts_under_both():
    answers = [
        {"group": "one", "expected": label, "label": "neutral", "sha256": "a" * 64}
        for label in ("neutral", "porn", "porn")
    ]
    figures = node(
        'import { count } from "./count.js";'
        "console.log(JSON.stringify(count(given.answers, given.rules)));",
        {"answers": answers, "rules": {"explicit": sorted(NSFW), "minimum": 30}},
    )
    cell = figures["groups"]["one"]
    assert (cell["false_alarm"]["n"], cell["miss"]["n"], cell["miss"]["count"]) == (1, 1, 1)


def test_folders_say_the_group_and_the_label():
    paths = [
        "mine/elderly/neutral/a.JPG",
        "mine/elderly/b.png",
        "mine/Drawings/children/c.webp",
        "mine/d.gif",
        "mine/elderly/notes.txt",
        "mine/elderly/empty.png",
        "mine/.DS_Store",
    ]
    files = [{"path": path, "size": 0 if "empty" in path else 9} for path in paths]
    folder = node(
        'import { sorted } from "./folder.js";'
        "const { images, passed } = sorted(given.files, given.labels);"
        "console.log(JSON.stringify({ passed,"
        " images: images.map((image) => [image.path, image.group, image.expected]) }));",
        {"files": files, "labels": LABELS},
    )
    assert folder["images"] == [
        ["mine/Drawings/children/c.webp", "children", "drawings"],
        ["mine/d.gif", None, None],
        ["mine/elderly/b.png", "elderly", None],
        ["mine/elderly/neutral/a.JPG", "elderly", "neutral"],
    ]
    assert folder["passed"] == [
        {"path": "mine/elderly/empty.png", "why": "empty"},
        {"path": "mine/elderly/notes.txt", "why": "not an image, by its name"},
    ]


def test_a_file_name_is_never_a_formula_in_a_spreadsheet():
    text = node(
        'import { csv } from "./csv.js"; console.log(JSON.stringify(csv(given)));',
        [["=SUM(A1)", 'say "hi"', "a,b", 0.5, None], ["-1 x", -1]],
    )
    assert text == '\'=SUM(A1),"say ""hi""","a,b",0.5,\r\n\'-1 x,-1\r\n'


def test_a_chart_says_for_whom_most_unless_all_groups_are_alike():
    def text(*shares: float) -> object:
        cells = {
            name: {"flagged": {"n": 40, "rate": rate, "low": rate / 2, "high": rate * 2}}
            for name, rate in zip(("cats", "dogs"), shares, strict=True)
        }
        return node(
            'import { finding } from "./figures.js";'
            "console.log(JSON.stringify(finding({ groups: given }, 'flagged', 30)));",
            cells,
        )

    assert text(0.3, 0.01) == "Flagged is most frequent for cats (30.0%) and least for dogs (1.0%)"
    assert text(0.3, 0.2).endswith("; their ranges overlap, so this may be chance")
    assert text(0.0, 0.0) == ("Flagged: 0.0% in every group of 30 different images or more")
