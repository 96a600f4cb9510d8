import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from nsfwsite.api.pagination import Pagination


@pytest.mark.parametrize(
    ("query", "size"), [({}, 50), ({"page_size": 7}, 7), ({"page_size": 999}, 200)]
)
def test_a_page_has_as_many_rows_as_asked_for_and_at_most_200(query, size) -> None:
    request = Request(APIRequestFactory().get("/", query))
    assert Pagination().get_page_size(request) == size


@pytest.mark.parametrize("page_size", ["0", "-1", "many", ""])
def test_a_size_that_makes_no_sense_is_the_usual_one(page_size) -> None:
    request = Request(APIRequestFactory().get("/", {"page_size": page_size}))
    assert Pagination().get_page_size(request) == 50
