"""Read the digits of a picture, and see what was found.

python examples/read_a_picture.py [PICTURE]

Without an argument the program first draws a page of handwritten digits.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import mnistcnn


def draw_page(path: Path) -> None:
    """Write three lines of real digits, dark on light, with light that falls from one side."""
    _, (images, _) = mnistcnn.load_data("digits")
    lines = [
        np.hstack([np.pad(image, ((10, 10), (4, 4))) for image in row])
        for row in images[:24].reshape(3, 8, 28, 28)
    ]
    ink = np.pad(np.vstack(lines), 20) / 255
    light = np.linspace(0.95, 0.55, ink.shape[1])
    Image.fromarray(np.uint8(255 * light * (1 - 0.9 * ink))).save(path)
    print(f"drew {path}")


def main() -> None:
    """Read, print, draw the boxes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", nargs="?", type=Path)
    options = parser.parse_args()
    if options.picture is None:
        options.picture = Path("page.png")
        draw_page(options.picture)

    reading = mnistcnn.Recognizer().read(options.picture)
    print(reading.text)
    for digit in reading.digits:
        if digit.probability < 0.9:
            print(f"in doubt: {digit.label} at {digit.box}, {digit.probability:.0%}")
    mnistcnn.plot_reading(options.picture, reading).savefig("seen.png", dpi=150)
    print("seen.png shows what was found")


if __name__ == "__main__":
    main()
