"""Show the annotations of functions and classes as the source writes them.

Evaluated, an alias such as ``ArrayLike`` becomes the long union that it stands for.
"""

import inspect
from typing import Any

from sphinx.pycode import ModuleAnalyzer


class _Written:
    """An annotation that prints as its source."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _as_written(
    app: Any,
    what: str,
    name: str,
    value: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    if signature is None or what not in ("function", "method", "class"):
        return None
    written = inspect.signature(value)
    parameters = [
        one.replace(annotation=_Written(getattr(one.annotation, "__forward_arg__", one.annotation)))
        for one in written.parameters.values()
        if one.name not in ("self", "cls")
    ]
    given = written.return_annotation
    returns = given if what != "class" and isinstance(given, str) else returns
    return str(inspect.Signature(parameters)), returns


def _without_overloads(app: Any) -> None:
    """Show an overloaded function once, as it is defined; the text says what it gives when."""
    for name in ("mnistcnn.data.preprocessing",):
        analyzer = ModuleAnalyzer.for_module(name)
        analyzer.analyze()
        analyzer.overloads.clear()


def setup(app: Any) -> dict[str, bool]:
    """Connect to autodoc."""
    app.connect("builder-inited", _without_overloads)
    app.connect("autodoc-process-signature", _as_written)
    return {"parallel_read_safe": True}
