from nsfwsite.tables.titles import Titles, load_titles


def test_a_name_stands_in_for_an_unknown_title():
    titles = Titles({"tone": "Skin tone"}, {("tone", "dark"): "Dark"})
    assert (titles.axis("tone"), titles.axis("age")) == ("Skin tone", "age")
    assert (titles.group("tone", "dark"), titles.group("age", "dark")) == ("Dark", "dark")


def test_all_titles_are_read_at_once(axes, django_assert_num_queries) -> None:
    with django_assert_num_queries(2):
        titles = load_titles()
        assert titles.axis("medium") == "Medium"
        assert titles.axis("class") == "Right label"
        assert titles.group("medium", "vector") != "vector"
