"""What the two packages of harmless pictures hold, and what may be said of each picture.

Everything here is read from file names and metadata that people wrote. Nothing about a person is
inferred from a picture.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LISTS: Mapping[str, list[str]] = json.loads(Path(__file__).with_name("sources.json").read_text())

SKIN_TONES = ("light", "medium-light", "medium", "medium-dark", "dark")  # OpenMoji's 1 to 5
GENDERS = ("man", "person", "woman")

_GENDER_WORDS = {"men": "man", "people": "person", "women": "woman"} | {g: g for g in GENDERS}
_TONE = re.compile(r"\b(?:medium-light|medium-dark|medium|light|dark) skin tone\b")
# Words that tell two copies of one picture apart; without them the copies share a name.
_SAME_PICTURE = {
    *_GENDER_WORDS, "back", "backhand", "boy", "child", "down", "facing", "girl", "left",
    "leftwards", "manual", "motorized", "mountain", "of", "old", "older", "right", "rightwards",
    "up",
}  # fmt: skip
_HAIR = {"bald", "beard", "blond", "curly", "hair", "red", "white"}


@dataclass(frozen=True)
class Picture:
    """One picture of a package, before it is drawn.

    Attributes
    ----------
    path : Path
        An SVG drawing or a PNG photograph.
    title : str
        For people, from the package's metadata.
    groups : mapping of str to str
        Axis to value, as in a manifest.
    source, cluster : str
        As in a manifest.
    """

    path: Path
    title: str
    groups: Mapping[str, str]
    source: str
    cluster: str

    @property
    def is_photograph(self) -> bool:
        """Whether the package says that a camera took it."""
        return self.groups["medium"] == "photograph"


def openmoji_drawings(package: Path) -> Iterator[Picture]:
    """List OpenMoji's plain drawings, in the package's order.

    Parameters
    ----------
    package : Path
        The folder of the npm package `openmoji`.

    Raises
    ------
    FileNotFoundError
        Where the folder is not that package.
    """
    listing = package / "data" / "openmoji.json"
    if not listing.is_file():
        raise FileNotFoundError(
            "The OpenMoji folder must hold data/openmoji.json. "
            f"Received: {package}. Install the npm package and give its folder."
        )
    for entry in json.loads(listing.read_text()):
        path = package / "color" / "svg" / f"{entry['hexcode']}.svg"
        if _is_plain(entry) and path.is_file():
            yield Picture(
                path=path,
                title=entry["annotation"],
                groups={"medium": "vector"} | _person_groups(entry),
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
    named = {_GENDER_WORDS[w] for w in _words(entry["annotation"]) if w in _GENDER_WORDS}
    if groups["subject"] == "person" and len(named) == 1:
        groups["gender"] = named.pop()
    return groups


def concept(annotation: str) -> str:
    """Return what a drawing shows, whatever the skin tone, the gender, the hair or the side.

    >>> concept("woman firefighter: medium skin tone")
    'firefighter'
    >>> concept("man: dark skin tone, red hair")
    'portrait'
    """
    words = _words(_TONE.sub("", annotation.lower()))
    left = [word for word in words if word not in _SAME_PICTURE]
    if set(left) <= _HAIR and set(words) & {*_GENDER_WORDS, "boy", "child", "girl"}:
        return "portrait"
    return " ".join(left or words)


def counterparts(pictures: Iterable[Picture]) -> dict[tuple[str, str], dict[str, Picture]]:
    """Find drawings that are alike but for the skin tone, or but for the gender, by their names.

    A role without a gender in its name (firefighter) is its man's and woman's counterpart: person.

    Returns
    -------
    dict
        (axis, what they show) to value to picture; two or more each.
    """
    found: dict[tuple[str, str], dict[str, Picture]] = {}
    for picture in pictures:
        if picture.groups.get("subject") not in ("person", "hand"):
            continue
        words = _words(picture.title)
        tone = picture.groups.get("skin_tone", "")
        if tone:
            name = " ".join(_words(_TONE.sub("", picture.title.lower())))
            found.setdefault(("skin_tone", name), {})[tone] = picture
        named = {_GENDER_WORDS[word] for word in words if word in _GENDER_WORDS}
        if picture.groups["subject"] == "person" and len(named) < 2:
            name = " ".join(word for word in words if word not in _GENDER_WORDS)
            found.setdefault(("gender", name or "portrait"), {})[(named or {"person"}).pop()] = (
                picture
            )
    return {key: values for key, values in found.items() if len(values) > 1}


def tuxpaint_drawings(stamps: Path) -> Iterator[Picture]:
    """List Tux Paint's SVG stamps, by path.

    Parameters
    ----------
    stamps : Path
        The folder of the package's subjects: `animals`, `food` and so on.
    """
    for path in _stamps(stamps, "drawing_folders", "drawings_left_out", "svg"):
        yield Picture(
            path=path,
            title=_stamp_title(path),
            groups={"medium": "vector"},
            source=f"Tux Paint stamps {path.relative_to(stamps)}",
            cluster=f"tuxpaint drawing: {_stem(path)}",
        )


def photographs(stamps: Path) -> Iterator[Picture]:
    """List Tux Paint's photographs, by path: PNG stamps, less those that are drawn or rendered."""
    for path in _stamps(stamps, "photograph_folders", "photographs_left_out", "png"):
        yield Picture(
            path=path,
            title=_stamp_title(path),
            groups={"medium": "photograph"},
            source=f"Tux Paint stamps {path.relative_to(stamps)}",
            cluster=f"tuxpaint photograph: {_stem(path)}",
        )


def _stamps(stamps: Path, folders: str, left_out: str, suffix: str) -> Iterator[Path]:
    for path in sorted(stamps.rglob(f"*.{suffix}")):
        parts = path.relative_to(stamps).parts
        turned = path.stem.endswith(("_mirror", "_flip"))
        drawn = suffix == "png" and "cartoon" in parts
        listed = parts[0] in LISTS[folders] and path.stem not in LISTS[left_out]
        if listed and not turned and not drawn:
            yield path


def _stem(path: Path) -> str:
    """Return the first word of a file's name: frog-1, frog and frog_baby are one frog."""
    words = re.findall(r"[a-z]+", path.stem.lower())
    return words[0] if words else path.stem


def _stamp_title(path: Path) -> str:
    """Return the package's English description, in the first line of the text beside a stamp."""
    text = path.with_suffix(".txt")
    lines = text.read_text(errors="replace").splitlines() if text.is_file() else []
    described = lines[0].strip().rstrip(".!") if lines else ""
    return described or path.stem.replace("_", " ").replace("-", " ")
