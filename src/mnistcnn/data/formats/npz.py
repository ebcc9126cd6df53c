"""NumPy's ``.npz`` archives, with the names of Keras and others in use."""

from __future__ import annotations

import re
import zipfile
from typing import Any

from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.data.formats.npy import read_npy
from mnistcnn.data.formats.raw import PartName, RawSplit, pair_parts
from mnistcnn.data.formats.roles import Kind, Part, role_of
from mnistcnn.types import NUM_PIXELS
from mnistcnn.utils.safe_read import member_size
from mnistcnn.utils.text import quote_names

NPZ_NAMES = ("x_train", "y_train", "x_test", "y_test")
_SUFFIX = ".npy"
_UNNAMED = re.compile(r"arr_\d")


def is_npz(names: list[str]) -> bool:
    """Return whether an archive with these members is an ``.npz`` archive."""
    return any(name.endswith(_SUFFIX) for name in names)


def read_npz_archive(
    archive: zipfile.ZipFile, limit: UnpackingLimit
) -> dict[PartName, RawSplit] | NDArray[Any]:
    """Return the splits of an archive, or its array if it holds a single one without a name.

    The names are those of Keras (``x_train``), or others that state the same, such as
    ``train_images`` or ``X`` and ``y``. Arrays saved without names (``arr_0``) are recognized by
    their shapes: images, then labels, of the training set, then of the test set.
    """
    members = [name for name in archive.namelist() if name.endswith(_SUFFIX) and "/" not in name]
    keys = [name.removesuffix(_SUFFIX) for name in members]
    if keys and all(map(_UNNAMED.fullmatch, keys)):
        return _unnamed([_read(archive, key, limit) for key in sorted(keys)])
    found: dict[tuple[Part | None, Kind], str] = {}
    for key in sorted(keys, key=lambda key: (key not in NPZ_NAMES, role_of(key).prefix, key)):
        role = role_of(key)
        if role.kind is not None:
            found.setdefault((role.part, role.kind), key)
    try:
        parts = pair_parts(found, _spell)
    except ValueError as error:
        raise ValueError(
            f"{str(error).replace('hold', 'hold the arrays', 1)}; its members: "
            f"{quote_names(archive.namelist())}"
        ) from None
    # Check all of them before the first one is read.
    limit.check(
        sum(member_size(archive, f"{key}{_SUFFIX}") for pair in parts.values() for key in pair)
    )
    return {
        part: RawSplit(_read(archive, images, limit), _read(archive, labels, limit))
        for part, (images, labels) in parts.items()
    }


def _spell(part: Part, kind: Kind) -> str:
    return f"{'x' if kind == 'images' else 'y'}_{part}"


def _read(archive: zipfile.ZipFile, key: str, limit: UnpackingLimit) -> NDArray[Any]:
    name = f"{key}{_SUFFIX}"
    size = member_size(archive, name)
    limit.check(size)
    with archive.open(name) as member:
        return read_npy(member, limit, size=size)


def _unnamed(arrays: list[NDArray[Any]]) -> dict[PartName, RawSplit] | NDArray[Any]:
    if len(arrays) == 1:
        return arrays[0]
    images = [a for a in arrays if a.ndim > 1 and a.size >= NUM_PIXELS * len(a)]
    labels = [a for a in arrays if not any(a is image for image in images)]
    if len(images) != len(labels) or len(images) > 2:
        raise ValueError(
            "arrays without names must be images and labels, of one set or of two; "
            f"received the shapes {', '.join(str(a.shape) for a in arrays)}"
        )
    parts: tuple[PartName, ...] = ("train", "test") if len(images) == 2 else ("all",)
    return dict(zip(parts, map(RawSplit, images, labels), strict=True))
