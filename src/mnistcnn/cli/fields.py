"""The fields of a form: their file, and their readings."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.text import quote

if TYPE_CHECKING:
    from mnistcnn import Reading, Recognizer
    from mnistcnn.images.image_io import LoadedImage

_MAX_BYTES = 1_000_000
_MAX_FIELDS = 1000
_MAX_NAME_CHARS = 100
_MAX_DEPTH = 3  # a list of fields, which have a region
_RESERVED_NAMES = ("image", "page", "error")  # other columns of the table
_KEYS = ("name", "region", "pattern", "signs")
_SHAPE = f"be a list of 1...{_MAX_FIELDS:,} objects with the keys {', '.join(_KEYS)}"


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Parameters
    ----------
    name : str
        Its name in the output.
    region, pattern, signs
        As `Recognizer.read` takes them; None for the whole picture, any text, and the signs of
        all fields.
    """

    name: str
    region: tuple[float, ...] | None
    pattern: int | str | None
    signs: str | None = None


def load_fields(path: Path) -> list[Field]:
    """Read the file of ``--fields``, JSON.

    Raises
    ------
    OSError
        If the file can't be read.
    CorruptFileError
        If it is not such a file; the message names the file and the field.
    """
    from mnistcnn.utils.safe_read import loads_json, read_limited

    content = read_limited(path, limit=_MAX_BYTES)
    try:
        return _to_fields(loads_json("it", content, max_depth=_MAX_DEPTH))
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{path}: {error}") from None


def _to_fields(content: Any) -> list[Field]:
    if not isinstance(content, list) or not 1 <= len(content) <= _MAX_FIELDS:
        received = f"{len(content):,}" if isinstance(content, list) else quote(content)
        raise ValueError(f"it must {_SHAPE}; received {received}")
    fields = []
    for number, value in enumerate(content, 1):
        try:
            fields.append(_to_field(value))
        except (TypeError, ValueError) as error:
            raise ValueError(f"field {number}: {error}") from None
    names = Counter(field.name for field in fields)
    for name, count in names.items():
        if count > 1 or name in _RESERVED_NAMES:
            raise ValueError(
                "the fields must have different names other than 'image', 'page' and 'error'; "
                f"received {quote(name)}{' twice' if count > 1 else ''}"
            )
    return fields


def _to_field(value: Any) -> Field:
    from mnistcnn.ocr.pattern_matching import compile_pattern
    from mnistcnn.ocr.regions import check_region
    from mnistcnn.ocr.results import check_signs

    if not isinstance(value, dict):
        raise TypeError(f"it must be an object with the keys {', '.join(_KEYS)}")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise ValueError(f"its keys must be among {', '.join(_KEYS)}; received {quote(unknown[0])}")
    name = value.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= _MAX_NAME_CHARS or not name.isprintable():
        raise ValueError(
            f"name must be a text of 1...{_MAX_NAME_CHARS} printable characters; "
            f"received {quote(name)}"
        )
    region, pattern, signs = value.get("region"), value.get("pattern"), value.get("signs")
    if pattern is not None:
        compile_pattern(pattern)
    return Field(
        name,
        None if region is None else tuple(check_region(region)),
        pattern,
        None if signs is None else check_signs(signs),
    )


def read_fields(
    recognizer: Recognizer, image: LoadedImage, fields: Sequence[Field], **options: Any
) -> dict[str, Reading | ValueError]:
    """Return the reading of each field by its name; for a field without one, the error."""
    readings: dict[str, Reading | ValueError] = {}
    for field in fields:
        try:
            own = {} if field.signs is None else {"signs": field.signs}
            readings[field.name] = recognizer.read(
                image, region=field.region, pattern=field.pattern, **{**options, **own}
            )
        except CorruptFileError:  # the weights
            raise
        except ValueError as error:  # no reading fits, or the region exceeds the picture
            readings[field.name] = error
    return readings


def merge_readings(image: LoadedImage, readings: Mapping[str, Reading | ValueError]) -> Reading:
    """Return one reading with the digits and signs of all fields."""
    from mnistcnn import Reading

    found = [reading for reading in readings.values() if not isinstance(reading, ValueError)]
    starts = itertools.accumulate((len(reading.lines) for reading in found), initial=0)
    signs = [
        replace(sign, line=start + sign.line)
        for start, reading in zip(starts, found, strict=False)
        for sign in reading.signs
    ]
    return Reading(
        lines=tuple(line for reading in found for line in reading.lines),
        width=image.width,
        height=image.height,
        page=image.page,
        signs=tuple(signs),
    )
