"""Validation of arguments.

Each message states the rule, then the value: ``patience must be at least 0; received -1``.
A wrong type raises ``TypeError``; a wrong value, shape or range raises ``ValueError``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, NUM_PIXELS, PathLike
from mnistcnn.utils.text import did_you_mean, escape, quote, quote_names

_Choice = TypeVar("_Choice")

_IMAGE_SHAPE = (IMAGE_SIZE, IMAGE_SIZE)
# Names of the column of labels in a table, in lower case.
LABEL_COLUMNS = ("label", "labels", "class", "target", "y", "digit", "character")
CALL_PREPROCESS = "call mnistcnn.preprocess first"
_MAX_NAME_CHARS = 64  # of a class


def check_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return `value` as an array of integers or floats."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} must be convertible to one array; "
            f"received {type(value).__name__}: {escape(error)}"
        ) from None
    if array.dtype.kind == "O":
        array = _without_nullable_dtypes(name, value, array)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be integers or floats; received dtype {escape(array.dtype)}")
    return array


def _without_nullable_dtypes(name: str, value: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers of a pandas object with nullable or Arrow dtypes, else `array`."""
    dtypes = getattr(value, "dtypes", None)
    if dtypes is None or not hasattr(value, "to_numpy"):
        return array
    kinds = {getattr(dtype, "kind", "") for dtype in (dtypes if array.ndim > 1 else [dtypes])}
    if not kinds <= {"i", "u", "f"}:
        return array
    missing = np.asarray(value.isna()).reshape(len(array), -1).any(axis=1)
    if missing.any():
        raise ValueError(
            f"{name} must have no missing values; received one in row {missing.argmax()}"
        )
    converted: NDArray[Any] = value.to_numpy(dtype=np.float64 if "f" in kinds else np.int64)
    return converted


def check_integer_values(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Return integral values of any numeric dtype as a new ``int64`` array."""
    numbers = check_array(name, value)
    # NaN and values beyond int64 change in the conversion, so the comparison finds them.
    with np.errstate(invalid="ignore"):
        array = np.array(numbers, np.int64)
    if not np.array_equal(array, numbers):
        raise ValueError(f"{name} must hold integers; received fractional values")
    return array


def check_images(images: ArrayLike) -> NDArray[Any]:
    """Return raw images as an array of shape ``(n, 28, 28)`` with valid values."""
    array = check_array("images", images)
    shape = array.shape
    if array.ndim == 2 and shape[1] == NUM_PIXELS:
        array = array.reshape(-1, *_IMAGE_SHAPE)
    elif shape[-1:] == (1,) and shape[-3:-1] == _IMAGE_SHAPE and array.ndim in (3, 4):
        array = array[..., 0]
    if array.shape[-2:] != _IMAGE_SHAPE or array.ndim not in (2, 3):
        raise ValueError(
            "images must have shape (28, 28), (n, 28, 28), (28, 28, 1), (n, 28, 28, 1) or "
            f"(n, 784); received {shape}{_column_advice(images)}"
        )
    if array.dtype.kind == "f":
        check_unit_interval("floating-point images", array)
    else:
        check_uint8_range("integer images", array)
    return array.reshape(-1, *_IMAGE_SHAPE)


def _column_advice(images: Any) -> str:
    """Return advice if a table has a column of labels beside the 784 of pixels."""
    columns = getattr(images, "columns", None)
    if columns is None:
        return ""
    names = [name for name in columns if str(name).lower() in LABEL_COLUMNS]
    return f": pass the column {quote(names[0])} as labels" if len(names) == 1 else ""


def check_uint8_range(name: str, array: NDArray[Any]) -> None:
    """Raise ``ValueError`` for integers outside 0...255."""
    if array.dtype != np.uint8 and array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"{name} must lie in 0...255; received {array.min()}...{array.max()}")


def check_unit_interval(
    name: str, array: NDArray[Any], *, advice: str = "", tolerance: float = 0.0
) -> None:
    """Raise ``ValueError`` for values outside [0, 1] and for NaN."""
    if not array.size:
        return
    low, high = float(array.min()), float(array.max())
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"{name} must lie in [0, 1]; received NaN")
    if low < -tolerance or high > 1 + tolerance:
        hint = f": {advice}" if advice else ""
        raise ValueError(f"{name} must lie in [0, 1]; received {low:.9g}...{high:.9g}{hint}")


def check_same_length(first: str, first_count: int, second: str, second_count: int) -> None:
    """Raise ``ValueError`` if two lengths differ."""
    if first_count != second_count:
        raise ValueError(
            f"{first} and {second} must have the same length; "
            f"received {first_count} and {second_count}"
        )


def is_one_hot(array: NDArray[Any], num_classes: int) -> bool:
    """Return whether `array` has shape ``(n, num_classes)`` and one-hot rows."""
    return (
        array.ndim == 2
        and array.shape[1] == num_classes
        and bool(np.all((array == 0) | (array == 1)))
        and bool(np.all(array.sum(axis=1) == 1))
    )


def check_labels(
    labels: ArrayLike, num_classes: int, *, name: str = "labels", advice: str = ""
) -> NDArray[np.intp]:
    """Return a label or labels as an ``intp`` array with values in ``0...num_classes - 1``."""
    array = np.atleast_1d(check_array(name, labels))
    if array.ndim != 1:
        expected = f"(n,), or be one-hot of shape (n, {num_classes})"
        received = f"shape {array.shape}"
        if array.ndim == 2 and array.shape[1] == num_classes:
            received += " with rows that are not one-hot"
        raise ValueError(f"{name} must have shape {expected}; received {received}")
    if array.dtype.kind == "f":
        fractional = np.flatnonzero(array != np.floor(array))
        if fractional.size:
            row = fractional[0]
            raise ValueError(f"{name} must be integers; received {array[row]:g} in row {row}")
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        row = np.flatnonzero((array < 0) | (array >= num_classes))[0]
        hint = f": {advice}" if advice and array[row] > 0 else ""
        raise ValueError(
            f"{name} must lie in 0...{num_classes - 1}; received {array[row]:g} in row {row}{hint}"
        )
    return array.astype(np.intp)


def one_hot(labels: NDArray[np.intp], num_classes: int) -> NDArray[np.float32]:
    """Return labels in ``0...num_classes - 1`` as one-hot rows, ``float32 (n, num_classes)``."""
    encoded = np.zeros((len(labels), num_classes), dtype=np.float32)
    encoded[np.arange(len(labels)), labels] = 1
    return encoded


def check_class_names(value: Any, *, num_classes: int | None = None) -> tuple[str, ...]:
    """Return the names of the classes as a tuple, one for each of `num_classes`.

    Names are printed and drawn, so each must be printable and short.
    """
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise TypeError(f"class_names must be a list of strings; received {quote(value)}")
    names = tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"class_names must be strings; received {quote(name)}")
        if not (name.isprintable() and name.strip()) or len(name) > _MAX_NAME_CHARS:
            raise ValueError(
                f"class_names must be printable, of 1 to {_MAX_NAME_CHARS} characters; "
                f"received {quote(str(name))}"
            )
    if len(set(names)) < len(names):
        repeated = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"class_names must differ; received {quote(str(repeated))} twice")
    if not names or (num_classes is not None and len(names) != num_classes):
        expected = "at least one name" if num_classes is None else f"{num_classes} names"
        raise ValueError(f"class_names must hold {expected}; received {len(names)}")
    return tuple(map(str, names))  # of NumPy's strings


def default_class_names(num_classes: int) -> tuple[str, ...]:
    """Return the names of classes that have none: their numbers, such as those of digits."""
    return tuple(map(str, range(num_classes)))


def resolve_classes(
    num_classes: int | None, class_names: Any, *, minimum: int = 1
) -> tuple[int, tuple[str, ...]]:
    """Return the number and the names of the classes, by default those of the ten digits."""
    if num_classes is not None:
        num_classes = check_int("num_classes", num_classes, minimum=minimum)
    if class_names is None:
        num_classes = NUM_CLASSES if num_classes is None else num_classes
        return num_classes, default_class_names(num_classes)
    names = check_class_names(class_names, num_classes=num_classes)
    return check_int("the number of class_names", len(names), minimum=minimum), names


def check_preprocessed(
    x: ArrayLike,
    y: ArrayLike,
    *,
    num_classes: int = NUM_CLASSES,
    names: tuple[str, str] = ("x", "y"),
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return images and labels as `preprocess` returns them; raise if they differ from that.

    Labels may also be integers of shape ``(n,)``, which are one-hot encoded.
    """
    x_name, y_name = names
    x_array, y_array = check_array(x_name, x), check_array(y_name, y)
    if x_array.shape[1:] != (*_IMAGE_SHAPE, 1):
        raise ValueError(
            f"{x_name} must have shape (n, 28, 28, 1); received {x_array.shape}: {CALL_PREPROCESS}"
        )
    if x_array.dtype.kind != "f":
        raise TypeError(
            f"{x_name} must be floats in [0, 1]; received {x_array.dtype}: {CALL_PREPROCESS}"
        )
    if y_array.ndim == 1:
        y_array = one_hot(check_labels(y_array, num_classes, name=y_name), num_classes)
    elif not is_one_hot(y_array, num_classes):
        received = f"shape {y_array.shape}"
        if y_array.ndim == 2 and y_array.shape[1] == num_classes:
            received = "rows that are not one-hot"
        raise ValueError(
            f"{y_name} must be one-hot of shape (n, {num_classes}), or integers of shape (n,); "
            f"received {received}: {preprocess_advice(num_classes)}"
        )
    check_same_length(x_name, len(x_array), y_name, len(y_array))
    if not len(x_array):
        raise ValueError(f"{x_name} must hold at least one image; received none")
    check_unit_interval(x_name, x_array, advice=CALL_PREPROCESS)
    return x_array.astype(np.float32, copy=False), y_array.astype(np.float32, copy=False)


def preprocess_advice(num_classes: int) -> str:
    """Return the advice for labels that are not preprocessed."""
    if num_classes == NUM_CLASSES:
        return CALL_PREPROCESS
    return f"call mnistcnn.preprocess with num_classes={num_classes} first"


def check_sample_weight(name: str, value: ArrayLike, count: int) -> NDArray[np.float32]:
    """Return the weights of `count` images, ``float32 (count,)``, finite and at least 0."""
    array = check_array(name, value)
    if array.shape != (count,):
        raise ValueError(
            f"{name} must have shape ({count},), one weight per image; received {array.shape}"
        )
    invalid = np.flatnonzero(~((array >= 0) & np.isfinite(array)))
    if invalid.size:
        row = invalid[0]
        raise ValueError(
            f"{name} must be finite and at least 0; received {array[row]:g} in row {row}"
        )
    return array.astype(np.float32, copy=False)


def check_batch(
    name: str, value: Any, *, num_classes: int = NUM_CLASSES, or_weighted: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a batch of preprocessed images and labels; raise if it is not one.

    `or_weighted` is whether the error says that weights would be accepted too.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        received = (
            f"{len(value)} elements" if isinstance(value, tuple | list) else type(value).__name__
        )
        expected = "(x, y) or (x, y, sample_weight)" if or_weighted else "(x, y)"
        raise ValueError(f"{name} must be a pair {expected}; received {received}")
    x, y = value
    return check_preprocessed(x, y, num_classes=num_classes, names=(f"{name}: x", f"{name}: y"))


def check_int(
    name: str, value: Any, *, minimum: int, maximum: int | None = None, reason: str = ""
) -> int:
    """Return an integer of at least `minimum`; NumPy integers are accepted, booleans are not.

    The message for an integer above `maximum` gives the `reason`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer; received {quote(value)}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}; received {escape(value)}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, {reason}; received {escape(value)}")
    return int(value)


def check_float(name: str, value: Any) -> float:
    """Return a finite real number."""
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise TypeError(f"{name} must be a number; received {quote(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the range of a float
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; received {escape(value)}")
    return number


def check_positive(name: str, value: Any) -> float:
    """Return a finite number greater than 0."""
    number = check_float(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be greater than 0; received {escape(value)}")
    return number


def check_non_negative(name: str, value: Any) -> float:
    """Return a finite number of at least 0."""
    number = check_float(name, value)
    if number < 0:
        raise ValueError(f"{name} must be at least 0; received {escape(value)}")
    return number


def check_fraction(name: str, value: Any) -> float:
    """Return a number in [0, 1)."""
    return check_half_open(name, value, end=1)


def check_half_open(name: str, value: Any, *, end: int) -> float:
    """Return a number in [0, `end`)."""
    number = check_float(name, value)
    if not 0 <= number < end:
        raise ValueError(f"{name} must lie in [0, {end}); received {escape(value)}")
    return number


def check_seed(value: Any) -> int | None:
    """Return a seed: an integer of at least 0, or ``None`` for a random one."""
    return None if value is None else check_int("seed", value, minimum=0)


def check_bool(name: str, value: Any) -> bool:
    """Return a bool; NumPy booleans are accepted, 0 and 1 are not."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; received {quote(value)}")
    return bool(value)


def check_in(name: str, value: Any, choices: Collection[_Choice]) -> _Choice:
    """Return `value` if it is among `choices`."""
    for choice in choices:
        if isinstance(value, type(choice)) and value == choice:
            return choice
    listed = ", ".join(repr(choice) for choice in choices)
    raise ValueError(
        f"{name} must be one of {listed}; received {quote(value)}{did_you_mean(value, choices)}"
    )


def check_path(name: str, value: PathLike, *, suffixes: tuple[str, ...] = ()) -> Path:
    """Return a path whose name ends in one of `suffixes`, if any are given."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a path; received {quote(value)}")
    result = Path(value)
    if "\0" in str(result):
        raise ValueError(f"{name} must not contain a null character; received {quote(str(value))}")
    if suffixes and not result.name.endswith(suffixes):
        raise ValueError(
            f"{name} must end in {' or '.join(suffixes)}; received {quote(str(value))}"
        )
    return result


def check_keys(what: str, received: Collection[str], names: Collection[str], kind: str) -> None:
    """Raise ``ValueError`` that lists missing and unknown keys unless `received` equals `names`."""
    missing = [name for name in names if name not in received]
    unknown = [name for name in received if name not in names]
    if missing or unknown:
        differences = [f"missing: {', '.join(missing)}"] if missing else []
        differences += [f"unknown: {quote_names(unknown)}"] if unknown else []
        raise ValueError(
            f"{what} must hold the {kind} {', '.join(names)}; {'; '.join(differences)}"
        )
