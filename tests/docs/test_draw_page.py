"""The HTML file of the drawing page, which `mnistcnn.serve.drawing_page` bundles."""

import base64
import re
from types import SimpleNamespace

import draw
import numpy as np
import pytest

from mnistcnn.serve.drawing_page import SCRIPTS, SOURCES, drawing_page
from mnistcnn.weights.pretrained import load_pretrained_weights, load_rejector_weights


def test_page_is_one_file_that_cannot_fetch_anything(tmp_path):
    path = tmp_path / "new" / "draw.html"
    draw.build(path)
    content = path.read_bytes()
    assert len(content) < 400_000
    text = content.decode()
    assert "default-src 'none'" in text
    for word in (
        "http:",
        "https:",
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ):
        assert word not in text.replace("xmlns='http://www.w3.org/2000/svg'", ""), word
    assert not re.search(r"@[a-z]+@", text)


def test_page_contains_every_script():
    assert {path.name for path in SOURCES.glob("*.js")} == set(SCRIPTS)


def test_page_contains_the_calibrated_pretrained_weights():
    found = re.search(r'start\("([^"]+)", "([^"]+)"\)', drawing_page()).groups()
    expected = load_pretrained_weights("best"), load_rejector_weights()
    for encoded, loaded in zip(found, expected, strict=True):
        numbers = np.concatenate([array.ravel() for array in loaded.weights(calibrated=True)])
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(encoded), "<f4"), numbers)


def test_page_links_to_the_documentation():
    assert '<a href="index.html">' in drawing_page()
    assert '<a href="../index.html">' in drawing_page("../index.html")


@pytest.mark.parametrize(
    ("builder_format", "error", "is_written"),
    [("html", None, True), ("html", ValueError("a broken page"), False), ("", None, False)],
)
def test_sphinx_writes_the_page_next_to_the_html_pages(tmp_path, builder_format, error, is_written):
    handlers = {}
    app = SimpleNamespace(
        outdir=str(tmp_path),
        builder=SimpleNamespace(format=builder_format),
        connect=handlers.__setitem__,
    )
    draw.setup(app)
    handlers["build-finished"](app, error)
    assert [path.name for path in tmp_path.iterdir()] == (["draw.html"] if is_written else [])
