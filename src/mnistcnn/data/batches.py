"""Iteration over the batches of any source, one at a time, so that memory holds only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_INFINITE = -1  # tf.data.INFINITE_CARDINALITY


def iter_batches(name: str, source: Any) -> Iterator[Any]:
    """Return an iterator over the batches of an iterable, a ``tf.data.Dataset`` or a PyDataset.

    The types are recognized by their attributes, so neither Keras nor TensorFlow is imported.

    Raises
    ------
    TypeError
        If `source` is not an iterable of batches.
    ValueError
        If it is infinite.
    """
    count = _num_batches(source)
    if count == _INFINITE:
        raise ValueError(f"{name} must be finite; received an infinite {type(source).__name__}")
    if count is not None:
        # A PyDataset accepts any index, so Python's iteration would never end.
        return (source[i] for i in range(count))
    if isinstance(source, str | bytes | Mapping) or not _is_iterable(source):
        raise TypeError(f"{name} must be an iterable of batches; received {source!r}")
    return iter(source)


def _num_batches(source: Any) -> int | None:
    """Return the length of a PyDataset, -1 for an infinite source, and None if unknown."""
    if hasattr(source, "num_batches") and hasattr(source, "__getitem__"):
        return _INFINITE if source.num_batches is None else int(source.num_batches)
    cardinality = getattr(source, "cardinality", None)
    if callable(cardinality) and int(cardinality()) == _INFINITE:
        return _INFINITE
    return None


def _is_iterable(source: Any) -> bool:
    try:
        iter(source)
    except TypeError:
        return False
    return True
