"""
Read the digits in an image
===========================

Set ``PICTURE`` to the path of a scan or photo of yours. If it does not exist, the program draws a
page of handwritten digits. It imports neither Keras nor TensorFlow.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import mnistcnn

PICTURE = Path("page.png")

# %%
# Draw a page
# -----------
# The page contains three lines of handwritten digits, with uneven illumination.


def draw_page(path: Path) -> None:
    """Save the page to a file."""
    _, (images, _) = mnistcnn.load_data("digits")
    lines = [
        np.hstack([np.pad(image, ((10, 10), (4, 4))) for image in row])
        for row in images[:24].reshape(3, 8, 28, 28)
    ]
    ink = np.pad(np.vstack(lines), 20) / 255
    illumination = np.linspace(0.95, 0.55, ink.shape[1])
    Image.fromarray(np.uint8(255 * illumination * (1 - 0.9 * ink))).save(path)
    print(f"saved {path}")


if not PICTURE.exists():
    draw_page(PICTURE)

# %%
# Read it
# -------
# The text has one line per line of the page. Each digit has a bounding box and a confidence. Review
# digits with a low confidence.

reading = mnistcnn.Recognizer().read(PICTURE)
print(reading.text)
for digit in reading.digits:
    if digit.confidence < 0.9:
        print(f"low confidence: {digit.label} at {digit.box}, {digit.confidence:.0%}")

# %%
# Plot the result
# ---------------

figure = mnistcnn.plot_reading(PICTURE, reading)
figure.savefig("reading.png", dpi=150)
print("saved reading.png")
