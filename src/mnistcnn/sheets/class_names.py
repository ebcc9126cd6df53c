"""The class names of a form, which are printed above its boxes."""

from __future__ import annotations

from typing import Any

from mnistcnn.types import DIGIT_NAMES
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_class_names

# At most as many characters as fit above a box, and as many classes as labels of uint8.
_MAX_CHARS, _MAX_CLASSES = 8, 256


def check_printable_names(class_names: Any) -> tuple[str, ...]:
    """Return the names of the classes, by default those of the ten digits, as a tuple."""
    if class_names is None:
        return DIGIT_NAMES
    names = check_class_names(class_names)
    if len(names) > _MAX_CLASSES:
        raise ValueError(
            f"class_names must hold at most {_MAX_CLASSES} names; received {len(names)}"
        )
    for name in names:
        if len(name) > _MAX_CHARS:
            raise ValueError(
                f"class_names of a form must have at most {_MAX_CHARS} characters, which fit above "
                f"a box; received {quote(name)}"
            )
    return names
