"""Labels of the newest retrain's data that the other images speak against."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from feedback import queries
from nsfwsite.access import reviewer_required
from nsfwsite.tables.doubtful_label_tables import doubtful_counts
from nsfwsite.tables.titles import load_titles

DOUBTS_SHOWN = 100


@never_cache
@reviewer_required
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    review = queries.doubtful_labels.newest_review()
    label, axis, value = (request.GET.get(name, "") for name in ("label", "axis", "value"))
    doubts = [
        doubt
        for doubt in (review.doubts if review else [])
        if (not label or doubt.label == label) and (not axis or doubt.groups.get(axis) == value)
    ]
    context = {
        "review": review,
        "doubts": doubts[:DOUBTS_SHOWN],
        "count": len(doubts),
        "narrowed": label or value,
        "counts": doubtful_counts(review.counts, load_titles()) if review else [],
    }
    return render(request, "pages/doubtful_labels.html", context)
