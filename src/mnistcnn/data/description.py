"""What a data set holds, before it is used: counts, classes, values, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.conversion import class_names_of
from mnistcnn.data.files import conventions_of, convert
from mnistcnn.data.formats.raw import RawDataset
from mnistcnn.data.formats.reader import read_raw_dataset
from mnistcnn.types import Dataset, Split, UInt8Array

_BRIGHT = 127


@dataclass(frozen=True, eq=False)
class PartDescription:
    """The images of a part of a data set.

    Parameters
    ----------
    split : Split
        Images and labels as `load_data` returns them.
    stored : str
        Dtype and shape of the images in the file.
    low, high : float
        Range of the pixels in the file.
    """

    split: Split
    stored: str
    low: float
    high: float

    def to_dict(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """Return the description for JSON."""
        counts = np.bincount(self.split.labels, minlength=len(class_names)).tolist()
        return {
            "images": len(self.split.labels),
            "stored": self.stored,
            "values": [self.low, self.high],
            "classes": dict(zip(class_names, counts, strict=True)),
        }


@dataclass(frozen=True, eq=False)
class DatasetDescription:
    """The parts of a data set, and notes on what the user should know.

    Parameters
    ----------
    format : str
        Description of the format.
    class_names : tuple of str
        Name of each label.
    parts : dict
        Description of ``"train"`` and ``"test"``, or of ``"all"``.
    notes : tuple of str
        What is unusual, with advice.
    """

    format: str
    class_names: tuple[str, ...]
    parts: dict[str, PartDescription]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the description for JSON."""
        return {
            "format": self.format,
            "class_names": list(self.class_names),
            "parts": {name: part.to_dict(self.class_names) for name, part in self.parts.items()},
            "notes": list(self.notes),
        }


def describe_file(path: Path, *, transpose: bool | None = None) -> DatasetDescription:
    """Return what a file or folder holds; raises as `mnistcnn.load_data`.

    A file of a single set of images is described without splitting it.
    """
    raw = read_raw_dataset(path)
    conventions = conventions_of(raw)
    parts = {}
    for name, split in convert(path, raw, conventions, transpose=transpose).items():
        images = raw.parts[name].images
        low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
        parts[str(name)] = PartDescription(split, _stored(images), low, high)
    splits = [part.split for part in parts.values()]
    names = conventions.class_names
    if max(int(split.labels.max(initial=0)) for split in splits) >= len(names):
        names = class_names_of(splits)
    notes = [*raw.notes, *_notes_on_conventions(raw, transpose), *_notes_on_parts(parts, names)]
    return DatasetDescription(raw.format, names, parts, tuple(notes))


def describe_dataset(name: str, dataset: Dataset) -> DatasetDescription:
    """Return what a data set that `load_data` knows by name holds."""
    parts = {
        part: PartDescription(split, _stored(split.images), *_range(split.images))
        for part, split in zip(("train", "test"), dataset, strict=True)
    }
    notes = _notes_on_parts(parts, dataset.class_names)
    return DatasetDescription(f"the data set {name}", dataset.class_names, parts, tuple(notes))


def _stored(images: NDArray[Any]) -> str:
    return f"{images.dtype} {images.shape}"


def _range(images: UInt8Array) -> tuple[float, float]:
    return float(images.min(initial=255)), float(images.max(initial=0))


def _notes_on_conventions(raw: RawDataset, transpose: bool | None) -> list[str]:
    conventions = conventions_of(raw)
    notes = []
    if conventions.transposed if transpose is None else transpose:
        notes.append("rows and columns of the images are exchanged (transpose)")
    if conventions.first_label:
        notes.append(f"the labels of the file begin at {conventions.first_label}, here at 0")
    if len(raw.parts) == 1:
        notes.append("there is one set of images: load_data needs test_size or test")
    return notes


def _notes_on_parts(parts: dict[str, PartDescription], names: tuple[str, ...]) -> list[str]:
    notes = []
    splits = [part.split for part in parts.values()]
    all_labels = np.concatenate([split.labels for split in splits])
    counts = np.bincount(all_labels, minlength=len(names))
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if absent:
        notes.append(f"no images of the classes {', '.join(absent)}")
    num_blank = sum(int((np.ptp(split.images, axis=(1, 2)) == 0).sum()) for split in splits)
    if num_blank:
        notes.append(f"{num_blank:,} images are blank")
    if any(_is_dark_on_light(split.images) for split in splits):
        notes.append(
            "the images are dark on light, but MNIST is light on dark: invert them (255 - images)"
        )
    if all(part.high == 1 and "float" not in part.stored for part in parts.values()):
        notes.append("the largest value is 1 of 255: the images will be nearly black")
    if len(splits) == 2:
        train, test = ({image.tobytes() for image in split.images} for split in splits)
        if train & test:
            notes.append(f"{len(train & test):,} test images are also training images")
    return notes


def _is_dark_on_light(images: UInt8Array) -> bool:
    border = np.concatenate(
        [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1
    )
    return bool(images.size) and float(np.median(border)) > _BRIGHT
