from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from feedback import people


class IsReviewer(BasePermission):
    message = "Triage is for reviewers."

    def has_permission(self, request: Request, view: Any) -> bool:
        return people.is_reviewer(request.user)


class IsMaintainer(BasePermission):
    message = "This is for maintainers."

    def has_permission(self, request: Request, view: Any) -> bool:
        return people.is_maintainer(request.user)
