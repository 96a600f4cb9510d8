from django.db import models
from django.db.models import Q


class ApprovalRuleManager(models.Manager["ApprovalRule"]):
    def current(self) -> "ApprovalRule":
        """The site's rule, to be read. It is one key unless it was changed."""
        return self.first() or ApprovalRule()

    def locked(self) -> "ApprovalRule":
        """The site's rule, locked until the end of the transaction."""
        return self.select_for_update().get_or_create(pk=1)[0]


class ApprovalRule(models.Model):
    """How many different reviewers must agree before an outcome stands. One row per site."""

    ONE, TWO = 1, 2

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveSmallIntegerField(default=ONE)

    objects = ApprovalRuleManager()

    class Meta:
        db_table = "feedback_keys"
        verbose_name_plural = "keys"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="keys_of_one_site"),
            models.CheckConstraint(condition=Q(number__in=(1, 2)), name="one_key_or_two"),
        ]

    def __str__(self) -> str:
        return "two keys" if self.two else "one key"

    @property
    def two(self) -> bool:
        return self.number == self.TWO
