"""The base of immutable records of arrays that are stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_keys


class ArrayRecord:
    """Base of frozen dataclasses whose fields are NumPy arrays.

    A subclass validates its arrays in ``__post_init__`` and stores each with `_set`.
    """

    def _set(self, name: str, array: NDArray[Any]) -> None:
        array.setflags(write=False)
        object.__setattr__(self, name, array)

    def _arrays(self) -> list[NDArray[Any]]:
        return [getattr(self, name) for name in self._field_names()]

    @classmethod
    def _field_names(cls) -> list[str]:
        return [field.name for field in fields(cls)]  # type: ignore[arg-type]  # of subclasses

    @classmethod
    def _check_dict(cls, name: str, values: Any) -> None:
        """Raise unless `values` is a mapping from the names of the fields."""
        if not isinstance(values, Mapping):
            raise TypeError(f"{name} must be a dictionary; received {quote(values)}")
        check_keys(name, values, cls._field_names(), "keys")

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the arrays as lists by name, ready for JSON."""
        return {name: getattr(self, name).tolist() for name in self._field_names()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return all(map(np.array_equal, self._arrays(), other._arrays()))

    def __hash__(self) -> int:
        # Equal floats can differ in their bytes: 0.0 and -0.0.
        return hash(tuple(array.tobytes() for array in self._arrays() if array.dtype.kind == "i"))
