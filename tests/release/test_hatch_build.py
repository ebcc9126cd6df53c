"""The metadata that hatch_build.py completes: addresses and the page at the package index."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/owner/name"


@pytest.fixture(scope="module")
def build():
    return runpy.run_path(str(ROOT / "hatch_build.py"))


def test_every_address_follows_from_the_repository(build):
    urls = build["project_urls"](REPOSITORY)
    assert urls["Source"] == REPOSITORY
    assert urls["Documentation"] == "https://owner.github.io/name"
    assert set(urls) == {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    assert "Documentation" not in build["project_urls"]("https://example.org/owner/name")
    assert build["project_urls"]("") == {}


@pytest.mark.parametrize(
    "address", ["github.com/owner/name", f"{REPOSITORY}/", f"{REPOSITORY}.git"]
)
def test_an_address_of_another_form_is_an_error(build, address):
    settings = {"tool": {"mnistcnn": {"repository": address}}}
    with pytest.raises(ValueError, match=r"^repository in \[tool.mnistcnn\] must start with"):
        build["repository_of"](settings)


@pytest.mark.parametrize("repository", ["", REPOSITORY])
def test_the_index_gets_no_relative_link(build, repository):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    page = build["absolute_links"](text, repository, "0.1.0")
    targets = re.findall(r"\]\(([^)]*)\)", page)
    assert all(target.startswith("https://") for target in targets)
    files = {target.partition("/v0.1.0/")[2] for target in targets} - {""}
    assert all((ROOT / file).is_file() for file in files)
    assert bool(files) is bool(repository)
    assert len(page.split("```")) == len(text.split("```"))
    assert "images](" not in page or repository
    assert f"]({repository}/raw/v0.1.0/docs/images/draw.png)" in page or not repository


def test_links_elsewhere_and_code_stay(build):
    text = "[a](https://x.org/y) [b](#b) `pip install ./slim[serve]`\n"
    for repository in ("", REPOSITORY):
        assert build["absolute_links"](text, repository, "1") == text
    assert build["absolute_links"]("See [the\npage](a/b.md).", "", "1") == "See the\npage."
    expected = f"![i]({REPOSITORY}/raw/v1/a.png)"
    assert build["absolute_links"]("![i](a.png)", REPOSITORY, "1") == expected


def test_the_project_has_one_address(build):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build["repository_of"](settings)
    assert {"urls", "readme"} <= set(settings["project"]["dynamic"])
    assert "urls" not in settings["project"]
