"""The API at a glance: every public name with the first sentence of its docstring, by stage.

``.. api-at-a-glance::`` shows the table. Names, stages and sentences come from the source, so that
a new name appears by itself; one in a subpackage without a stage is an error.
"""

import ast
import importlib.util
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from source_modules import source_modules
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from mnistcnn import recipes

# Title, page of the reference, and subpackages or modules; in the order of the work.
STAGES = (
    ("Load and preprocess data", "data", ("data", "types")),
    ("Collect digits on paper", "sheets", ("sheets",)),
    ("Build or load a model", "models", ("models",)),
    ("Train", "training", ("training", "recipes")),
    ("Train with several seeds", "sweeps", ("sweeps",)),
    ("Train in scikit-learn", "scikit-learn", ("estimators",)),
    ("Evaluate, calibrate, compare", "evaluation", ("evaluation",)),
    ("Plot and report", "plotting", ("plotting", "report")),
    ("Recognize digits, read images", "recognizer", ("ocr",)),
    ("Export", "export", ("export",)),
    ("Exceptions", "errors", ("errors",)),
)
_RECIPES = "mnistcnn.recipes"


def names_by_stage() -> dict[str, list[str]]:
    """Return the public names of each stage, functions first, as paths: ``mnistcnn.train``."""
    rooms = {room: title for title, _, rooms in STAGES for room in rooms}
    names: dict[str, list[str]] = {title: [] for title, _, _ in STAGES}
    for name, module in source_modules().items():
        names[rooms[module.split(".")[1]]].append(f"mnistcnn.{name}")
    names[rooms["recipes"]] += [_RECIPES, *(f"{_RECIPES}.{name}" for name in recipes.__all__)]
    return {
        title: sorted(paths, key=lambda path: not path.rpartition(".")[2].islower())
        for title, paths in names.items()
    }


def summary(path: str) -> str:
    """Return the first sentence of the docstring of a public name, or of its comment."""
    parent, _, name = path.rpartition(".")
    module = parent if parent == _RECIPES else source_modules().get(name, path)
    text = _docstring(module, name)
    if not text and module == _RECIPES:
        comments = ModuleAnalyzer.for_module(_RECIPES).find_attr_docs()
        text = "\n".join(comments[("", name)])
    sentence = re.split(r"(?<=\.)\s", " ".join(text.partition("\n\n")[0].split()))[0]
    if not sentence:
        raise ValueError(f"{path} must have a docstring")
    return sentence


def _docstring(module: str, name: str) -> str:
    """Return a docstring from the source, since importing the object would import Keras."""
    specification = importlib.util.find_spec(module)
    assert specification is not None
    assert specification.origin is not None
    tree = ast.parse(Path(specification.origin).read_text(encoding="utf-8"))
    if module == f"mnistcnn.{name}":
        return ast.get_docstring(tree) or ""
    definitions = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
    )
    return next(filter(None, map(ast.get_docstring, definitions)), "")  # overloads have none


class ApiAtAGlance(SphinxDirective):
    """The table, of two columns, with a row for the title of each stage."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        group = nodes.tgroup(cols=2)
        group += [nodes.colspec(colwidth=1), nodes.colspec(colwidth=2)]
        names = names_by_stage()
        for title, page, _ in STAGES:
            body = nodes.tbody()
            body += self._title(f":doc:`{title} </reference/{page}>`")
            for path in names[title]:
                body += self._row(path)
            group += body
        table = nodes.table(classes=["api-at-a-glance"])
        table += group
        return [table]

    def _title(self, text: str) -> nodes.row:
        entry = nodes.entry(morecols=1, classes=["stage"])
        entry += self._paragraph(text)
        row = nodes.row()
        row += entry
        return row

    def _row(self, path: str) -> nodes.row:
        shown = path.removeprefix("mnistcnn.")
        row = nodes.row()
        for text in (f":py:obj:`{shown} <{path}>`", summary(path)):
            entry = nodes.entry()
            entry += self._paragraph(text)
            row += entry
        return row

    def _paragraph(self, text: str) -> nodes.paragraph:
        children, messages = self.parse_inline(text, lineno=self.lineno)
        return nodes.paragraph("", "", *children, *messages)


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("api-at-a-glance", ApiAtAGlance)
    return {"parallel_read_safe": True}
