"""The scripts of the docs' images run in smoke mode and write to the given folder."""

import pathlib
import subprocess
import sys

import pytest
from PIL import Image

from tools.docs import make_images, make_logo

ROOT = pathlib.Path(__file__).parents[2]


def assert_images(folder, names):
    assert {path.name for path in folder.iterdir()} == set(names)
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            assert min(image.size) > 100


def test_logo(tmp_path):
    make_logo.main(["--smoke", "--output", str(tmp_path / "out")])
    assert_images(tmp_path / "out", ["logo.svg", "favicon.png", "card.png"])
    assert (tmp_path / "out/logo.svg").read_bytes() == (make_logo.FOLDER / "logo.svg").read_bytes()


@pytest.mark.slow
def test_plots(tmp_path):
    make_images.main(["--smoke", "--output", str(tmp_path / "out")])
    names = ["digits", "history", "confusion_matrix", "misclassified", "calibration", "activations"]
    assert_images(tmp_path / "out", [f"{name}.png" for name in names])


@pytest.mark.browser
def test_screenshot_of_the_drawing_page(tmp_path):
    make_draw_page_image = pytest.importorskip("tools.docs.make_draw_page_image")
    if make_draw_page_image.find_browser() is None:
        pytest.skip("no browser is installed")
    # Playwright can't start a second time in the process of the browser tests.
    subprocess.run(
        [sys.executable, "-m", make_draw_page_image.__name__, "--smoke", "--output", tmp_path / "out"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    assert_images(tmp_path / "out", ["draw.png"])
