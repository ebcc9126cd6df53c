"""Every check of an argument, and so the wording of every refusal.

A message gives the rule, then what came: ``patience must be at least 0; received -1``.
A wrong kind of thing is a ``TypeError``; a wrong value, shape or range a ``ValueError``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, PathLike

_Choice = TypeVar("_Choice")

_MAX_NAMES, _MAX_NAME_CHARS = 8, 40
_IMAGE = (IMAGE_SIZE, IMAGE_SIZE)
CALL_PREPROCESS = "call mnistcnn.preprocess first"


def check_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return `value` as an array of whole or floating numbers."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} must form one array; received {type(value).__name__}: {error}"
        ) from None
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} must be integers or floating numbers; received dtype {array.dtype}"
        )
    return array


def check_integer_dtype(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Return a new ``int64`` array of whole numbers, in whatever kind of number they came."""
    given = check_array(name, value)
    with np.errstate(invalid="ignore"):  # NaN and what is too large are no longer equal then
        array = np.array(given, np.int64)
    if not np.array_equal(array, given):
        raise ValueError(f"{name} must hold whole numbers; received fractions")
    return array


def check_images(images: ArrayLike) -> NDArray[Any]:
    """Return raw images as an array of shape ``(n, 28, 28)`` with lawful values."""
    array = check_array("images", images)
    shape = array.shape
    if shape[-1:] == (1,) and shape[-3:-1] == _IMAGE and array.ndim in (3, 4):
        array = array[..., 0]
    if array.shape[-2:] != _IMAGE or array.ndim not in (2, 3):
        raise ValueError(
            "images must have shape (28, 28), (n, 28, 28), (28, 28, 1) or (n, 28, 28, 1); "
            f"received {shape}"
        )
    if array.dtype.kind == "f":
        check_unit_interval("floating images", array)
    else:
        check_uint8_range("integer images", array)
    return array.reshape(-1, *_IMAGE)


def check_uint8_range(name: str, array: NDArray[Any]) -> None:
    """Refuse integers outside 0...255."""
    if array.dtype != np.uint8 and array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"{name} must lie in 0...255; received {array.min()}...{array.max()}")


def check_unit_interval(
    name: str, array: NDArray[Any], *, advice: str = "", tolerance: float = 0.0
) -> None:
    """Refuse values outside [0, 1], NaN among them."""
    if not array.size:
        return
    low, high = float(array.min()), float(array.max())
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"{name} must lie in [0, 1]; received NaN")
    if low < -tolerance or high > 1 + tolerance:
        hint = f": {advice}" if advice else ""
        raise ValueError(f"{name} must lie in [0, 1]; received {low:.9g}...{high:.9g}{hint}")


def check_same_length(first: str, first_count: int, second: str, second_count: int) -> None:
    """Refuse two things of different length that belong together."""
    if first_count != second_count:
        raise ValueError(
            f"{first} and {second} must have the same length; "
            f"received {first_count} and {second_count}"
        )


def is_one_hot(array: NDArray[Any], num_classes: int) -> bool:
    """Tell whether `array` is ``(n, num_classes)`` with a single 1 in each row of 0s."""
    return (
        array.ndim == 2
        and array.shape[1] == num_classes
        and bool(np.all((array == 0) | (array == 1)))
        and bool(np.all(array.sum(axis=1) == 1))
    )


def check_labels(labels: ArrayLike, num_classes: int) -> NDArray[np.intp]:
    """Return labels (one or many) as whole numbers in ``0...num_classes - 1``."""
    array = np.atleast_1d(check_array("labels", labels))
    if array.ndim != 1:
        wanted = f"(n,), or be one-hot of shape (n, {num_classes})"
        received = f"shape {array.shape}"
        if array.ndim == 2 and array.shape[1] == num_classes:
            received += " with rows that are not one-hot"
        raise ValueError(f"labels must have shape {wanted}; received {received}")
    if array.dtype.kind == "f":
        broken = array[array != np.floor(array)]
        if broken.size:
            raise ValueError(f"labels must be whole numbers; received {broken[0]:g}")
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        wrong = array[(array < 0) | (array >= num_classes)][0]
        raise ValueError(f"labels must lie in 0...{num_classes - 1}; received {wrong:g}")
    return array.astype(np.intp)


def check_preprocessed(
    x: ArrayLike, y: ArrayLike, *, names: tuple[str, str] = ("x", "y")
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what `preprocess` gave, or say why it is not that."""
    x_name, y_name = names
    x_array, y_array = check_array(x_name, x), check_array(y_name, y)
    if x_array.shape[1:] != (*_IMAGE, 1):
        raise ValueError(
            f"{x_name} must have shape (n, 28, 28, 1); received {x_array.shape}: {CALL_PREPROCESS}"
        )
    if x_array.dtype.kind != "f":
        raise TypeError(
            f"{x_name} must be floating numbers in [0, 1]; "
            f"received {x_array.dtype}: {CALL_PREPROCESS}"
        )
    if not is_one_hot(y_array, NUM_CLASSES):
        received = f"shape {y_array.shape}"
        if y_array.ndim == 2 and y_array.shape[1] == NUM_CLASSES:
            received = "rows that are not one-hot"
        raise ValueError(
            f"{y_name} must be one-hot of shape (n, {NUM_CLASSES}); "
            f"received {received}: {CALL_PREPROCESS}"
        )
    check_same_length(x_name, len(x_array), y_name, len(y_array))
    if not len(x_array):
        raise ValueError(f"{x_name} must hold at least one image; received none")
    check_unit_interval(x_name, x_array, advice=CALL_PREPROCESS)
    return x_array.astype(np.float32, copy=False), y_array.astype(np.float32, copy=False)


def check_batch(name: str, value: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a batch of preprocessed images and labels, or say why it is not one."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        had = f"{len(value)} parts" if isinstance(value, tuple | list) else type(value).__name__
        raise ValueError(f"{name} must be a pair (x, y); received {had}")
    x, y = value
    return check_preprocessed(x, y, names=(f"{name}: x", f"{name}: y"))


def check_int(name: str, value: Any, *, at_least: int) -> int:
    """Return an integer (NumPy's count too; ``True`` does not) of at least `at_least`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be a whole number; received {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}; received {value}")
    return int(value)


def check_float(name: str, value: Any) -> float:
    """Return a finite real number."""
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise TypeError(f"{name} must be a number; received {value!r}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; received {value}")
    return number


def check_positive(name: str, value: Any) -> float:
    """Return a finite number above 0."""
    number = check_float(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be above 0; received {value}")
    return number


def check_non_negative(name: str, value: Any) -> float:
    """Return a finite number of at least 0."""
    number = check_float(name, value)
    if number < 0:
        raise ValueError(f"{name} must be at least 0; received {value}")
    return number


def check_fraction(name: str, value: Any) -> float:
    """Return a number in [0, 1)."""
    return check_half_open(1, name, value)


def check_half_open(end: int, name: str, value: Any) -> float:
    """Return a number of at least 0 and below `end`."""
    number = check_float(name, value)
    if not 0 <= number < end:
        raise ValueError(f"{name} must lie in [0, {end}); received {value}")
    return number


def check_seed(value: Any) -> int | None:
    """Return a seed: ``None`` (draw afresh) or a whole number of at least 0."""
    return None if value is None else check_int("seed", value, at_least=0)


def check_bool(name: str, value: Any) -> bool:
    """Return ``True`` or ``False`` (NumPy's too); 0 and 1 are refused."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False; received {value!r}")
    return bool(value)


def check_in(name: str, value: Any, choices: Collection[_Choice]) -> _Choice:
    """Return `value` if it is among `choices`."""
    for choice in choices:
        if isinstance(value, type(choice)) and value == choice:
            return choice
    listed = ", ".join(repr(choice) for choice in choices)
    raise ValueError(f"{name} must be one of {listed}; received {value!r}")


def check_path(name: str, value: PathLike, *, suffixes: tuple[str, ...] = ()) -> Path:
    """Return a path, with one of `suffixes` where any are named."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a path; received {value!r}")
    result = Path(value)
    if "\0" in str(result):
        raise ValueError(f"{name} must hold no null character; received {str(value)!r}")
    if suffixes and not result.name.endswith(suffixes):
        raise ValueError(f"{name} must end in {' or '.join(suffixes)}; received {str(value)!r}")
    return result


def check_keys(what: str, received: Collection[str], names: Collection[str], kind: str) -> None:
    """Refuse when `received` are not just the `names`, and say which differ."""
    missing = [name for name in names if name not in received]
    unknown = [name for name in received if name not in names]
    if missing or unknown:
        said = [f"missing: {', '.join(missing)}"] if missing else []
        # A file may have any number of names of any length.
        shown = [repr(name[:_MAX_NAME_CHARS]) for name in unknown[:_MAX_NAMES]]
        said += [f"unknown: {', '.join(shown)}"] if unknown else []
        raise ValueError(f"{what} must hold the {kind} {', '.join(names)}; {'; '.join(said)}")
