from typing import Any, NoReturn

from django.db import models


class Rewritten(TypeError):
    """Lines are written to the end of such a table, and nowhere else."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **changes: Any) -> NoReturn:
        raise _refused(self.model)

    def delete(self) -> NoReturn:
        raise _refused(self.model)


class AppendOnly(models.Model):
    """A row that is never changed or deleted."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise _refused(type(self))
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _refused(type(self))


def _refused(model: type[models.Model]) -> Rewritten:
    many = str(model._meta.verbose_name_plural).capitalize()
    return Rewritten(f"{many} are never changed or deleted. Write another.")
