"""Draw the site's sign and its card.

    python docs/make_brand.py

The sign, a 2 of few pixels, goes to docs/_static/logo.svg and favicon.png; the card, which is
shown where somebody links to the site, to docs/_static/card.png. All are kept in version control.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from mnistcnn import load_data

FOLDER = Path(__file__).parent / "_static"
PAPER, INK, WARM = "#12324A", "#FFFFFF", "#F2A541"
# How much ink each pixel of the sign has, in ninths.
SIGN = (
    ".279972.",
    "2992.299",
    "991...99",
    ".....299",
    "....2992",
    "..2992..",
    ".2992...",
    "99999999",
)
CARD = (1200, 630)


def sign() -> str:
    """Return the sign as SVG."""
    side = len(SIGN) + 2
    pixels = [
        f'<rect x="{column + 1}" y="{row + 1}" width="1" height="1" '
        f'fill="{INK}" fill-opacity="{int(ink) / 9:.2f}"/>'
        for row, line in enumerate(SIGN)
        for column, ink in enumerate(line)
        if ink != "."
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">',
            f'<rect width="{side}" height="{side}" rx="2" fill="{PAPER}"/>',
            '<g shape-rendering="crispEdges">',
            *pixels,
            "</g>",
            "</svg>\n",
        ]
    )


def icon(size: int) -> Image.Image:
    """Return the sign in pixels, for a browser's tab."""
    ink = np.array([[0 if one == "." else int(one) for one in line] for line in SIGN]) / 9
    levels = np.pad(ink, 1)[..., np.newaxis]
    paper, white = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (PAPER, INK))
    colours = np.uint8(paper + levels * (white - paper))
    return Image.fromarray(colours).resize((size, size), Image.Resampling.NEAREST)


def card() -> Image.Image:
    """Return the card: what the package does, beside digits that it can read."""
    figure = Figure(figsize=(CARD[0] / 100, CARD[1] / 100), facecolor=PAPER)
    figure.text(0.06, 0.62, "mnistcnn", color=INK, fontsize=56, weight="bold")
    for line, text in enumerate(("Train it in ten lines.", "Trust its figures.", "Read your own.")):
        figure.text(0.063, 0.46 - 0.1 * line, text, color=INK, fontsize=24)
    _, (images, labels) = load_data("digits")
    chosen = [np.flatnonzero(labels == digit)[row] for row in range(4) for digit in range(10)]
    wall = images[chosen[:36]].reshape(6, 6, 28, 28)[:, :, 2:26, 2:26]
    # Four pixels of the card for each of a digit: 144 × 4 = 576.
    axes = figure.add_axes((0.5, 27 / 630, 576 / 1200, 576 / 630))
    shades = LinearSegmentedColormap.from_list("sign", (PAPER, INK), N=12)
    axes.imshow(wall.transpose(0, 2, 1, 3).reshape(144, 144), shades, interpolation="nearest")
    for number, index in enumerate(chosen[:36]):
        row, column = divmod(number, 6)
        axes.text(
            24 * column + 19.5,
            24 * row + 22.5,
            str(labels[index]),
            color=WARM,
            fontsize=13,
            ha="left",
        )
    axes.axis("off")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    return Image.open(drawn).convert("RGB")


def main() -> None:
    """Write the three files."""
    (FOLDER / "logo.svg").write_text(sign(), encoding="utf-8")
    icon(180).quantize(32).save(FOLDER / "favicon.png", optimize=True)
    card().quantize(64, Image.Quantize.MAXCOVERAGE).save(FOLDER / "card.png", optimize=True)
    print(f"Sign and card in {FOLDER}")  # noqa: T201  # a command's result


if __name__ == "__main__":
    main()
