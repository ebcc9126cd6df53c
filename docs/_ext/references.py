"""Show the References section of a docstring as a numbered list.

NumPy-style docstrings define references as footnotes (``.. [1] title``) and cite them as ``[1]_``.
Footnotes don't work in MyST's ``eval-rst`` blocks, and two docstrings on one page would define
the same label twice.
"""

import re
from typing import Any

_CITATION = re.compile(r"\[(\d+)\]_")
_DEFINITION = re.compile(r"^(\s*)\.\. \[(\d+)\]")


def _as_list(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    for index, text in enumerate(lines):
        lines[index] = _CITATION.sub(r"[\1]", _DEFINITION.sub(r"\1\2.", text))


def setup(app: Any) -> dict[str, bool]:
    """Connect to autodoc."""
    app.connect("autodoc-process-docstring", _as_list)
    return {"parallel_read_safe": True}
