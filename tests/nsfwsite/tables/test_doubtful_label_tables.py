from nsfwsite.tables.doubtful_label_tables import doubtful_counts
from nsfwsite.tables.titles import Titles


def test_each_row_leads_to_its_own_labels() -> None:
    cell = {"images": 40, "doubtful": 1}
    counts = {"labels": {"porn": cell}, "groups": {"tone": {"dark & warm": cell}}}
    titles = Titles({"tone": "Skin tone"}, {("tone", "dark & warm"): "Dark"})
    labels, tones = doubtful_counts(counts, titles)
    assert labels == {"title": "Label", "rows": [{"name": "porn", "query": "label=porn", **cell}]}
    assert tones["title"] == "Skin tone"
    assert tones["rows"] == [{"name": "Dark", "query": "axis=tone&value=dark+%26+warm", **cell}]
