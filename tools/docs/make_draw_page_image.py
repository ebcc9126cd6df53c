"""Take the screenshot of the drawing page.

    python -m tools.docs.make_draw_page_image [--output FOLDER] [--smoke]

The script builds the page, draws three digits on it with the mouse, and saves a screenshot to
docs/images/draw.png, which is under version control. Run it again when the page or the weights
have changed. Requires Chromium or Chrome and the dependency group `browser`.
"""

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

from draw import build  # noqa: E402  # a Sphinx extension, not installed

from mnistcnn.utils.atomic_write import atomic_write  # noqa: E402
from tools.docs.output import parse_output  # noqa: E402

FOLDER = DOCS / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Strokes of three digits as a person draws them, in fractions of the canvas.
STROKES = (
    (
        *((0.08, 0.34), (0.11, 0.24), (0.18, 0.21), (0.24, 0.29), (0.21, 0.44), (0.13, 0.6)),
        *((0.06, 0.75), (0.15, 0.73), (0.27, 0.75)),
    ),
    ((0.45, 0.22), (0.41, 0.36), (0.37, 0.5), (0.45, 0.51), (0.58, 0.49)),
    ((0.53, 0.33), (0.52, 0.55), (0.51, 0.79)),
    ((0.7, 0.26), (0.78, 0.25), (0.9, 0.24), (0.85, 0.42), (0.8, 0.6), (0.77, 0.78)),
)
# Few colors keep the file small.
NUM_COLORS = 96

Stroke = Sequence[tuple[float, float]]


def find_browser() -> str | None:
    """Return the path of an installed browser, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def launch_browser(*arguments: str) -> Iterator[Browser]:
    """Launch the installed browser, or else Playwright's, and close it at the end.

    Parameters
    ----------
    *arguments : str
        Arguments of its command line.
    """
    # As root, the default user of containers, Chromium starts without its sandbox only.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            args=[*arguments, *(["--no-sandbox"] if is_root else [])],
        )
        yield browser
        browser.close()


def draw_strokes(page: Page, *strokes: Stroke, steps: int = 6) -> None:
    """Draw with the mouse, and wait until the prediction is shown.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The drawing page.
    *strokes : sequence of (float, float)
        Points in fractions of the canvas, from its upper left corner.
    steps : int
        Mouse events from one point to the next.
    """
    canvas = page.locator("#canvas").bounding_box()
    if canvas is None:
        raise RuntimeError("the canvas must be visible")
    for stroke in strokes:
        points = [
            (canvas["x"] + x * canvas["width"], canvas["y"] + y * canvas["height"])
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=steps)
        page.mouse.up()
    page.evaluate("new Promise(requestAnimationFrame)")


def smooth(stroke: Stroke, num_steps: int = 8) -> Stroke:
    """Return a curve through the points of a stroke (Catmull-Rom spline)."""
    padded = [stroke[0], *stroke, stroke[-1]]
    points = [stroke[0]]
    for i in range(len(stroke) - 1):
        before, start, end, after = padded[i : i + 4]
        for step in range(1, num_steps + 1):
            t = step / num_steps
            points.append(
                tuple(
                    start[k]
                    + t * (end[k] - before[k]) / 2
                    + t**2 * (before[k] - 2.5 * start[k] + 2 * end[k] - after[k] / 2)
                    + t**3 * (1.5 * (start[k] - end[k]) + (after[k] - before[k]) / 2)
                    for k in (0, 1)
                )
            )
    return points


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw on the page and save the screenshot."""
    target, _ = parse_output(__doc__, FOLDER, arguments)
    with tempfile.TemporaryDirectory() as folder, launch_browser() as browser:
        path = Path(folder) / "draw.html"
        build(path)
        page = browser.new_page(viewport={"width": 1120, "height": 876}, color_scheme="light")
        page.goto(path.as_uri())
        draw_strokes(page, *map(smooth, STROKES), steps=1)
        page.mouse.move(0, 0)
        page.locator("#digits button").first.click()
        page.mouse.click(1, 1)
        page.wait_for_timeout(300)  # the bars are animated
        png = page.screenshot()
    with Image.open(io.BytesIO(png)) as screenshot:
        image = screenshot.convert("RGB").quantize(NUM_COLORS, dither=Image.Dither.NONE)
    with atomic_write(target / "draw.png") as temporary_path:
        image.save(temporary_path, optimize=True)
    print(f"Screenshot in {target}")


if __name__ == "__main__":
    main()
