"""What a call of the API needs: a role of the person, and a scope of the token.

A view says in `scope` which part of the API it belongs to, or None where any token will do.
"""

from typing import Any, cast

from django.http import Http404
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from feedback import roles
from feedback.models import ApiToken
from feedback.services import api_tokens
from feedback.services.api_tokens import Scope


def scopes_of(view: Any, method: str) -> list[Scope]:
    """The scopes of which a token needs one. `read` opens whatever changes nothing."""
    if view.scope is None:
        return []
    return [view.scope] + [Scope.READ] * (method in SAFE_METHODS and view.scope != Scope.READ)


class HasScope(BasePermission):
    """Whoever sends no token is bound by the role alone."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = cast("ApiToken | None", request.auth)
        if token is not None:
            api_tokens.require_scope(token, scopes_of(view, request.method or ""))
        return True


class _NeedsRole(HasScope):
    def has_role(self, user: Any) -> bool:
        raise NotImplementedError

    def has_permission(self, request: Request, view: Any) -> bool:
        if self.has_role(request.user):
            return super().has_permission(request, view)
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
