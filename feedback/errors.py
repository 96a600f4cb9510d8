"""Every refusal has a name. It states the rule, the value received, and what to do instead.

`nsfwsite/refusal_status.py` maps each refusal to its HTTP status.
"""

from collections.abc import Mapping


class Refusal(Exception):
    """A request that is not carried out, and why."""

    title = "This was refused"

    def __init__(self, *, rule: str, received: str, remedy: str) -> None:
        super().__init__(f"{rule} Received: {received}. {remedy}")
        self.rule = rule
        self.received = received
        self.remedy = remedy


class ImageRefused(Refusal):
    """An image cannot be used; `code` is that of the decoder's `DecodeError`."""

    title = "The image cannot be used"

    def __init__(self, *, rule: str, received: str, remedy: str, code: str = "") -> None:
        super().__init__(rule=rule, received=received, remedy=remedy)
        self.code = code


class ImagesRefused(ImageRefused):
    """Some images of a report cannot be used, so nothing of it was stored."""

    def __init__(self, broken: Mapping[str, ImageRefused]) -> None:
        super().__init__(
            rule="A report is filed whole: with all of its images, or not at all.",
            received="; ".join(f"{place}: {refusal}" for place, refusal in broken.items()),
            remedy="Leave these out or mend them, and send the report again.",
        )
        self.broken = broken
        self.title = f"{len(broken)} image{'s' * (len(broken) > 1)} cannot be used"


class Unreadable(Refusal):
    title = "The request cannot be read"


class Unencrypted(Refusal):
    title = "This is not encrypted"


class TokenRefused(Refusal):
    """A token of the API is unknown, expired, revoked, or that of a closed account."""

    title = "This token is not valid"

    def __init__(self, *, rule: str, received: str, remedy: str, token: int | None = None) -> None:
        super().__init__(rule=rule, received=received, remedy=remedy)
        self.token = token


class ScopeTooSmall(Refusal):
    """A token is valid, and has no scope that allows this."""

    title = "The scopes of this token do not allow this"


class BodyTooLarge(Refusal):
    title = "The request is too large"


class RangeOutside(Refusal):
    title = "This part of the file does not exist"


class StorageFull(Refusal):
    """Nothing can be stored until an operator makes room."""

    title = "The disk is full"


class Invalid(Refusal):
    """A field breaks a rule."""

    title = "A field is not valid"


class ClassifierUnavailable(Refusal):
    """No worker can answer now. Nothing was stored, and the client may retry."""

    title = "The classifier is away"
    retry_after = 15


class ClassifierBusy(ClassifierUnavailable):
    title = "The classifier is busy"

    def __init__(self, *, rule: str, received: str, remedy: str, retry_after: int = 60) -> None:
        super().__init__(rule=rule, received=received, remedy=remedy)
        self.retry_after = retry_after


class TooManyRequests(Refusal):
    title = "Too many requests"

    def __init__(self, *, rule: str, received: str, remedy: str, retry_after: int) -> None:
        super().__init__(rule=rule, received=received, remedy=remedy)
        self.retry_after = retry_after


class ChallengeNeeded(TooManyRequests):
    """Further uploads need a solved challenge; `challenge` is one, as ALTCHA writes it."""

    title = "A challenge must be solved first"

    def __init__(
        self,
        *,
        rule: str,
        received: str,
        remedy: str,
        retry_after: int,
        challenge: Mapping[str, object],
    ) -> None:
        super().__init__(rule=rule, received=received, remedy=remedy, retry_after=retry_after)
        self.challenge = challenge


class Gone(Refusal):
    title = "This is gone"


class WrongState(Refusal):
    """The action was already taken, or is not possible in this state."""

    title = "This cannot be done now"


class AlreadyDecided(WrongState):
    title = "This was already decided"


class VerdictOutdated(WrongState):
    """A verdict was reached against a model, an audit set or a policy that was replaced."""

    title = "The verdict is out of date"


class NothingToLearn(WrongState):
    title = "There is nothing new to learn"


class RecipeRefused(WrongState):
    """A recipe needs something that is not there."""

    title = "This recipe cannot be used now"


class KeyReused(Refusal):
    title = "This Idempotency-Key was used for something else"


class OverrideNeeded(Refusal):
    title = "The gate did not pass"


class ConfirmationNeeded(OverrideNeeded):
    """The gate passed the candidate, and the confirmation set has not, or blocks it."""

    title = "The confirmation set has not let it through"


class GapsNotAcknowledged(Refusal):
    title = "A gap between groups was not confirmed"


class ArtifactMissing(Refusal):
    title = "The model's files are not here"
