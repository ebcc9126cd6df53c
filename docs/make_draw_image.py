"""Draw the picture of the page for drawing, in a browser.

    python docs/make_draw_image.py

It builds the page, draws on it with the mouse as a visitor would, and leaves what the browser
shows in docs/images/draw.png, where it is kept in version control. Run it again when the page
looks different or the weights are new. It needs Chromium or Chrome, and the group `browser`.
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

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from draw import build

from mnistcnn.utils.atomic_write import atomic_write

PATH = Path(__file__).parent / "images" / "draw.png"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Strokes of three digits as a hand draws them, in shares of the paper.
STROKES = (
    (
        *((0.08, 0.34), (0.11, 0.24), (0.18, 0.21), (0.24, 0.29), (0.21, 0.44), (0.13, 0.6)),
        *((0.06, 0.75), (0.15, 0.73), (0.27, 0.75)),
    ),
    ((0.45, 0.22), (0.41, 0.36), (0.37, 0.5), (0.45, 0.51), (0.58, 0.49)),
    ((0.53, 0.33), (0.52, 0.55), (0.51, 0.79)),
    ((0.7, 0.26), (0.78, 0.25), (0.9, 0.24), (0.85, 0.42), (0.8, 0.6), (0.77, 0.78)),
)
# Few, so that the file stays small.
COLOURS = 96

Stroke = Sequence[tuple[float, float]]


def find_browser() -> str | None:
    """Return the path of a browser that is installed, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the installed browser, else Playwright's own, and end it."""
    # Chromium refuses to run in its sandbox as root, which is what containers have.
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=find_browser(), args=["--no-sandbox"] if as_root else []
        )
        yield started
        started.close()


def draw(page: Page, *strokes: Stroke, steps: int = 6) -> None:
    """Draw with the mouse, and wait until the answer is shown.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The page.
    *strokes : sequence of (float, float)
        Points in shares of the paper, from its left top corner.
    steps : int
        Moves of the mouse from one point to the next.
    """
    paper = page.locator("#paper").bounding_box()
    if paper is None:
        raise RuntimeError("the page must show its paper")
    for stroke in strokes:
        places = [
            (paper["x"] + across * paper["width"], paper["y"] + down * paper["height"])
            for across, down in stroke
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=steps)
        page.mouse.up()
    page.evaluate("new Promise(requestAnimationFrame)")


def rounded(stroke: Stroke, pieces: int = 8) -> Stroke:
    """Return a stroke without corners, through the same points (Catmull and Rom's spline)."""
    ends = [stroke[0], *stroke, stroke[-1]]
    found = [stroke[0]]
    for place in range(len(stroke) - 1):
        before, first, second, after = ends[place : place + 4]
        for piece in range(1, pieces + 1):
            t = piece / pieces
            found.append(
                tuple(
                    first[k]
                    + t * (second[k] - before[k]) / 2
                    + t**2 * (before[k] - 2.5 * first[k] + 2 * second[k] - after[k] / 2)
                    + t**3 * (1.5 * (first[k] - second[k]) + (after[k] - before[k]) / 2)
                    for k in (0, 1)
                )
            )
    return found


def main() -> None:
    """Draw on the page and keep what is seen."""
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        path = Path(folder) / "draw.html"
        build(path)
        page = started.new_page(viewport={"width": 1120, "height": 876}, color_scheme="light")
        page.goto(path.as_uri())
        draw(page, *map(rounded, STROKES), steps=1)
        page.mouse.move(0, 0)
        page.locator("#digits button").first.click()
        page.mouse.click(1, 1)
        page.wait_for_timeout(300)  # until the bars have come to rest
        seen = page.screenshot()
    picture = (
        Image.open(io.BytesIO(seen)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    )
    with atomic_write(PATH) as temporary:
        picture.save(temporary, optimize=True)
    print(f"Picture in {PATH}")  # noqa: T201  # a command's result


if __name__ == "__main__":
    main()
