"""A data set as a file holds it, before images and labels are checked and converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from numpy.typing import NDArray

from mnistcnn.data.formats.roles import Kind, Part

_T = TypeVar("_T")
# "all": the file does not say whether its images are for training or for testing.
PartName: TypeAlias = Literal["train", "test", "all"]


class AmbiguousDataError(ValueError):
    """A folder or archive holds several data sets."""


class RawSplit(NamedTuple):
    """Images and labels of any shape and numeric dtype."""

    images: NDArray[Any]
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class RawDataset:
    """The arrays of a file or folder.

    Parameters
    ----------
    format : str
        Description of the format.
    parts : dict
        ``"train"`` and ``"test"``, one of them, or ``"all"``.
    name : str
        Name of the data set as file names state it, such as ``emnist-letters``; may be empty.
    class_names : tuple of str, optional
        Name of each label, if the format has names.
    is_ordered : bool, default True
        Whether the order of the images has a meaning, so that they must not be shuffled.
    notes : list of str
        What the user should know about the content.
    """

    format: str
    parts: dict[PartName, RawSplit]
    name: str = ""
    class_names: tuple[str, ...] | None = None
    is_ordered: bool = True
    notes: list[str] = field(default_factory=list)


def pair_parts(
    found: Mapping[tuple[Part | None, Kind], _T], spell: Callable[[Part, Kind], str]
) -> dict[PartName, tuple[_T, _T]]:
    """Return images and labels of each part; validation images are ignored.

    `spell` returns the usual name of an array, for the error message.

    Raises
    ------
    ValueError
        If a part has images only or labels only, or nothing was found.
    """
    parts: dict[PartName, tuple[_T, _T]] = {}
    complete = True
    for part in ("train", "test", None):
        has_images, has_labels = (part, "images") in found, (part, "labels") in found
        complete = complete and has_images == has_labels
        if has_images and has_labels and (part is not None or not parts):
            parts[part or "all"] = found[part, "images"], found[part, "labels"]
    if complete and parts:
        return parts
    spelled = {
        (part, kind): spell(part, kind)
        for part in ("train", "test")
        for kind in ("images", "labels")
    }
    missing = [name for key, name in spelled.items() if key not in found]
    raise ValueError(f"it must hold {', '.join(spelled.values())}; missing: {', '.join(missing)}")
