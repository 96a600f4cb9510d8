"""Name a region where mistakes cluster, and take the name back."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from feedback import queries
from feedback.errors import Invalid, WrongState
from feedback.models import Axis, AxisValue, Finding, NamedSlice
from feedback.models.axis import SLICE
from feedback.text import strip_unsafe_characters

TITLE = 80


def name(*, finding: Finding, region: int, title: str, by: User) -> NamedSlice:
    """Make the region's images a group of their audit set, except those in another named slice."""
    title = " ".join(strip_unsafe_characters(title).split())
    slug = slugify(title)[:50]
    if not slug or len(title) > TITLE:
        raise Invalid(
            rule=f"A name has letters or digits, and at most {TITLE} characters.",
            received=repr(title[:TITLE]),
            remedy="Say what these images have in common, such as: Flags.",
        )
    audit_set = finding.audit.audit_set
    with transaction.atomic():
        # The axis is the lock. Existing names may only be read while holding it.
        Axis.objects.get_or_create(name=SLICE, defaults={"title": "Named slice"})
        axis = Axis.objects.select_for_update().get(name=SLICE)
        members = _members(finding, region)
        named = queries.audits.slice_groups(audit_set)
        images = [sha256 for sha256 in members if sha256 not in named]
        if slug in named.values() or not images:
            raise WrongState(
                rule="A name is given once in a set, to images that have none.",
                received=f"{title!r} for {len(members)} images, of which {len(images)} have none",
                remedy="Choose another name, or take the present one back first.",
            )
        value, _ = AxisValue.objects.get_or_create(axis=axis, name=slug, defaults={"title": title})
        return NamedSlice.objects.create(
            audit_set=audit_set,
            value=value,
            title=title,
            images=images,
            found_with=finding.audit.model,
            named_by=by,
        )


def _members(finding: Finding, region: int) -> list[str]:
    regions = finding.figures if finding.kind == Finding.Kind.SLICES else None
    if not regions or not 0 <= region < len(regions):
        raise Invalid(
            rule="A name is given to a region that was found.",
            received=f"region {region + 1} of {len(regions or [])}",
            remedy="Open the page of slices and choose one that it shows.",
        )
    members: list[str] = regions[region]["members"]
    return members


def take_back(*, named: NamedSlice, by: User) -> None:
    """Remove the group from the images. Who named it and who took it back stay on record."""
    with transaction.atomic():
        standing = NamedSlice.objects.filter(pk=named.pk, taken_back_at=None)
        if not standing.update(value=None, taken_back_by=by, taken_back_at=timezone.now()):
            raise WrongState(
                rule="A name is taken back once.",
                received=f"{named}, which was taken back already",
                remedy="Open the page of slices to see where it stands.",
            )
        # Whoever came first may have deleted it, so only now may it be read.
        if named.value and not NamedSlice.objects.filter(value=named.value).exists():
            named.value.delete()
    named.refresh_from_db()
