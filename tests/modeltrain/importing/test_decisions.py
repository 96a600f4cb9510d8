"""What is there more than once is decided on together, so that no order matters."""

from random import Random

import pytest

from modeltrain.importing.decisions import decide
from modeltrain.importing.journal import Met
from tests.modeltrain.importing.conftest import PETS, imported, jpeg, met, told


def page(number, sha256="a" * 64, label="cats", pdq=""):
    """A picture of the web."""
    return Met(f"http://host/{number:02}", label, sha256=sha256, pdq=pdq, web=True)


def outcomes(things, most_addresses=10):
    return [each.outcome for each in decide(things, most_addresses=most_addresses)]


def test_an_exact_copy_is_taken_once_and_told_of_which(pets, tmp_path):
    (pets / "cats" / "9.jpg").write_bytes(jpeg(0))
    assert imported(tmp_path / "out", pets) == (0, PETS)
    assert met(tmp_path / "out")["cats/9.jpg"]["outcome"] == "copy"
    assert met(tmp_path / "out")["cats/9.jpg"]["received"] == "copy of cats/0.jpg"


def test_one_picture_under_two_labels_is_left_out_under_both_and_both_are_named(pets, tmp_path):
    (pets / "dogs" / "9.jpg").write_bytes(jpeg(0))
    status, found = imported(tmp_path / "out", pets)
    assert (status, found["cats"]) == (3, {"cats/1.jpg", "cats/2.jpg"})
    said = told(tmp_path / "out")
    assert set(said) == {"cats/0.jpg", "dogs/9.jpg"}
    assert said["cats/0.jpg"] == said["dogs/9.jpg"]
    assert said["dogs/9.jpg"].endswith("cats (cats/0.jpg) and dogs (dogs/9.jpg)")


def test_a_picture_of_more_than_ten_addresses_is_a_placeholder_everywhere():
    assert outcomes([page(n) for n in range(10)]) == ["taken"] + ["copy"] * 9
    assert outcomes([page(n) for n in range(11)]) == ["left out"] * 11


def test_addresses_count_whatever_their_label():
    shown = [page(n, label="cats" if n % 2 else "dogs") for n in range(11)]
    decided = decide(shown, most_addresses=10)
    assert {each.rule.split(":")[0] for each in decided} == {"A picture may come from 10 addresses"}
    assert {each.received for each in decided} == {"11"}


def test_one_address_under_two_labels_counts_once():
    shown = [page(n, label=label) for n in range(6) for label in ("cats", "dogs")]
    assert {each.rule for each in decide(shown, most_addresses=10)} == {
        "A picture must have one label."
    }


@pytest.mark.parametrize(("bits", "outcome"), [(31, "left out"), (32, "taken")])
def test_pictures_that_look_alike_count_together(bits, outcome):
    other = f"{(1 << bits) - 1:064x}"
    shown = [page(n, sha256=f"{n:064x}", pdq=other if n else "0" * 64) for n in range(11)]
    assert outcomes(shown)[0] == outcome


def test_copies_on_this_machine_are_no_placeholders():
    files = [Met(f"cats/{n:02}.jpg", "cats", sha256="a" * 64) for n in range(20)]
    assert outcomes(files) == ["taken"] + ["copy"] * 19


def test_what_was_left_out_before_stays_left_out():
    broken = Met("x", "cats", outcome="left out", rule="An image must be whole.")
    assert decide([broken], most_addresses=10) == [broken]


def test_no_order_matters_nor_what_was_decided_before():
    things = [page(n) for n in range(12)]
    things += [page(n, sha256=f"{n % 3:064x}", label="dogs") for n in range(20, 26)]
    things += [page(40, sha256=f"{0:064x}")]
    expected = decide(things, most_addresses=10)
    assert {each.outcome for each in expected} == {"taken", "copy", "left out"}
    for seed in range(5):
        shuffled = [*things]
        Random(seed).shuffle(shuffled)
        assert decide(shuffled, most_addresses=10) == expected
        assert decide(decide(shuffled, most_addresses=10), most_addresses=10) == expected
