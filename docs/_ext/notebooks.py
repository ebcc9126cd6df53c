"""The tutorial and the gallery as Jupyter notebooks, with links to Colab.

The notebooks are in the folder ``notebooks`` of the HTML pages. Colab opens notebooks from GitHub
only: the environment variable ``MNISTCNN_NOTEBOOKS`` names the owner, repository and branch that
hold the published pages, such as ``owner/repository/blob/gh-pages``. Without it, the link opens
Colab, where the downloaded notebook can be uploaded.
"""

import doctest
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

DOCS = Path(__file__).parents[1]
EXTRA = DOCS / "_build/extra"  # what Sphinx copies next to the pages
FOLDER = "notebooks"
COLAB = "https://colab.research.google.com/"
FIRST_CELL = "%pip install --quiet mnistcnn\n%matplotlib inline"

_BLOCK = re.compile(r"^(`{3,})(.*?)\n(.*?)^\1\n", re.MULTILINE | re.DOTALL)
_ROLE = re.compile(r"\{py:\w+\}`~?(?:[\w.]+\.)?(\w+)`")
_IMAGE = re.compile(r"^!\[.*?\]\(.*?\)\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
_SAVED_RESULT = re.compile(r"\.savefig\(\"[^\"]+\"\)\s*\Z")
_SAVED_FIGURE = re.compile(r"^(\w+)\.savefig\(.*\)$", re.MULTILINE)


def tutorial_notebook(text: str) -> dict[str, Any]:
    """Return a page in Markdown as a notebook whose cells are the examples of the page."""
    cells = [_code_cell(FIRST_CELL)]
    position = 0
    for block in _BLOCK.finditer(text):
        if block[2] == "{doctest}":
            cells += [_markdown_cell(text[position : block.start()])]
            cells += map(_code_cell, _examples(block[3]))
            position = block.end()
    cells.append(_markdown_cell(text[position:]))
    return {
        "cells": [cell for cell in cells if cell["source"]],
        "metadata": {"kernelspec": {"display_name": "Python 3", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def show_saved_figures(notebook: dict[str, Any]) -> None:
    """Display each figure that a notebook of the gallery saves."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            text = "".join(cell["source"])
            cell["source"] = _SAVED_FIGURE.sub(r"\g<0>\ndisplay(\1)", text)


def _examples(block: str) -> Iterator[str]:
    """Yield the source of the examples up to each one that has an output."""
    sources: list[str] = []
    for example in doctest.DocTestParser().get_examples(block):
        source = re.sub(r"\s*# doctest:.*", "", example.source.rstrip("\n"))
        sources.append(_SAVED_RESULT.sub("", source))
        if example.want or source != sources[-1]:
            yield "\n".join(sources)
            sources = []
    if sources:
        yield "\n".join(sources)


def _markdown_cell(text: str) -> dict[str, Any]:
    text = re.sub(r"^```\{notebook-links\}.*?^```\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = _LINK.sub(_plain_link, _ROLE.sub(r"`\1`", _IMAGE.sub("", text)))
    return {"cell_type": "markdown", "metadata": {}, "source": text.strip()}


def _plain_link(link: re.Match[str]) -> str:
    """Return the text of a link to another page, by default the title of that page."""
    path = DOCS / link[2]
    title = link[1]
    if not title and path.suffix == ".md":
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return f"*{title}*"


def _code_cell(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


class NotebookLinks(Directive):
    """Links to a notebook: ``notebook-links:: tutorial``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a paragraph of two links."""
        name = self.arguments[0]
        page = self.state.document.settings.env.docname
        repository = os.environ.get("MNISTCNN_NOTEBOOKS", "").strip("/")
        colab = f"{COLAB}github/{repository}/{FOLDER}/{name}.ipynb" if repository else COLAB
        targets = (
            ("Download the notebook", f"{'../' * page.count('/')}{FOLDER}/{name}.ipynb"),
            ("Open in Colab", colab),
        )
        paragraph = nodes.paragraph(classes=["notebook-links"])
        for text, target in targets:
            if paragraph.children:
                paragraph += nodes.Text(" · ")
            paragraph += nodes.reference("", text, refuri=target, internal=False)
        return [paragraph]


def _write_notebooks(app: Any) -> None:
    """Write the notebooks, after sphinx-gallery has written those of the gallery."""
    folder = EXTRA / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tutorial = tutorial_notebook((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    _write(folder / "tutorial.ipynb", tutorial)
    for path in (Path(app.srcdir) / "gallery").glob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        show_saved_figures(notebook)
        _write(folder / path.name, notebook)


def _write(path: Path, notebook: dict[str, Any]) -> None:
    path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")


def _link_gallery(app: Any, page: str, source: list[str]) -> None:
    """Add the links below the title of a program of the gallery."""
    folder, _, name = page.partition("/")
    if folder == "gallery" and (DOCS / folder / f"{name}.ipynb").is_file():
        links = f"\n\n.. notebook-links:: {name}\n"
        source[0] = re.sub(r"^=+$", rf"\g<0>{links}", source[0], count=1, flags=re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    EXTRA.mkdir(parents=True, exist_ok=True)
    app.add_directive("notebook-links", NotebookLinks)
    app.connect("builder-inited", _write_notebooks, priority=900)  # after sphinx-gallery
    app.connect("source-read", _link_gallery)
    return {"parallel_read_safe": True}
