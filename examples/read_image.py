"""
Read the digits of a picture
============================

``python read_image.py photo.jpg`` reads a picture of yours. Without one, the program first
draws a page of handwritten digits. Neither Keras nor TensorFlow is imported.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import mnistcnn

parser = argparse.ArgumentParser(description="Read the digits of a picture.")
parser.add_argument("picture", nargs="?", type=Path, help="a scan, a photo, a drawing")
options = parser.parse_args()

# %%
# A page
# ------
# Three lines of real digits, dark on light, with light that falls from one side.


def draw_page(path: Path) -> None:
    """Write the page into a file."""
    _, (images, _) = mnistcnn.load_data("digits")
    lines = [
        np.hstack([np.pad(image, ((10, 10), (4, 4))) for image in row])
        for row in images[:24].reshape(3, 8, 28, 28)
    ]
    ink = np.pad(np.vstack(lines), 20) / 255
    light = np.linspace(0.95, 0.55, ink.shape[1])
    Image.fromarray(np.uint8(255 * light * (1 - 0.9 * ink))).save(path)
    print(f"drew {path}")


if options.picture is None:
    options.picture = Path("page.png")
    draw_page(options.picture)

# %%
# Read it
# -------
# A line of the page becomes a line of text. Each digit has a box and a confidence; what is
# in doubt is worth a second look.

reading = mnistcnn.Recognizer().read(options.picture)
print(reading.text)
for digit in reading.digits:
    if digit.confidence < 0.9:
        print(f"in doubt: {digit.label} at {digit.box}, {digit.confidence:.0%}")

# %%
# See what was found
# ------------------

seen = mnistcnn.plot_reading(options.picture, reading)
seen.savefig("seen.png", dpi=150)
print("seen.png shows what was found")
