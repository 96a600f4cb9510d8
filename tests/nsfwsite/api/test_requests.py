import pytest
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from nsfwsite.api.requests import validated_data


class Decision(serializers.Serializer):
    outcome = serializers.ChoiceField(choices=["accepted", "rejected"])


def request(body: str) -> Request:
    posted = APIRequestFactory().post("/", body, content_type="application/json")
    return Request(posted, parsers=[JSONParser()])


def test_only_the_fields_of_the_call_are_read() -> None:
    body = '{"outcome": "accepted", "by": "somebody"}'
    assert validated_data(Decision, request(body)) == {"outcome": "accepted"}


@pytest.mark.parametrize("body", ["{}", '{"outcome": "perhaps"}'])
def test_a_field_that_is_missing_or_wrong_is_named(body) -> None:
    with pytest.raises(ValidationError) as refused:
        validated_data(Decision, request(body))
    assert list(refused.value.detail) == ["outcome"]


def test_json_that_is_nested_too_deeply_is_refused_and_breaks_nothing() -> None:
    with pytest.raises(ParseError, match="nested"):
        validated_data(Decision, request("[" * 100_000))
