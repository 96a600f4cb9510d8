"""A journal survives a kill: what was appended is there, a line that was cut off is not."""

from modeltrain.importing import journal
from modeltrain.importing.items import ImportRefused, SourceItem
from modeltrain.importing.journal import ImportRecord, Journal

CAT = ImportRecord("a.png", "cat", {"medium": "photo"}, sha256="a" * 64)


def test_what_was_appended_is_read_again_by_source_and_label(tmp_path):
    path = tmp_path / journal.JOURNAL_FILE
    first = Journal(path)
    assert first.earlier == {}
    first.append(CAT)
    assert Journal(path).earlier == {("a.png", "cat"): CAT}  # although it was not closed
    first.close()


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / journal.JOURNAL_FILE
    journal.write(path, [CAT])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    resumed = Journal(path)
    assert list(resumed.earlier.values()) == [CAT]
    dog = ImportRecord("b.png", "dog")
    resumed.append(dog)
    resumed.close()
    assert list(Journal(path).earlier.values()) == [CAT, dog]


def test_a_line_of_another_shape_is_passed_over(tmp_path):
    path = tmp_path / journal.JOURNAL_FILE
    path.write_text('[]\n{"source": "a.png"}\n{"source": "a", "label": "b", "x": 1}\n')
    assert Journal(path).earlier == {}


def test_a_record_says_what_became_of_an_item():
    item = SourceItem("a.png", "cat", groups={"medium": "photo"}, web=True)
    taken = journal.record(item, sha256="a" * 64)
    assert (taken.outcome, taken.sha256, taken.web, taken.rule) == ("taken", "a" * 64, True, "")
    refused = ImportRefused("An image must be whole.", "half of one", "Send it again.")
    left_out = journal.record(item, refused=refused)
    assert (left_out.outcome, left_out.sha256) == ("left out", "")
    assert (left_out.rule, left_out.received, left_out.remedy) == (
        "An image must be whole.",
        "half of one",
        "Send it again.",
    )
