from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """What a program shows to act for its owner. The secret itself is stored nowhere."""

    class Scope(models.TextChoices):
        READ = "read", "Read what its owner may read, and change nothing"
        CLASSIFY = "classify", "Classify images, as a detector for Misskey too"
        REPORT = "report", "File reports, follow them and withdraw them"
        TRIAGE = "triage", "List the reports that wait, and decide them"
        MAINTAIN = "maintain", "Propose and decide retrains, and manage webhooks"

    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_on = models.DateField(
        null=True, blank=True, help_text="Its last day (UTC). Earlier kinds of tokens have none."
    )
    last_used_on = models.DateField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"token {self.pk}"

    @property
    def is_expired(self) -> bool:
        return self.expires_on is not None and self.expires_on < timezone.localdate()
