"""What a file or array holds, by its name: images or labels, of the training or the test set."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

Part: TypeAlias = Literal["train", "test", "validation"]
Kind: TypeAlias = Literal["images", "labels"]

PART_NAMES: dict[str, Part] = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test", "t10k": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("images", "image", "imgs", "img", "x", "data", "pixels", "features"), "images"
    ),
    **dict.fromkeys(("labels", "label", "y", "target", "targets", "classes"), "labels"),
}
# What else the name of a folder of a part may say, as in "trainingSet" and "test_images".
_FOLDER_WORDS = frozenset(("set", "data", "dataset", "images", "image", "imgs", "img"))
_SUFFIX = re.compile(
    r"(\.(gz|zip|npy|npz|csv|tsv|txt|idx|bin|mat|pkl)|[-.]idx\d(-ubyte|-int)?|[-.](ubyte|int))\Z"
)
_MAX_SUFFIX_CHARS = 11
_WORD = re.compile(r"[A-Za-z]+\d*[A-Za-z]*|\d+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_JOINED = re.compile(r"([xy])(train|test|val)")


class Role(NamedTuple):
    """The role of a file or array in a data set.

    Attributes
    ----------
    prefix : str
        The rest of the name, which all files of a data set share.
    part : str or None
        ``"train"``, ``"test"`` or ``"validation"``.
    kind : str or None
        ``"images"`` or ``"labels"``.
    """

    prefix: str
    part: Part | None
    kind: Kind | None


def role_of(name: str) -> Role:
    """Return the role that a name states.

    Examples
    --------
    >>> role_of("emnist-digits-train-images-idx3-ubyte.gz")
    Role(prefix='emnist-digits', part='train', kind='images')
    >>> role_of("y_test")
    Role(prefix='', part='test', kind='labels')
    """
    stem = name
    # Searching the end only takes linear time, also for a name of thousands of suffixes.
    while match := _SUFFIX.search(stem[-_MAX_SUFFIX_CHARS:]):
        if len(match[0]) == len(stem):
            break
        stem = stem[: -len(match[0])]
    rest: list[str] = []
    part: Part | None = None
    kind: Kind | None = None
    for word in _words(stem):
        if part is None and word in PART_NAMES:
            part = PART_NAMES[word]
        elif kind is None and word in _KINDS:
            kind = _KINDS[word]
        else:
            rest.append(word)
    return Role("-".join(rest), part, kind)


@lru_cache(maxsize=1024)  # a folder may hold hundreds of thousands of pictures
def part_of_folder(name: str) -> Part | None:
    """Return the part whose images a folder holds, or None if its name states none.

    Examples
    --------
    >>> part_of_folder("trainingSet"), part_of_folder("7")
    ('train', None)
    """
    words = _words(name)
    parts = {PART_NAMES[word] for word in words if word in PART_NAMES}
    if len(parts) == 1 and all(word in PART_NAMES or word in _FOLDER_WORDS for word in words):
        return parts.pop()
    return None


def _words(stem: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(_CAMEL_CASE.sub("-", stem)):
        joined = _JOINED.fullmatch(word.lower())
        words += joined.groups() if joined else [word.lower()]
    return words
