"""Equal images are decided on together, so that the order of the import does not matter."""

from random import Random

import pytest

from modeltrain.importing.equal_images import decide
from modeltrain.importing.journal import ImportRecord
from tests.modeltrain.importing.conftest import PETS, journal_lines, jpeg, left_out, run_import


def web_image(number, sha256="a" * 64, label="cats", pdq=""):
    return ImportRecord(f"http://host/{number:02}", label, sha256=sha256, pdq=pdq, web=True)


def outcomes(records):
    return [record.outcome for record in decide(records, max_addresses=10)]


def test_an_exact_copy_is_recorded_with_its_original(pets, tmp_path):
    (pets / "cats" / "9.jpg").write_bytes(jpeg(0))
    assert run_import(tmp_path / "out", pets) == (0, PETS)
    assert journal_lines(tmp_path / "out")["cats/9.jpg"]["outcome"] == "copy"
    assert journal_lines(tmp_path / "out")["cats/9.jpg"]["received"] == "copy of cats/0.jpg"


def test_an_image_under_two_labels_is_left_out_under_both_and_both_are_named(pets, tmp_path):
    (pets / "dogs" / "9.jpg").write_bytes(jpeg(0))
    status, taken = run_import(tmp_path / "out", pets)
    assert (status, taken["cats"]) == (3, {"cats/1.jpg", "cats/2.jpg"})
    reasons = left_out(tmp_path / "out")
    assert set(reasons) == {"cats/0.jpg", "dogs/9.jpg"}
    assert reasons["cats/0.jpg"] == reasons["dogs/9.jpg"]
    assert reasons["dogs/9.jpg"].endswith("cats (cats/0.jpg) and dogs (dogs/9.jpg)")


def test_an_image_from_more_than_ten_addresses_is_a_placeholder_everywhere():
    assert outcomes([web_image(n) for n in range(10)]) == ["taken"] + ["copy"] * 9
    assert outcomes([web_image(n) for n in range(11)]) == ["left out"] * 11


def test_addresses_are_counted_whatever_their_label():
    records = [web_image(n, label="cats" if n % 2 else "dogs") for n in range(11)]
    decided = decide(records, max_addresses=10)
    assert {record.rule.split(":")[0] for record in decided} == {
        "An image may come from 10 addresses"
    }
    assert {record.received for record in decided} == {"11"}


def test_one_address_under_two_labels_counts_once():
    records = [web_image(n, label=label) for n in range(6) for label in ("cats", "dogs")]
    assert {record.rule for record in decide(records, max_addresses=10)} == {
        "An image must have one label."
    }


@pytest.mark.parametrize(("bits", "outcome"), [(31, "left out"), (32, "taken")])
def test_images_that_look_alike_are_counted_together(bits, outcome):
    other_pdq = f"{(1 << bits) - 1:064x}"
    records = [
        web_image(n, sha256=f"{n:064x}", pdq=other_pdq if n else "0" * 64) for n in range(11)
    ]
    assert outcomes(records)[0] == outcome


def test_copies_in_local_files_are_not_placeholders():
    files = [ImportRecord(f"cats/{n:02}.jpg", "cats", sha256="a" * 64) for n in range(20)]
    assert outcomes(files) == ["taken"] + ["copy"] * 19


def test_an_item_without_pixels_stays_left_out():
    broken = ImportRecord("x", "cats", outcome="left out", rule="An image must be whole.")
    assert decide([broken], max_addresses=10) == [broken]


def test_outcomes_depend_neither_on_order_nor_on_earlier_outcomes():
    records = [web_image(n) for n in range(12)]
    records += [web_image(n, sha256=f"{n % 3:064x}", label="dogs") for n in range(20, 26)]
    records += [web_image(40, sha256=f"{0:064x}")]
    expected = decide(records, max_addresses=10)
    assert {record.outcome for record in expected} == {"taken", "copy", "left out"}
    for seed in range(5):
        shuffled = [*records]
        Random(seed).shuffle(shuffled)
        assert decide(shuffled, max_addresses=10) == expected
        assert decide(decide(shuffled, max_addresses=10), max_addresses=10) == expected
