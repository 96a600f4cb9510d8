from django.db import models

SLICE = "slice"  # the axis of the regions that maintainers name


class Axis(models.Model):
    """A property in which images differ, such as medium or skin tone."""

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=80)
    explanation = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "axes"

    def __str__(self) -> str:
        return self.title


class AxisValue(models.Model):
    """One group on an axis, such as medium=vector."""

    axis = models.ForeignKey(Axis, on_delete=models.CASCADE, related_name="values")
    name = models.SlugField()
    title = models.CharField(max_length=80)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["axis", "name"], name="one_value_a_name")]

    def __str__(self) -> str:
        return f"{self.axis.name}={self.name}"
