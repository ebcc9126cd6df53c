"""Draw the logo of the documentation and the card that link previews show.

    python -m tools.docs.make_logo [--output FOLDER] [--smoke]

The logo, a 2 of a few pixels, goes to docs/_static/logo.svg and favicon.png; the card goes to
docs/_static/card.png. All three are under version control.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from mnistcnn import load_data
from tools.docs.output import parse_output

FOLDER = Path(__file__).parents[2] / "docs" / "_static"
BACKGROUND, INK, LABEL_COLOR = "#12324A", "#FFFFFF", "#F2A541"
# Opacity of each pixel of the logo in ninths; "." is background.
PIXELS = (
    ".279972.",
    "2992.299",
    "991...99",
    ".....299",
    "....2992",
    "..2992..",
    ".2992...",
    "99999999",
)
CARD_SIZE = (1200, 630)
TAGLINES = ("Train it in ten lines.", "Trust its metrics.", "Read your own images.")


def logo() -> str:
    """Return the logo as SVG."""
    side = len(PIXELS) + 2
    pixels = [
        f'<rect x="{column + 1}" y="{row + 1}" width="1" height="1" '
        f'fill="{INK}" fill-opacity="{int(opacity) / 9:.2f}"/>'
        for row, line in enumerate(PIXELS)
        for column, opacity in enumerate(line)
        if opacity != "."
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">',
            f'<rect width="{side}" height="{side}" rx="2" fill="{BACKGROUND}"/>',
            '<g shape-rendering="crispEdges">',
            *pixels,
            "</g>",
            "</svg>\n",
        ]
    )


def favicon(size: int) -> Image.Image:
    """Return the logo as a square image with sides of `size` pixels."""
    opacity = np.array([[0 if char == "." else int(char) for char in row] for row in PIXELS]) / 9
    opacity = np.pad(opacity, 1)[..., np.newaxis]
    background, ink = (
        np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) for color in (BACKGROUND, INK)
    )
    colors = np.uint8(background + opacity * (ink - background))
    return Image.fromarray(colors).resize((size, size), Image.Resampling.NEAREST)


def card() -> Image.Image:
    """Return the card: what the package does, beside digits with their labels."""
    width, height = CARD_SIZE
    figure = Figure(figsize=(width / 100, height / 100), facecolor=BACKGROUND)
    figure.text(0.06, 0.62, "mnistcnn", color=INK, fontsize=56, weight="bold")
    for line, text in enumerate(TAGLINES):
        figure.text(0.063, 0.46 - 0.1 * line, text, color=INK, fontsize=24)
    _, (images, labels) = load_data("digits")
    indices = [np.flatnonzero(labels == digit)[row] for row in range(4) for digit in range(10)][:36]
    grid = images[indices].reshape(6, 6, 28, 28)[:, :, 2:26, 2:26]
    # Six digits of 24 pixels, each enlarged by 4, are 576 pixels wide.
    axes = figure.add_axes((0.5, 27 / height, 576 / width, 576 / height))
    colormap = LinearSegmentedColormap.from_list("logo", (BACKGROUND, INK), N=12)
    axes.imshow(grid.transpose(0, 2, 1, 3).reshape(144, 144), colormap, interpolation="nearest")
    for position, index in enumerate(indices):
        row, column = divmod(position, 6)
        axes.text(
            24 * column + 19.5,
            24 * row + 22.5,
            str(labels[index]),
            color=LABEL_COLOR,
            fontsize=13,
            ha="left",
        )
    axes.axis("off")
    png = BytesIO()
    figure.savefig(png, dpi=100)
    return Image.open(png).convert("RGB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the three files."""
    target, _ = parse_output(__doc__, FOLDER, arguments)
    (target / "logo.svg").write_text(logo(), encoding="utf-8")
    favicon(180).quantize(32).save(target / "favicon.png", optimize=True)
    card().quantize(64, Image.Quantize.MAXCOVERAGE).save(target / "card.png", optimize=True)
    print(f"Logo, favicon and card in {target}")


if __name__ == "__main__":
    main()
