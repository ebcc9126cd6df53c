"""Write the drawing page beside the pages of the documentation.

Without Sphinx: ``python docs/_ext/draw.py draw.html``.
"""

import sys
from pathlib import Path
from typing import Any

from mnistcnn.serve.drawing_page import drawing_page
from mnistcnn.utils.atomic_write import write_text

NAME = "draw.html"


def build(path: Path) -> None:
    """Write the page to a file."""
    write_text(path, drawing_page())


def _build_with_docs(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        build(Path(app.outdir) / NAME)


def setup(app: Any) -> dict[str, bool]:
    """Build the page after the documentation."""
    app.connect("build-finished", _build_with_docs)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    build(Path(sys.argv[1]))
