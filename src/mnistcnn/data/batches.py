"""Batches from wherever they come, one at a time, so that memory holds no more than one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_INFINITE = -1  # as tf.data says it


def iter_batches(name: str, source: Any) -> Iterator[Any]:
    """Return an iterator over the batches of an iterable, a ``tf.data.Dataset`` or a PyDataset.

    Known by what they offer, so that neither Keras nor TensorFlow is imported to ask. What
    would never end is refused at once.
    """
    count = _length(source)
    if count == _INFINITE:
        raise ValueError(f"{name} must come to an end; received {type(source).__name__} without")
    if count is not None:
        # A PyDataset answers any index, so Python's own iteration would never end.
        return (source[i] for i in range(count))
    if isinstance(source, str | bytes | Mapping) or not _is_iterable(source):
        raise TypeError(f"{name} must be an iterable of batches; received {source!r}")
    return iter(source)


def _length(source: Any) -> int | None:
    """Return how many batches a PyDataset has; -1: no end; None: its iterator will tell."""
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
