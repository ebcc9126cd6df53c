"""Data sets of the user's own: read from files, converted and split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mnistcnn.data.catalog import CONVENTIONS, Conventions
from mnistcnn.data.conversion import class_names_of, convert_split
from mnistcnn.data.formats.raw import PartName, RawDataset
from mnistcnn.data.formats.reader import read_raw_dataset
from mnistcnn.data.splitting import stratified_test_mask
from mnistcnn.errors import CorruptFileError
from mnistcnn.types import DIGIT_NAMES, Dataset, Split
from mnistcnn.utils.text import escape


def read_dataset(
    path: Path,
    *,
    test: Path | None = None,
    test_size: float | None = None,
    seed: int | None = 0,
    transpose: bool | None = None,
) -> Dataset:
    """Read a data set from a file or folder, or a training and a test set from one each.

    See `mnistcnn.load_data` for the parameters.

    Raises
    ------
    OSError
        If a file can't be read; `DataUnavailableError` if files are missing.
    CorruptFileError
        If a file is damaged, too large, of another format or not a regular file.
    ValueError
        If it is not clear which images are for testing.
    """
    raw = read_raw_dataset(path)
    conventions = conventions_of(raw)
    if test is None:
        return to_dataset(
            path, raw, conventions, test_size=test_size, seed=seed, transpose=transpose
        )
    if test_size is not None:
        raise ValueError(f"test_size must be None if test is given; received {test_size}")
    raw_test = read_raw_dataset(test)
    return _named(
        convert_part(path, raw, _only_part(path, raw, "train"), conventions, transpose),
        convert_part(
            test, raw_test, _only_part(test, raw_test, "test"), conventions_of(raw_test), transpose
        ),
        conventions,
    )


def to_dataset(
    path: Path,
    raw: RawDataset,
    conventions: Conventions,
    *,
    test_size: float | None = None,
    seed: int | None = 0,
    transpose: bool | None = None,
) -> Dataset:
    """Convert the arrays of a file, and split them if they are one set."""
    splits = {part: convert_part(path, raw, part, conventions, transpose) for part in raw.parts}
    if len(splits) == 2:
        if test_size is not None:
            raise ValueError(
                f"test_size must be None, because {escape(path)} holds a test set; "
                f"received {test_size}"
            )
        return _named(splits["train"], splits["test"], conventions)
    ((part, split),) = splits.items()
    if test_size is None:
        name = "one set of images" if part == "all" else f"a {part} set only"
        raise ValueError(
            f"{escape(path)} holds {name}, so load_data needs test_size, such as 0.2, or the "
            "path of the other set: load_data(train_path, test=test_path)"
        )
    in_test = stratified_test_mask(split.labels, test_size, seed)
    if not in_test.any():
        raise ValueError(
            f"test_size must select an image of {len(in_test):,}; received {test_size}"
        )
    images, labels = split
    return _named(
        Split(images[~in_test], labels[~in_test]),
        Split(images[in_test], labels[in_test]),
        conventions,
    )


def conventions_of(raw: RawDataset) -> Conventions:
    """Return how a data set with known names of files holds images and labels."""
    conventions = CONVENTIONS.get(raw.name, Conventions())
    one_based = all(
        split.labels.ndim > 1 or split.labels.min(initial=1) >= conventions.first_label
        for split in raw.parts.values()
    )
    return conventions if one_based else replace(conventions, first_label=0)


def convert_part(
    path: Path,
    raw: RawDataset,
    part: PartName,
    conventions: Conventions,
    transpose: bool | None = None,
) -> Split:
    """Return a part of a data set as images and labels; raise `CorruptFileError` if it is none."""
    try:
        return convert_split(
            "the" if part == "all" else part,
            raw.parts[part],
            transpose=conventions.transposed if transpose is None else transpose,
            first_label=conventions.first_label,
        )
    except (TypeError, ValueError) as error:
        raise CorruptFileError(
            f"{path} is not a data set of images: {escape(error, limit=400)}"
        ) from error


def _only_part(path: Path, raw: RawDataset, wanted: PartName) -> PartName:
    """Return the only part of a data set, or the one that is wanted."""
    if len(raw.parts) == 1:
        return next(iter(raw.parts))
    raise ValueError(
        f"test must be None, because {escape(path)} holds a training and a test set; "
        f"its {wanted} set alone can't be combined with another file"
    )


def _named(train: Split, test: Split, conventions: Conventions) -> Dataset:
    highest = max(int(split.labels.max(initial=0)) for split in (train, test))
    if conventions.class_names != DIGIT_NAMES and highest < len(conventions.class_names):
        return Dataset(train, test, conventions.class_names)
    return Dataset(train, test, class_names_of((train, test)))
