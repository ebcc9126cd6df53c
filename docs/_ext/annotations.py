"""Show the annotations of functions and classes as the source writes them.

When evaluated, an alias such as ``ArrayLike`` becomes the long union that it stands for.
"""

import inspect
from typing import Any

from sphinx.pycode import ModuleAnalyzer

# Modules with overloaded functions, which are shown once, as they are defined.
_OVERLOADED = ("mnistcnn.data.preprocessing",)


class _SourceText:
    """An annotation whose representation is its source."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _use_source_annotations(
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
    source_signature = inspect.signature(value)
    parameters = [
        parameter.replace(annotation=_source_text(parameter.annotation))
        for parameter in source_signature.parameters.values()
        if parameter.name not in ("self", "cls")
    ]
    if what != "class" and isinstance(source_signature.return_annotation, str):
        returns = source_signature.return_annotation
    return str(inspect.Signature(parameters)), returns


def _source_text(annotation: Any) -> _SourceText:
    return _SourceText(getattr(annotation, "__forward_arg__", annotation))


def _drop_overloads(app: Any) -> None:
    for name in _OVERLOADED:
        analyzer = ModuleAnalyzer.for_module(name)
        analyzer.analyze()
        analyzer.overloads.clear()


def setup(app: Any) -> dict[str, bool]:
    """Connect to autodoc."""
    app.connect("builder-inited", _drop_overloads)
    app.connect("autodoc-process-signature", _use_source_annotations)
    return {"parallel_read_safe": True}
