import pytest

from modeltrain.gate.sentences import cell_name, cell_sentence, points, verdict_sentence

OPTIONS = {"margin": 0.05, "minimum": 30}


def cell(finding, axis="class", value="neutral", **changes):
    """3 of 120 wrong before and 17 of 120 now, unless `changes` say otherwise."""
    figures = {
        "axis": axis,
        "value": value,
        "n": 120,
        "champion_wrong": 3,
        "candidate_wrong": 17,
        "difference": 14 / 120,
        "low": 0.0632,
        "high": 0.1867,
        "newly_wrong": 14,
        "p_value": 1 / 8192,
        "needed": 1234,
        "required": True,
        "exception": None,
        "finding": finding,
    } | changes
    return figures | {"sentence": cell_sentence(figures, **OPTIONS)}


FIGURES = "3 of 120 before, 17 of 120 now (+12 points, 6 to 19)"


def test_cells_are_called_by_their_images():
    assert cell_name({"axis": "overall", "value": "all"}) == "all images"
    assert cell_name({"axis": "class", "value": "porn"}) == "porn images"
    assert cell_name({"axis": "skin_tone", "value": "dark"}) == "images with skin tone dark"
    pair = {"axis": "skin_tone and gender", "value": "dark and woman"}
    assert cell_name(pair) == "images with skin tone dark and gender woman"
    with pytest.raises(ValueError, match="shorter"):
        cell_name({"axis": "tone and gender", "value": "dark"})


def test_points_have_a_true_minus_and_a_sign_only_if_asked():
    assert [points(share) for share in (0.123, -0.031, 0.0, 0.004, -0.004)] == [
        "12",
        "−3",
        "0",
        "0",
        "0",
    ]
    assert [points(share, signed=True) for share in (0.123, -0.031, 0.004, 0.01)] == [
        "+12",
        "−3",
        "0",
        "+1",
    ]


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (
            cell("worse"),
            f"Blocked: neutral images are wrong more often: {FIGURES}; by chance alone in about 1 "
            "in 8,192 such audits.",
        ),
        (
            cell("worse", p_value=1e-4),
            f"Blocked: neutral images are wrong more often: {FIGURES}; by chance alone in about 1 "
            "in 10,000 such audits.",
        ),
        (
            cell("worse", p_value=0.9e-4),
            f"Blocked: neutral images are wrong more often: {FIGURES}; by chance alone in fewer "
            "than 1 in 10,000 such audits.",
        ),
        (
            cell("cannot tell"),
            "Blocked: it cannot be told whether neutral images are wrong more often by 5 points or "
            f"more: {FIGURES}. If they are not, about 1,234 such images would show it.",
        ),
        (
            cell("not worse"),
            f"Pass: neutral images are not wrong more often by 5 points: {FIGURES}.",
        ),
        (
            cell("not worse", newly_wrong=0),
            f"Pass: none of the neutral images is newly wrong: {FIGURES}.",
        ),
        (
            cell("not worse", "overall", "all", newly_wrong=0),
            f"Pass: no image is newly wrong: {FIGURES}.",
        ),
        (
            cell("insufficient data", n=29),
            "Insufficient data: there are 29 neutral images, and 30 are needed.",
        ),
        (
            cell("insufficient data", n=1),
            "Insufficient data: there is 1 neutral images, and 30 are needed.",
        ),
        (
            cell("insufficient data", n=0),
            "Insufficient data: no neutral images in the audit set.",
        ),
        (
            cell("insufficient data", n=0, exception="Relabelled since."),
            "Does not decide (Relabelled since). Insufficient data: no neutral images in the audit "
            "set.",
        ),
    ],
)
def test_every_finding_has_a_sentence(figures, sentence):
    assert figures["sentence"] == sentence


def verdict(name, *cells):
    return verdict_sentence(name, cells, margin=0.05)


def test_a_pass_names_the_margin():
    assert verdict("pass", cell("not worse")) == (
        "Pass: no class or group with enough images is wrong more often by 5 points or more."
    )


def test_the_worst_cell_is_named_and_the_rest_counted():
    worse = cell("worse")
    assert verdict("blocked", worse, cell("not worse", value="porn")) == worse["sentence"]
    worst = cell("worse", "tone", "dark", difference=0.3)
    beginning = worst["sentence"].removesuffix(".")
    assert verdict("blocked", worse, worst) == f"{beginning}; 1 more cell is worse."
    assert verdict("blocked", worst, worse, worse) == f"{beginning}; 2 more cells are worse."
    assert verdict("blocked", worse, cell("cannot tell", value="porn"), worst) == (
        f"{beginning}; 1 more cell is worse; it cannot be told for porn images."
    )


def test_all_images_are_named_only_if_no_group_is_worse():
    overall = cell("worse", "overall", "all", difference=0.9)
    group = cell("worse", "tone", "dark", difference=0.1)
    assert verdict("blocked", overall).startswith("Blocked: all images are wrong more often")
    assert verdict("blocked", overall, group).startswith("Blocked: images with tone dark are")


def test_open_cells_are_listed_up_to_four():
    def open_cells(count):
        return [cell("cannot tell", value=f"c{n}") for n in range(count)]

    def sentence(names):
        return (
            f"Blocked: it cannot be told whether {names} are wrong more often by 5 points or more."
        )

    assert verdict("blocked", *open_cells(1)) == sentence("c0 images")
    assert verdict("blocked", *open_cells(2)) == sentence("c0 images and c1 images")
    assert verdict("blocked", *open_cells(4)) == sentence(
        "c0 images, c1 images, c2 images and c3 images"
    )
    assert verdict("blocked", *open_cells(5)) == sentence(
        "c0 images, c1 images, c2 images and 2 more"
    )


def test_cells_that_do_not_decide_are_not_named():
    exempt = cell("worse", "tone", "dark", exception="Why.", difference=0.9)
    worse = cell("worse")
    assert verdict("blocked", exempt, worse) == worse["sentence"]


def test_required_cells_without_enough_images_are_named():
    short = [
        cell("insufficient data", value="porn", n=0),
        cell("insufficient data", value="sexy", n=0),
        cell("insufficient data", n=12),
        cell("insufficient data", "tone", "dark", n=0),
        cell("insufficient data", "tone", "light", n=3, required=False),
        cell("not worse", value="drawings"),
    ]
    assert verdict("insufficient data", *short) == (
        "Insufficient data: no images of porn and sexy; too few neutral images and images with "
        "tone dark."
    )
    assert verdict("insufficient data", short[0]) == "Insufficient data: no images of porn."
    assert verdict("insufficient data", short[2]) == "Insufficient data: too few neutral images."
