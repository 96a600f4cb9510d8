from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from feedback import roles


class IsReviewer(BasePermission):
    message = "Triage is for reviewers."

    def has_permission(self, request: Request, view: Any) -> bool:
        return roles.is_reviewer(request.user)


class IsMaintainer(BasePermission):
    message = "This is for maintainers."

    def has_permission(self, request: Request, view: Any) -> bool:
        return roles.is_maintainer(request.user)
