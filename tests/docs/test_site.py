"""The pages of the documentation: links, navigation, images, and no requests to other hosts."""

import ast
import doctest
import importlib.util
import json
import pathlib
import re
import runpy
import zlib
from types import SimpleNamespace

import api_table
import pytest
import search_terms
from PIL import Image
from sphinx.errors import ExtensionError
from sphinx.search.en import SearchEnglish

import mnistcnn
from mnistcnn import recipes

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
approximate, inventories, offline, source_modules = (
    SimpleNamespace(**runpy.run_path(str(DOCS / "_ext" / name)))
    for name in ("approximate.py", "inventories.py", "offline.py", "source_modules.py")
)
PAGES = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
SOURCES = sorted(inventories.SOURCES.glob("*.txt"))


def source_of(module):
    """Return the source of a module without importing Keras."""
    return pathlib.Path(importlib.util.find_spec(module).origin).read_text()


def names_in_annotations(module):
    for node in ast.walk(ast.parse(source_of(module))):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield from re.findall(r"[A-Za-z_.]+", ast.unparse(node.annotation))
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield from re.findall(r"[A-Za-z_.]+", ast.unparse(node.returns))


@pytest.fixture(scope="module")
def linked_names():
    """Return the names that pages and public modules can link to."""
    role = r"(?::class:|\{py:class\})`~?([\w.]+)`"
    in_pages = {name for page in PAGES for name in re.findall(role, page.read_text())}
    modules = {"mnistcnn.recipes", *source_modules.source_modules().values()}
    return in_pages | {name for module in modules for name in names_in_annotations(module)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_inventory_lists_linked_names_only(source, linked_names):
    address, locations = inventories.read_inventory(source)
    assert address.startswith("https://")
    assert address.endswith("/")
    assert list(locations) == sorted(locations)
    assert set(locations) <= linked_names


def test_inventories_have_the_format_of_sphinx(tmp_path):
    mapping = inventories.write_inventories(tmp_path / "new")
    assert list(mapping) == [path.stem for path in SOURCES]
    for project, (address, path) in mapping.items():
        header, compressed = pathlib.Path(path).read_bytes().split(b"here on\n", 1)
        assert header.startswith(b"# Sphinx inventory version 2\n# Project: " + project.encode())
        lines = zlib.decompress(compressed).decode().splitlines()
        expected, locations = inventories.read_inventory(inventories.SOURCES / f"{project}.txt")
        assert address == expected
        assert lines == [f"{name} py:class 1 {location} -" for name, location in locations.items()]


def test_source_module_of_every_public_name_is_known():
    modules = source_modules.source_modules()
    assert {*modules, "recipes"} == set(mnistcnn.__all__)
    for name, module in modules.items():
        assert re.search(rf"^(class|def) {name}\b", source_of(module), re.MULTILINE)


def test_no_broken_link_is_ignored():
    assert "nitpick_ignore" not in (DOCS / "conf.py").read_text()


def test_pipeline_on_the_front_page_has_at_most_ten_lines():
    (program,) = re.findall(r"```\{doctest\}\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    lines = program.splitlines()
    assert len(lines) <= 10
    for step in ("load_data", "preprocess", "build_model", "train", "evaluate", "plot_history"):
        assert any(f"mnistcnn.{step}(" in line for line in lines)


def test_plots_show_the_training_of_the_pages():
    programs = [(DOCS / name).read_text() for name in ("index.md", "tutorial.md")]
    (epochs,) = re.findall(
        r"^EPOCHS = (\d+)", (ROOT / "tools/docs/make_images.py").read_text(), re.MULTILINE
    )
    assert all(f"x, y, epochs={epochs}, seed=0" in program for program in programs)


def entries(page):
    """Return the pages, relative to docs/ and without suffix, in the tables of contents of a page."""
    trees = re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    targets = [re.sub(r".*<(.*)>", r"\1", line) for line in lines]
    return [(page.parent / target).relative_to(DOCS).as_posix() for target in targets]


def test_every_page_is_in_the_navigation_once():
    listed = [entry for page in PAGES for entry in entries(page)]
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES]
    assert sorted([*listed, "index"]) == sorted([*pages, "gallery/index"])


def test_navigation_is_short():
    assert len(entries(DOCS / "index.md")) <= 15


def test_api_at_a_glance_lists_every_public_name_once():
    listed = [name for names in api_table.names_by_stage().values() for name in names]
    names = [f"mnistcnn.{name}" for name in mnistcnn.__all__]
    names += [f"mnistcnn.recipes.{name}" for name in recipes.__all__]
    assert sorted(listed) == sorted(names)
    for name in listed:
        assert api_table.summary(name).endswith("."), name


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("preprocess", "Scale images to [0, 1], add a channel axis and one-hot encode labels."),
        ("Digit", "One digit of a `Reading`."),
        ("recipes", "Recipes: the settings that `mnistcnn.train` trains with, as immutable data."),
        ("recipes.RECIPES", 'The recipes that ``recipe="name"`` accepts.'),
    ],
)
def test_api_at_a_glance_shows_the_first_sentence(name, summary):
    assert api_table.summary(f"mnistcnn.{name}") == summary


def test_api_at_a_glance_has_a_page_of_the_reference_for_each_stage():
    for _, page, _ in api_table.STAGES:
        assert (DOCS / f"reference/{page}.md").is_file()


INDEX = {
    "docnames": ["a", "b", "c"],
    "terms": {"grad": [0, 1], "cam": 1, "quantiz": 2},
    "titleterms": {"cam": [0]},
}


@pytest.mark.parametrize(
    ("query", "pages"),
    [
        ("Grad-CAM", {"a", "b"}),
        ("quantization", {"c"}),
        ("quantized grad", set()),
        ("unknown", set()),
    ],
)
def test_pages_that_a_search_finds(query, pages):
    assert search_terms.find_pages(query, INDEX, SearchEnglish({}).stem) == pages


def test_build_fails_if_a_search_finds_too_little(tmp_path):
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(INDEX)})")
    handlers = {}
    search_terms.setup(SimpleNamespace(connect=handlers.__setitem__))
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(name="html"))
    handlers["build-finished"](app, ValueError("an earlier error"))
    with pytest.raises(
        ExtensionError,
        match="^a search for 'fine-tune' must find howto/pretrained-weights; it finds nothing$",
    ):
        handlers["build-finished"](app, None)


def test_front_page_shows_the_drawing_page_first():
    front = (DOCS / "index.md").read_text()
    order = (
        '<iframe class="drawing-page" src="draw.html"',
        "## Install",
        "{doctest}",
        "{grid-item-card} Learn",
    )
    positions = [front.index(text) for text in order]
    assert positions == sorted(positions)


def test_images_have_alternative_text_and_are_small():
    for page in PAGES:
        for text, target in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text(), re.DOTALL):
            assert len(text) > 20, page
            assert (page.parent / target).stat().st_size < 400_000


def test_link_preview_image_and_icon_have_the_recommended_size():
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
def test_external_requests_of_a_page_are_found(page):
    assert len(offline.external_urls(page, kind="html")) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://example.org">link</a>',
        '<link rel="canonical" href="https://example.org/a.html">',
        '<script src="../_static/a.js"></script><img src="a.png">',
        '<meta property="og:image" content="https://example.org/card.png">',
    ],
)
def test_external_links_of_a_page_are_allowed(page):
    assert offline.external_urls(page, kind="html") == []


def test_external_requests_of_a_style_sheet_are_found():
    style = '@import "https://example.org/a.css"; p { background: url("//example.org/b.png") }'
    assert offline.external_urls(style, kind="css") == [
        "https://example.org/a.css",
        "//example.org/b.png",
    ]
    assert offline.external_urls("p { background: url(a.png) }", kind="css") == []


@pytest.mark.parametrize(
    ("want", "got", "matches"),
    [
        ("accuracy 97.46%, 355 images", "accuracy 96.90%, 355 images", True),
        ("  0   97.06%", "  0  100.00%", True),
        ("1 as 8 (2)", "4 as 9 (1)", True),
        ("0.98", "0.90", True),
        ("accuracy 97.46%", "accuracy 89.90%", False),
        ("accuracy 97.46%", "loss 97.46%", False),
        ("loss 0.08", "loss 0.25", False),
        ("355 images", "300 images", False),
        ("1, 2", "1", False),
    ],
)
def test_approximate_output_of_examples(want, got, matches):
    checker = approximate.ApproximateChecker()
    assert checker.check_output(want, got, approximate.APPROX) == matches
    assert not checker.check_output(want, got, doctest.ELLIPSIS)
