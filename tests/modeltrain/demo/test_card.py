from modeltrain.data.manifest import Row
from modeltrain.demo.card import card


def rows(count, label, source, **groups):
    return [Row(f"{source}{n}", label, groups, "audit", f"{source} {n}", "c") for n in range(count)]


PHOTOGRAPHS = ("GCompris", "Lomiri wallpapers", "Palapeli", "scikit-learn", "Tux Paint stamps")


def test_images_are_counted_by_source_label_and_group():
    pool = rows(3, "drawings", "OpenMoji", skin_tone="dark")
    audit = rows(2, "drawings", "Twemoji", skin_tone="light") + rows(1, "neutral", "Palapeli")
    lines = card(pool, audit).splitlines()
    assert "| OpenMoji | drawings | 3 | 0 |" in lines
    assert "| Twemoji | drawings | 0 | 2 |" in lines
    assert "| Palapeli | neutral | 0 | 1 |" in lines
    assert "| all | | 3 | 3 |" in lines
    assert "| label | drawings | 3 | 2 |" in lines
    assert "| skin_tone | dark | 3 | 0 |" in lines
    assert "| skin_tone | not stated | 0 | 1 |" in lines


def test_sources_without_photographs_are_named_and_only_they():
    audit = [row for source in PHOTOGRAPHS for row in rows(1, "neutral", source)]
    assert "Photographs are missing" not in card([], audit)
    without = [row for row in audit if not row.source.startswith(("GCompris", "Palapeli"))]
    assert "built:\nGCompris, Palapeli. If too few" in card([], without)
