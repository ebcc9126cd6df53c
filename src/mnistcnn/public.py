"""The decorator of the public API."""

from __future__ import annotations

from typing import TypeVar

_Object = TypeVar("_Object")


def public(item: _Object) -> _Object:
    """Set ``__module__`` to ``"mnistcnn"``, the path under which users import the object.

    Tracebacks, pickles and the documentation then show the public path, which stays valid when
    the object moves to another module.
    """
    item.__module__ = "mnistcnn"
    return item
