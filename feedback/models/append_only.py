from typing import Any, NoReturn

from django.db import models


class AppendOnlyViolation(TypeError):
    """Rows of an append-only table cannot be changed or deleted."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **changes: Any) -> NoReturn:
        raise _violation(self.model)

    def delete(self) -> NoReturn:
        raise _violation(self.model)


class AppendOnly(models.Model):
    """A row that is never changed or deleted."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise _violation(type(self))
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _violation(type(self))


def _violation(model: type[models.Model]) -> AppendOnlyViolation:
    rows = str(model._meta.verbose_name_plural).capitalize()
    return AppendOnlyViolation(f"{rows} are never changed or deleted. Write another.")
