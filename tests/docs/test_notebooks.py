"""The tutorial and the gallery as notebooks."""

import doctest
import re
from pathlib import Path
from types import SimpleNamespace

import approximate
import nbformat
import notebooks
import pytest

from tests.helpers.examples import EXAMPLES
from tests.helpers.notebook import execute_notebook

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text()
PAGE = """\
# Title

```{notebook-links} title
```

Use {py:func}`~mnistcnn.train`, see [](tutorial.md) and [a page](howto/export.md#onnx):

```{doctest}
>>> x = 1
>>> x  # doctest: +APPROX
1
>>> for i in range(2):
...     print(i)
0
1
>>> plot(x).savefig("x.png")
```

![An
image](images/x.png)

```python
load_data()
```
"""


def test_a_page_becomes_a_notebook():
    notebook = notebooks.tutorial_notebook(PAGE)
    nbformat.validate(nbformat.from_dict(notebook))
    assert [(cell["cell_type"], cell["source"]) for cell in notebook["cells"]] == [
        ("code", "%pip install --quiet mnistcnn\n%matplotlib inline"),
        (
            "markdown",
            ("# Title\n\n\nUse `train`, see *Tutorial: train your first network* and *a page*:"),
        ),
        ("code", "x = 1\nx"),
        ("code", "for i in range(2):\n    print(i)"),
        ("code", "plot(x)"),
        ("markdown", "```python\nload_data()\n```"),
    ]


def test_saved_figures_of_the_gallery_are_displayed():
    cells = [
        {"cell_type": "code", "source": ["figure.savefig('a.png', dpi=150)\n", "print(1)"]},
        {"cell_type": "markdown", "source": ["figure.savefig('a.png')"]},
    ]
    notebooks.show_saved_figures({"cells": cells})
    assert cells[0]["source"] == "figure.savefig('a.png', dpi=150)\ndisplay(figure)\nprint(1)"
    assert cells[1]["source"] == ["figure.savefig('a.png')"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_figures_of_the_examples_are_saved_on_a_line_of_their_own(path):
    code = path.read_text()
    saved = [line for line in code.splitlines() if ".savefig(" in line]
    assert saved == [match[0] for match in notebooks._SAVED_FIGURE.finditer(code)]


@pytest.mark.parametrize(
    ("repository", "page", "name", "expected"),
    [
        ("", "tutorial", "tutorial", ["notebooks/tutorial.ipynb", notebooks.COLAB]),
        (
            "/someone/site/blob/main/", "gallery/read_image", "read_image",
            [
                "../notebooks/read_image.ipynb",
                (
                    "https://colab.research.google.com/github/someone/site/blob/main/"
                    "notebooks/read_image.ipynb"
                ),
            ],
        ),
    ],
)  # fmt: skip
def test_links_to_a_notebook(repository, page, name, expected, monkeypatch):
    monkeypatch.setenv("MNISTCNN_NOTEBOOKS", repository)
    state = SimpleNamespace(
        document=SimpleNamespace(settings=SimpleNamespace(env=SimpleNamespace(docname=page)))
    )
    directive = notebooks.NotebookLinks(
        "notebook-links", [name], {}, [], 1, 0, "", state, SimpleNamespace(reporter=None)
    )
    (paragraph,) = directive.run()
    assert [link["refuri"] for link in paragraph.children if "refuri" in link] == expected
    assert paragraph.astext() == "Download the notebook · Open in Colab"


def test_the_links_are_below_the_title_of_a_gallery_page(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "DOCS", tmp_path)
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery/a.ipynb").touch()
    for page, linked in (("gallery/a", True), ("gallery/index", False), ("tutorial", False)):
        source = ["Title\n=====\n\nText\n\nOther\n=====\n"]
        notebooks._link_gallery(None, page, source)
        assert source[0].startswith("Title\n=====\n\n.. notebook-links:: a\n\n") == linked
        assert source[0].count("notebook-links") == linked


@pytest.mark.slow
def test_the_tutorial_runs_in_a_fresh_kernel_with_the_output_of_the_page(tmp_path):
    notebook = nbformat.from_dict(notebooks.tutorial_notebook(TUTORIAL))
    del notebook.cells[0]  # installs the package
    execute_notebook(notebook, tmp_path, timeout=600)
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    images = [
        output for cell in outputs for output in cell if "image/png" in output.get("data", ())
    ]
    assert len(images) == TUTORIAL.count(").savefig(") == 4
    blocks = re.findall(r"```\{doctest\}\n(.*?)```", TUTORIAL, re.DOTALL)
    examples = [e for block in blocks for e in doctest.DocTestParser().get_examples(block)]
    wanted = [example for example in examples if example.want]
    printed = [
        _text(cell) for cell in outputs if cell and "image/png" not in cell[0].get("data", ())
    ]
    assert len(printed) == len(wanted)
    checker = approximate.ApproximateChecker()
    for got, example in zip(printed, wanted, strict=True):
        flags = approximate.APPROX if approximate.APPROX in example.options else 0
        assert checker.check_output(example.want, f"{got.rstrip()}\n", flags), (got, example.want)


def _text(outputs):
    (output,) = outputs
    return output.text if output.output_type == "stream" else output.data["text/plain"]
