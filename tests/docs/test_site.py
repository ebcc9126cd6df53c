"""What the documentation's pages promise: links of their own, nothing fetched, a first page."""

import ast
import importlib
import inspect
import pathlib
import re
import runpy
import zlib
from types import SimpleNamespace

import pytest
from PIL import Image

import mnistcnn

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
inventories, offline = (
    SimpleNamespace(**runpy.run_path(str(DOCS / "_ext" / name)))
    for name in ("inventories.py", "offline.py")
)
PAGES = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
SOURCES = sorted(inventories.SOURCES.glob("*.txt"))


def names_in_signatures():
    """Each name in an annotation of something public, and of its public methods."""
    for name in mnistcnn.__all__:
        value = getattr(mnistcnn, name)
        for one in vars(value).values() if inspect.ismodule(value) else (value,):
            module = getattr(one, "__module__", "")
            if not isinstance(module, str) or not module.startswith("mnistcnn"):
                continue
            tree = ast.parse(inspect.getsource(importlib.import_module(module)))
            for part in ast.walk(tree):
                if isinstance(part, ast.arg | ast.AnnAssign) and part.annotation:
                    yield from re.findall(r"[A-Za-z_.]+", ast.unparse(part.annotation))
                if isinstance(part, ast.FunctionDef) and part.returns:
                    yield from re.findall(r"[A-Za-z_.]+", ast.unparse(part.returns))


@pytest.fixture(scope="module")
def used():
    roles = r"(?::class:|\{py:class\})`~?([\w.]+)`"
    in_pages = {name for page in PAGES for name in re.findall(roles, page.read_text())}
    return in_pages | set(names_in_signatures())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_an_inventory_names_only_what_is_used(source, used):
    address, places = inventories.entries_of(source)
    assert address.startswith("https://")
    assert address.endswith("/")
    assert list(places) == sorted(places)
    assert set(places) <= used


def test_an_inventory_is_written_as_sphinx_reads_it(tmp_path):
    mapping = inventories.written(tmp_path / "new")
    assert list(mapping) == [path.stem for path in SOURCES]
    for project, (address, path) in mapping.items():
        head, compressed = pathlib.Path(path).read_bytes().split(b"here on\n", 1)
        assert head.startswith(b"# Sphinx inventory version 2\n# Project: " + project.encode())
        lines = zlib.decompress(compressed).decode().splitlines()
        expected, places = inventories.entries_of(inventories.SOURCES / f"{project}.txt")
        assert address == expected
        assert lines == [f"{name} py:class 1 {place} -" for name, place in places.items()]


def test_no_missing_link_is_let_through():
    assert "nitpick_ignore" not in (DOCS / "conf.py").read_text()


def test_the_pipeline_on_the_first_page_has_at_most_ten_lines():
    (program,) = re.findall(r"```\{doctest\}\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    lines = program.splitlines()
    assert len(lines) <= 10
    for step in ("load_data", "preprocess", "build_model", "train", "evaluate", "plot_history"):
        assert any(f"mnistcnn.{step}(" in line for line in lines)


def test_the_picture_on_the_first_page_is_of_the_same_training():
    programs = [(DOCS / name).read_text() for name in ("index.md", "tutorial.md")]
    (epochs,) = re.findall(
        r"^EPOCHS = (\d+)", (ROOT / "tools/docs/make_images.py").read_text(), re.MULTILINE
    )
    assert all(f"x, y, epochs={epochs}, seed=0" in program for program in programs)


def test_every_page_is_in_the_navigation():
    listed = set()
    for page in (DOCS / "index.md", DOCS / "reference/index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL):
            for line in tree.splitlines():
                if line and not line.startswith(":"):
                    place = re.sub(r".*<(.*)>", r"\1", line)
                    listed.add((page.parent / place).relative_to(DOCS).as_posix())
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES}
    assert listed | {"index"} == pages | {"gallery/index"}


def test_every_picture_is_described_and_small():
    for page in PAGES:
        for text, place in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text(), re.DOTALL):
            assert len(text) > 20, page
            assert (page.parent / place).stat().st_size < 400_000


def test_the_card_has_the_size_that_is_shown_whole():
    with Image.open(DOCS / "_static/card.png") as card:
        assert card.size == (1200, 630)
    assert (DOCS / "_static/card.png").stat().st_size < 60_000
    with Image.open(DOCS / "_static/favicon.png") as icon:
        assert icon.width == icon.height >= 180


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://example.org/a.js"></script>',
        '<script src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<link href="https://example.org/a.png" rel="shortcut icon">',
        '<img alt="" src="http://example.org/a.png"/>',
        '<p style="background: url(https://example.org/a.png)">',
    ],
)
def test_what_a_page_fetches_from_elsewhere_is_seen(page):
    assert len(offline.foreign(page, kind="html")) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org">elsewhere</a>',
        '<link rel="canonical" href="https://example.org/a.html">',
        '<script src="../_static/a.js"></script><img src="a.png">',
        '<meta property="og:image" content="https://example.org/card.png">',
    ],
)
def test_what_a_page_only_names_may_be_elsewhere(page):
    assert offline.foreign(page, kind="html") == []


def test_what_a_style_fetches_from_elsewhere_is_seen():
    style = '@import "https://example.org/a.css"; p { background: url("//example.org/b.png") }'
    assert offline.foreign(style, kind="css") == [
        "https://example.org/a.css",
        "//example.org/b.png",
    ]
    assert offline.foreign("p { background: url(a.png) }", kind="css") == []
