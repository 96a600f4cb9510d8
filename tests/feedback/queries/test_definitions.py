import pytest

from feedback import queries
from feedback.models import Definition, Objection
from modeltrain.labels import LABELS

pytestmark = pytest.mark.django_db


def test_the_shipped_definition_is_version_1_until_it_is_revised(mona) -> None:
    shipped = queries.definitions.definition_of("sexy")
    assert (shipped.version, shipped.pk) == (1, None)
    for version in (2, 3):
        Definition.objects.create(
            label="sexy", version=version, meaning=f"Meaning {version}.", reason="Clearer.", by=mona
        )
    assert queries.definitions.definition_of("sexy").version == 3
    versions = queries.definitions.all_versions()
    assert [definition.version for definition in versions["sexy"]] == [3, 2, 1]
    assert set(versions) == set(LABELS)
    assert len(versions["porn"]) == 1


def test_withdrawn_objections_are_neither_open_nor_decided(mona) -> None:
    fields = {"label": "sexy", "version": 1}
    waiting = Objection.objects.create(**fields, words="Too wide.")
    Objection.objects.create(**fields, status="withdrawn")
    assert list(queries.definitions.open_objections()) == [waiting]
    assert not queries.definitions.decided_objections().exists()
