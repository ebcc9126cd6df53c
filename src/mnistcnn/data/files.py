"""Data sets of the user's own: read from files, converted and split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mnistcnn.data.catalog import CONVENTIONS, Conventions
from mnistcnn.data.conversion import class_names_of, convert_split
from mnistcnn.data.formats.raw import PartName, RawDataset, RawSplit
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
    verbose: bool = False,
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
    raw = read_raw_dataset(path, verbose=verbose)
    if test is None:
        splits = convert(path, raw, transpose=transpose, seed=seed)
        return to_dataset(path, splits, conventions_of(raw), test_size=test_size, seed=seed)
    if test_size is not None:
        raise ValueError(f"test_size must be None if test is given; received {test_size}")
    raw, raw_test = _with_common_classes(raw, read_raw_dataset(test, verbose=verbose))
    train_split = _only(path, convert(path, raw, transpose=transpose, seed=seed), "train")
    test_split = _only(test, convert(test, raw_test, transpose=transpose, seed=seed), "test")
    return _named(train_split, test_split, conventions_of(raw))


def to_dataset(
    path: Path,
    splits: dict[PartName, Split],
    conventions: Conventions,
    *,
    test_size: float | None = None,
    seed: int | None = 0,
) -> Dataset:
    """Return the parts of a data set as training and test set; a single one is split."""
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
    """Return how a data set with known names of classes or files holds images and labels."""
    if raw.class_names is not None:
        return Conventions(raw.class_names)
    conventions = CONVENTIONS.get(raw.name, Conventions())
    one_based = all(
        split.labels.ndim > 1 or split.labels.min(initial=1) >= conventions.first_label
        for split in raw.parts.values()
    )
    return conventions if one_based else replace(conventions, first_label=0)


def convert(
    path: Path,
    raw: RawDataset,
    conventions: Conventions | None = None,
    *,
    transpose: bool | None = None,
    seed: int | None = 0,
) -> dict[PartName, Split]:
    """Return the parts of a data set as images and labels.

    `conventions` are by default those of `conventions_of`. Images without an order are shuffled.

    Raises
    ------
    CorruptFileError
        If shapes or values are invalid.
    """
    conventions = conventions_of(raw) if conventions is None else conventions
    splits: dict[PartName, Split] = {}
    for part, arrays in raw.parts.items():
        try:
            split = convert_split(
                "the" if part == "all" else part,
                arrays,
                transpose=conventions.transposed if transpose is None else transpose,
                first_label=conventions.first_label,
            )
        except (TypeError, ValueError) as error:
            raise CorruptFileError(
                f"{path} is not a data set of images: {escape(error, limit=400)}"
            ) from error
        splits[part] = split if raw.is_ordered else _shuffled(split, seed)
    return splits


def _shuffled(split: Split, seed: int | None) -> Split:
    order = np.random.default_rng(seed).permutation(len(split.labels))
    return Split(split.images[order], split.labels[order])


def _with_common_classes(first: RawDataset, second: RawDataset) -> tuple[RawDataset, RawDataset]:
    """Return two data sets whose labels have the same names."""
    if first.class_names == second.class_names:
        return first, second
    named = [_names_of_labels(raw) for raw in (first, second)]
    class_names = tuple(
        sorted({name for parts in named for names in parts.values() for name in names})
    )
    numbers = {name: number for number, name in enumerate(class_names)}
    results = []
    for raw, parts in zip((first, second), named, strict=True):
        splits: dict[PartName, RawSplit] = {
            part: RawSplit(raw.parts[part].images, np.array([numbers[name] for name in names]))
            for part, names in parts.items()
        }
        results.append(replace(raw, parts=splits, class_names=class_names))
    return results[0], results[1]


def _names_of_labels(raw: RawDataset) -> dict[PartName, list[str]]:
    names = raw.class_names
    return {
        part: [str(label) if names is None else names[label] for label in split.labels.tolist()]
        for part, split in raw.parts.items()
    }


def _only(path: Path, splits: dict[PartName, Split], wanted: PartName) -> Split:
    """Return the only part of a data set."""
    if len(splits) > 1:
        raise ValueError(
            f"test must be None, because {escape(path)} holds a training and a test set; "
            f"its {wanted} set alone can't be combined with another file"
        )
    return next(iter(splits.values()))


def _named(train: Split, test: Split, conventions: Conventions) -> Dataset:
    highest = max(int(split.labels.max(initial=0)) for split in (train, test))
    if conventions.class_names != DIGIT_NAMES and highest < len(conventions.class_names):
        return Dataset(train, test, conventions.class_names)
    return Dataset(train, test, class_names_of((train, test)))
