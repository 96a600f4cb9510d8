"""The drawings in the demo's packages and Tux Paint's photographs, and the groups of each.

Everything here is read from file names and metadata that people wrote. Nothing about a person is
inferred from an image.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modeltrain.demo import qt_resources

LISTS: Mapping[str, Any] = json.loads(Path(__file__).with_name("sources.json").read_text())

SKIN_TONES = ("light", "medium-light", "medium", "medium-dark", "dark")  # OpenMoji's 1 to 5
GENDERS = ("man", "person", "woman")

_GENDER_WORDS = {"men": "man", "people": "person", "women": "woman"} | {
    gender: gender for gender in GENDERS
}
_TONE = re.compile(r"\b(?:medium-light|medium-dark|medium|light|dark) skin tone\b")
# Words by which variants of one drawing differ; without them the variants share a name.
_VARIANT_WORDS = {
    *_GENDER_WORDS, "back", "backhand", "boy", "child", "down", "facing", "girl", "left",
    "leftwards", "manual", "motorized", "mountain", "of", "old", "older", "right", "rightwards",
    "up",
}  # fmt: skip
_HAIR = {"bald", "beard", "blond", "curly", "hair", "red", "white"}


@dataclass(frozen=True)
class SourceImage:
    """One image of a package, before it is rendered.

    Attributes
    ----------
    path : Path
        An SVG drawing, a PNG, JPEG or WebP file, or a Qt resource file.
    title : str
        For people to read, from the package's metadata.
    groups : mapping of str to str
        Axis to value, as in a manifest.
    source, cluster : str
        As in a manifest.
    member : str
        If `path` is a Qt resource file: the file in it.
    ground : tuple of str
        What a drawing is laid on: the colours at the top and at the bottom.
    close_up : bool
        Whether only the middle of a drawing is shown.
    """

    path: Path
    title: str
    groups: Mapping[str, str]
    source: str
    cluster: str
    member: str = ""
    ground: tuple[str, str] = ("#ffffff", "#ffffff")
    close_up: bool = False

    def data(self) -> bytes:
        """Return the image file."""
        return qt_resources.read(self.path)[self.member] if self.member else self.path.read_bytes()

    @property
    def is_photograph(self) -> bool:
        """Whether the package calls it a photograph."""
        return self.groups["medium"] == "photograph"


@dataclass(frozen=True)
class EmojiStyle:
    """How somebody drew Unicode's emoji.

    Attributes
    ----------
    name : str
        As in a manifest's `source`.
    package : str
        The npm package.
    file : str
        Where the package has a drawing; `{code}` are its code points.
    medium : str
        A value of the axis `medium`.
    """

    name: str
    package: str
    file: str
    medium: str


TWEMOJI = EmojiStyle("Twemoji", "@twemoji/svg", "{code}.svg", "vector")
FLUENT_EMOJI = EmojiStyle(
    "Fluent Emoji", "@lobehub/fluent-emoji-3d", "assets/{code}.webp", "render"
)
GROUNDS = (
    ("#ffffff", "#ffffff"),
    ("#cde8d2", "#cde8d2"),
    ("#282c3c", "#282c3c"),
    ("#78b4f0", "#e6c8a0"),
)


def in_audit_styles(drawings: Iterable[SourceImage], npm: Path) -> list[SourceImage]:
    """Return each of OpenMoji's drawings in the styles that the audit set shows it in.

    Hands, and people in every gender, are drawn flat and as a rendering; other clusters in one of
    the two, eight clusters in turn. The flat style is OpenMoji's, on white, for one cluster of
    three, as in reports, and Twemoji's for the others. Twemoji's drawings and the renderings are
    laid on the grounds in turn, the next four clusters as close-ups. All drawings of a cluster, so
    all skin tones and genders, get the same.

    Parameters
    ----------
    drawings : iterable of SourceImage
        Of `openmoji_drawings`.
    npm : Path
        The folder of npm packages.

    Returns
    -------
    list of SourceImage
        A style that lacks one of a cluster's drawings is not used for that cluster.
    """
    clusters: dict[str, list[SourceImage]] = {}
    for drawing in drawings:
        clusters.setdefault(drawing.cluster, []).append(drawing)
    images = []
    for turn, cluster in enumerate(clusters.values()):
        ground, close_up = GROUNDS[turn % 4], turn // 4 % 2 == 1
        flat, rendered = (
            [
                replace(styled, ground=ground, close_up=close_up)
                for drawing in cluster
                if (styled := in_style(drawing, style, npm))
            ]
            for style in (TWEMOJI, FLUENT_EMOJI)
        )
        if not turn % 3 or len(flat) < len(cluster):
            flat = cluster
        if len(rendered) < len(cluster):
            rendered = []
        if _is_shown_twice(cluster):
            images += flat + rendered
        else:
            images += rendered if rendered and turn // 8 % 2 else flat
    return images


def _is_shown_twice(cluster: list[SourceImage]) -> bool:
    """Whether a cluster has hands, or all genders: so each gender has as many of every medium."""
    genders = {drawing.groups.get("gender") for drawing in cluster}
    return cluster[0].groups.get("subject") == "hand" or genders >= set(GENDERS)


def in_style(drawing: SourceImage, style: EmojiStyle, npm: Path) -> SourceImage | None:
    """Return the same emoji in another style, with the same groups but for the medium.

    The code points that name a file say its skin tone and its gender.

    Parameters
    ----------
    drawing : SourceImage
        One of `openmoji_drawings`.
    style : EmojiStyle
    npm : Path
        The folder of npm packages.

    Returns
    -------
    SourceImage or None
        None if the style does not have the emoji.
    """
    code = drawing.path.stem.lower()
    for name in (code, code.replace("-fe0f", "")):
        path = npm / style.package / style.file.format(code=name)
        if path.is_file():
            return replace(
                drawing,
                path=path,
                groups={**drawing.groups, "medium": style.medium},
                source=f"{style.name} {name.upper()}",
            )
    return None


def openmoji_drawings(package: Path) -> Iterator[SourceImage]:
    """List OpenMoji's plain drawings, in the package's order.

    A person whose name gives no gender, such as "firefighter", has the gender `person` if there is
    the same drawing of a man and of a woman.

    Parameters
    ----------
    package : Path
        The folder of the npm package `openmoji`.

    Raises
    ------
    FileNotFoundError
        When the folder is not that package.
    """
    listing = package / "data" / "openmoji.json"
    if not listing.is_file():
        raise FileNotFoundError(
            "The OpenMoji folder must hold data/openmoji.json. "
            f"Received: {package}. Install the npm package and give its folder."
        )
    entries = [entry for entry in json.loads(listing.read_text()) if _is_plain(entry)]
    genders: dict[str, set[str]] = {}
    for entry in entries:
        words = _words(entry["annotation"])
        genders.setdefault(_without_gender(words), set()).update(_genders(words))
    for entry in entries:
        path = package / "color" / "svg" / f"{entry['hexcode']}.svg"
        groups = {"medium": "vector"} | _person_groups(entry)
        words = _words(entry["annotation"])
        if not _genders(words) and {"man", "woman"} <= genders[_without_gender(words)]:
            groups["gender"] = "person"
        if path.is_file():
            yield SourceImage(
                path=path,
                title=entry["annotation"],
                groups=groups,
                source=f"OpenMoji {entry['hexcode']}",
                cluster=f"openmoji: {concept(entry['annotation'])}",
            )


def _is_plain(entry: Mapping[str, Any]) -> bool:
    return (
        entry["group"] in LISTS["openmoji_groups"]
        and entry["subgroups"] not in LISTS["openmoji_subgroups_left_out"]
        and not set(_words(entry["annotation"])) & set(LISTS["openmoji_words_left_out"])
        and (entry["skintone"] == "" or isinstance(entry["skintone"], int))
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _person_groups(entry: Mapping[str, Any]) -> dict[str, str]:
    if entry["group"] != "people-body":
        return {"subject": "other"}
    groups = {"subject": "hand" if entry["subgroups"].startswith("hand") else "person"}
    if isinstance(entry["skintone"], int):
        groups["skin_tone"] = SKIN_TONES[entry["skintone"] - 1]
    genders = _genders(_words(entry["annotation"]))
    if groups["subject"] == "person" and len(genders) == 1:
        groups["gender"] = genders.pop()
    return groups


def _genders(words: Iterable[str]) -> set[str]:
    return {_GENDER_WORDS[word] for word in words if word in _GENDER_WORDS}


def _without_gender(words: Iterable[str]) -> str:
    return " ".join(word for word in words if word not in _GENDER_WORDS)


def concept(annotation: str) -> str:
    """Return what a drawing shows, regardless of skin tone, gender, hair and direction.

    >>> concept("woman firefighter: medium skin tone")
    'firefighter'
    >>> concept("man: dark skin tone, red hair")
    'portrait'
    """
    words = _words(_TONE.sub("", annotation.lower()))
    remaining = [word for word in words if word not in _VARIANT_WORDS]
    if set(remaining) <= _HAIR and set(words) & {*_GENDER_WORDS, "boy", "child", "girl"}:
        return "portrait"
    return " ".join(remaining or words)


def find_counterparts(
    images: Iterable[SourceImage],
) -> dict[tuple[str, str], dict[str, SourceImage]]:
    """Find drawings that differ only in skin tone, or only in gender, by their names.

    A role without a gender in its name (firefighter) has the gender `person`, and is the
    counterpart of the man and the woman in that role.

    Returns
    -------
    dict
        From (axis, name without that axis) to a dict from value to image, with at least two
        values each.
    """
    counterparts: dict[tuple[str, str], dict[str, SourceImage]] = {}
    for image in images:
        if image.groups.get("subject") not in ("person", "hand"):
            continue
        words = _words(image.title)
        tone = image.groups.get("skin_tone", "")
        if tone:
            name = " ".join(_words(_TONE.sub("", image.title.lower())))
            counterparts.setdefault(("skin_tone", name), {})[tone] = image
        genders = _genders(words)
        if image.groups["subject"] == "person" and len(genders) < 2:
            name = _without_gender(words) or "portrait"
            gender = genders.pop() if genders else "person"
            counterparts.setdefault(("gender", name), {})[gender] = image
    return {key: by_value for key, by_value in counterparts.items() if len(by_value) > 1}


def tuxpaint_drawings(stamps: Path) -> Iterator[SourceImage]:
    """List Tux Paint's SVG stamps, by path.

    Parameters
    ----------
    stamps : Path
        The folder of the package's subjects: `animals`, `food` and so on.
    """
    for path in _stamps(stamps, "drawing_folders", "drawings_left_out", "svg"):
        yield SourceImage(
            path=path,
            title=_stamp_title(path),
            groups={"medium": "vector"} | _stamp_subject(path, stamps),
            source=f"Tux Paint stamps {path.relative_to(stamps)}",
            cluster=f"tuxpaint drawing: {_stem(path)}",
        )


def tuxpaint_photographs(stamps: Path) -> Iterator[SourceImage]:
    """List Tux Paint's photographs, by path: PNG stamps except those that are drawn or rendered."""
    for path in _stamps(stamps, "photograph_folders", "photographs_left_out", "png"):
        yield SourceImage(
            path=path,
            title=_stamp_title(path),
            groups={"medium": "photograph"} | _stamp_subject(path, stamps),
            source=f"Tux Paint stamps {path.relative_to(stamps)}",
            cluster=f"tuxpaint photograph: {_stem(path)}",
        )


def _stamps(stamps: Path, folders: str, left_out: str, suffix: str) -> Iterator[Path]:
    for path in sorted(stamps.rglob(f"*.{suffix}")):
        parts = path.relative_to(stamps).parts
        is_flipped = path.stem.endswith(("_mirror", "_flip"))
        is_drawn = suffix == "png" and "cartoon" in parts
        is_listed = parts[0] in LISTS[folders] and path.stem not in LISTS[left_out]
        if is_listed and not is_flipped and not is_drawn:
            yield path


def _stamp_subject(path: Path, stamps: Path) -> dict[str, str]:
    """Return the subject that a stamp's folder states."""
    folder = path.relative_to(stamps).parts[0]
    return {"subject": "other"} if folder in LISTS["stamp_folders_of_things"] else {}


def _stem(path: Path) -> str:
    """Return the first word of a file's name: frog-1, frog and frog_baby share a cluster."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    return words[0] if words else path.stem


def _stamp_title(path: Path) -> str:
    """Return the English description: the first line of the text file beside a stamp."""
    text = path.with_suffix(".txt")
    lines = text.read_text(errors="replace").splitlines() if text.is_file() else []
    description = lines[0].strip().rstrip(".!") if lines else ""
    return description or path.stem.replace("_", " ").replace("-", " ")
