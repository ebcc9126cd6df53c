"""
Read a form
===========

``python read_form.py`` draws a form, fills it in with handwritten digits, and reads its fields:
each has a region, and a pattern that its number must fit. The program imports neither Keras nor
TensorFlow.
"""

import json
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw, ImageFont

import mnistcnn

# %%
# Draw a form
# -----------
# Each field is a box with a printed label above it. Regions are left, top, right and bottom in
# pixels, a little larger than the box.

NUMBERS = {"invoice": "48213", "date": "17062024", "amount": "129950"}
REGIONS = {
    "invoice": (470, 60, 780, 135),
    "date": (30, 190, 440, 265),
    "amount": (470, 190, 780, 265),
}
_, (images, labels) = mnistcnn.load_data("digits")


def write(number: str) -> np.ndarray:
    """Return the ink of a handwritten number, in [0, 1]."""
    digits = [images[labels == int(digit)][place] for place, digit in enumerate(number)]
    row = Image.fromarray(np.hstack([np.pad(digit[:, 2:-2], ((0, 0), (4, 4))) for digit in digits]))
    return np.asarray(row.resize((row.width * 7 // 5, row.height * 7 // 5)), np.float32) / 255


def draw_form(path: Path) -> None:
    """Save the form to a file."""
    form = Image.new("L", (810, 300), 255)
    draw = ImageDraw.Draw(form)
    font = ImageFont.load_default(size=18)
    for name, (left, top, right, bottom) in REGIONS.items():
        draw.text((left, top - 24), name.capitalize(), fill=70, font=font)
        draw.rectangle((left + 6, top + 6, right - 6, bottom - 6), outline=150, width=2)
    pixels = np.asarray(form, np.float32)
    for name, (left, top, _, _) in REGIONS.items():
        ink = write(NUMBERS[name])
        height, width = ink.shape
        pixels[top + 18 : top + 18 + height, left + 16 : left + 16 + width] *= 1 - 0.85 * ink
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    print(f"saved {path}")


draw_form(Path("form.png"))

# %%
# Read its fields
# ---------------
# A pattern is a length, a regular expression, or a function such as a checksum. The reading is the
# most probable one that fits, so the text has the form that you expect. Check fields with a low
# probability by eye.

PATTERNS = {
    "invoice": 5,
    "date": r"[0-3]\d\.[01]\d\.20\d\d",
    "amount": r"\d+\.\d\d",
}
recognizer = mnistcnn.Recognizer()
readings = {}
for name, region in REGIONS.items():
    try:
        reading = recognizer.read(
            "form.png", region=region, pattern=PATTERNS[name], min_confidence=0.5
        )
    except mnistcnn.PatternMismatchError as error:
        print(f"{name}: {error}")
        continue
    readings[name] = reading
    print(f"{name}: {reading.text} ({reading.probability:.0%})")

# %%
# Read many forms
# ---------------
# ``mnistcnn read forms/ --fields fields.json`` reads the same fields in each image of a folder and
# prints CSV with one row per image.

fields = [
    {"name": name, "region": region, "pattern": PATTERNS[name]} for name, region in REGIONS.items()
]
Path("fields.json").write_text(json.dumps(fields, indent=2))
print("saved fields.json")

# %%
# Plot the result
# ---------------
# The boxes of all fields refer to the whole form.

form = mnistcnn.Reading(
    lines=tuple(line for reading in readings.values() for line in reading.lines),
    width=810,
    height=300,
)
figure = mnistcnn.plot_reading("form.png", form)
for left, top, right, bottom in REGIONS.values():
    size = right - left, bottom - top
    figure.axes[0].add_patch(Rectangle((left, top), *size, fill=False, color="0.5", linestyle=":"))
figure.savefig("form-reading.png", dpi=150)
print("saved form-reading.png")
