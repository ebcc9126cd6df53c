"""Folders of pictures: a folder for each class, alone or in a folder for each part.

``0/a.png`` holds pictures of one set, ``train/0/a.png`` and ``test/0/a.png`` those of two.
Folders above these, such as ``mnist/``, are skipped, and so are those between them, such as
``train/images/``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from mnistcnn.data.digit_image import has_light_background, to_digit_image, to_gray
from mnistcnn.data.formats.file_sets import NamedFiles
from mnistcnn.data.formats.raw import PartName, RawDataset, RawSplit
from mnistcnn.data.formats.roles import Part, part_of_folder
from mnistcnn.errors import CorruptFileError
from mnistcnn.images.image_io import read_image
from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.notebook.progress_bar import NotebookProgress
from mnistcnn.types import IMAGE_SIZE, UInt8Array
from mnistcnn.utils.text import escape

PICTURE_SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
_MAX_CLASSES = 256
_MAX_NAME_CHARS = 64
_MAX_FILE_BYTES = 64 << 20


class Picture(NamedTuple):
    """A picture in a folder of its class."""

    name: str
    part: PartName
    class_name: str


def find_pictures(names: Sequence[str]) -> list[Picture]:
    """Return the pictures that lie in a folder of their class.

    Left out are validation sets, pictures without such a folder, as in the test set of a
    competition, and those beside the folders of a training and a test set.
    """
    found = [
        (name, *_split_at_part(PurePosixPath(name).parts[:-1]))
        for name in names
        if name.lower().endswith(PICTURE_SUFFIXES)
    ]
    if any(part is not None for _, part, _ in found):
        found = [(name, part, rest) for name, part, rest in found if part is not None]
    depth = _common_depth([rest for _, _, rest in found if rest])
    return [
        Picture(name, part or "all", rest[depth])
        for name, part, rest in found
        if len(rest) > depth and part != "validation"
    ]


def _split_at_part(folders: tuple[str, ...]) -> tuple[Part | None, tuple[str, ...]]:
    """Return the part that the first such folder states, and the folders in it.

    The last folder is that of a class, whatever its name, unless the part is repeated, as in
    ``testSet/testSet/1.png``.
    """
    for level, folder in enumerate(folders[:-1]):
        part = part_of_folder(folder)
        if part is not None:
            rest = folders[level + 1 :]
            while rest and part_of_folder(rest[0]) == part:
                rest = rest[1:]
            return part, rest
    return None, folders


def _common_depth(folders: Sequence[tuple[str, ...]]) -> int:
    """Return how many folders all pictures share that are not those of a class."""
    depth = 0
    while any(len(parts) > depth + 1 for parts in folders) and all(
        parts[: depth + 1] == folders[0][: depth + 1] for parts in folders
    ):
        depth += 1
    return depth


def read_pictures(
    files: NamedFiles, pictures: Sequence[Picture], *, verbose: bool = False
) -> RawDataset:
    """Read pictures of digits and bring them into the format of MNIST.

    Gray pictures of 28 × 28 pixels are taken as they are and, if most of them have a light
    background, inverted. All others are normalized as `to_digit_image` describes.

    Classes whose names are numbers have these labels, others are numbered in the order of their
    names.

    Raises
    ------
    CorruptFileError
        If a file is not a picture, or there are more than 256 classes.
    """
    labels, class_names = _labels_of(files, [picture.class_name for picture in pictures])
    images = np.empty((len(pictures), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    is_light: dict[int, bool] = {}
    with _tracked(len(pictures), shown=verbose) as advance:
        for index, picture in enumerate(pictures):
            images[index], light = _read(files, picture.name)
            if light is not None:
                is_light[index] = light
            advance()
    if 2 * sum(is_light.values()) > len(is_light):
        as_they_are = list(is_light)
        images[as_they_are] = 255 - images[as_they_are]
    parts = np.array([picture.part for picture in pictures])
    splits: dict[PartName, RawSplit] = {}
    for part in ("train", "test") if "all" not in parts else ("all",):
        if (parts == part).any():
            splits[part] = RawSplit(images[parts == part], labels[parts == part])
    return RawDataset(
        "pictures in a folder for each class",
        splits,
        class_names=class_names,
        is_ordered=False,
        notes=_notes(files, len(pictures), num_normalized=len(pictures) - len(is_light)),
    )


def _notes(files: NamedFiles, num_pictures: int, *, num_normalized: int) -> list[str]:
    notes = []
    if num_normalized:
        notes.append(f"{num_normalized:,} pictures of other sizes were brought to 28 × 28 pixels")
    num_all = sum(name.lower().endswith(PICTURE_SUFFIXES) for name in files.names)
    if num_all > num_pictures:
        notes.append(
            f"{num_all - num_pictures:,} pictures are left out: they are for validation or not in "
            "the folder of a class"
        )
    return notes


def _labels_of(
    files: NamedFiles, names: Sequence[str]
) -> tuple[UInt8Array, tuple[str, ...] | None]:
    """Return the label of each picture, and the names of the classes unless they are numbers."""
    classes = sorted(set(names))
    if len(classes) > _MAX_CLASSES:
        raise CorruptFileError(
            f"{escape(files.path)} must hold at most {_MAX_CLASSES} classes; "
            f"it holds {len(classes):,} folders of pictures"
        )
    if all(name.isascii() and name.isdigit() and int(name) < _MAX_CLASSES for name in classes):
        return np.array([int(name) for name in names], np.uint8), None
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[name] for name in names], np.uint8)
    return labels, tuple(escape(name, limit=_MAX_NAME_CHARS) for name in classes)


def _read(files: NamedFiles, name: str) -> tuple[UInt8Array, bool | None]:
    """Return an image, and whether its background is light if it is taken as it is."""
    with files.open(name) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size) if size <= _MAX_FILE_BYTES else b""
    place = escape(files.path / name)
    if size > _MAX_FILE_BYTES:
        raise CorruptFileError(
            f"{place} must hold at most {_MAX_FILE_BYTES:,} bytes; it holds {size:,}"
        )
    try:
        brightness = read_image(content).brightness
    except ValueError as error:
        reason = str(error).removeprefix("picture ")
        raise CorruptFileError(f"{place} {escape(reason)}") from error
    if brightness.shape[:2] == (IMAGE_SIZE, IMAGE_SIZE):
        gray = to_gray(brightness)
        return gray, has_light_background(gray)
    return to_digit_image(brightness), None


@contextmanager
def _tracked(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each picture; show a progress bar if `shown`."""
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar: Any = (
        NotebookProgress(unit="pictures")
        if in_notebook()
        else Progress(console=Console(stderr=True), transient=True)
    )
    with bar as progress:
        task = progress.add_task("Reading pictures", total=total)
        yield lambda: progress.advance(task)
