"""Let autodoc and viewcode find the source of the public API.

Public objects report ``mnistcnn`` as their module. Autodoc needs the module that defines an
object to list its members in the order of the source, and viewcode to link to its code.
"""

import ast
from pathlib import Path
from typing import Any

import mnistcnn


def source_modules() -> dict[str, str]:
    """Return the module of each public name, from the stub of the package."""
    stub = ast.parse(Path(mnistcnn.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"mnistcnn.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _set_source_modules(app: Any) -> None:
    if app.builder.format != "html":  # tracebacks in examples show the public module
        return
    for name, module in source_modules().items():
        getattr(mnistcnn, name).__module__ = module


def setup(app: Any) -> dict[str, bool]:
    """Set the modules before autodoc runs."""
    app.connect("builder-inited", _set_source_modules)
    return {"parallel_read_safe": True}
