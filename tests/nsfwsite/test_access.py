"""What a page answers when something is refused, and what is read from a form."""

import pytest
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from feedback.errors import AlreadyDecided, TooManyRequests
from nsfwsite import access

REFUSAL = {"rule": "A rule.", "received": "something else", "remedy": "Try again."}


def test_a_refusal_is_a_page_with_its_status_headers_and_a_way_back(db) -> None:
    @access.refusals_as_pages
    def view(request):
        raise TooManyRequests(**REFUSAL, retry_after=7)

    response = view(RequestFactory().post("/report/?image=1"))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    text = response.content.decode()
    assert "Try again." in text
    assert "/report/?image=1" in text
    assert "/report/?image=1" not in view(RequestFactory().get("/report/?image=1")).content.decode()


def test_a_view_that_refuses_nothing_answers_itself() -> None:
    answer = HttpResponse("fine")
    assert access.refusals_as_pages(lambda request: answer)(RequestFactory().get("/")) is answer


def test_a_page_that_shows_a_refusal_or_a_form_again_has_its_status() -> None:
    refused = access.with_refusal(HttpResponse(), AlreadyDecided(**REFUSAL))
    assert refused.status_code == 409
    assert access.with_invalid_form(HttpResponse()).status_code == 422


def test_an_unknown_receipt_is_not_found(filed) -> None:
    report = filed()
    assert access.report_of(report.receipt) == report
    for receipt in ("nothing", report.receipt[:-1], report.receipt.swapcase()):
        with pytest.raises(Http404):
            access.report_of(receipt)


def test_typed_text_is_safe_to_store_and_a_missing_field_is_empty() -> None:
    request = RequestFactory().post("/", {"words": "fine\x00 \u202ereversed"})
    text = access.typed_text(request, "words")
    assert text.startswith("fine")
    assert "\x00" not in text
    assert "\u202e" not in text
    assert access.typed_text(request, "reason") == ""
