from typing import Any

from django.http import Http404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from feedback import roles


class _NeedsRole(BasePermission):
    def has_role(self, user: Any) -> bool:
        raise NotImplementedError

    def has_permission(self, request: Request, view: Any) -> bool:
        if self.has_role(request.user):
            return True
        if request.user.is_authenticated and view.kwargs:
            raise Http404  # nobody learns which of other people's things exist
        return False


class IsReviewer(_NeedsRole):
    message = "Triage is for reviewers."

    def has_role(self, user: Any) -> bool:
        return roles.is_reviewer(user)


class IsMaintainer(_NeedsRole):
    message = "This is for maintainers."

    def has_role(self, user: Any) -> bool:
        return roles.is_maintainer(user)
