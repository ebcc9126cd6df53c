"""Pictures of handwriting with the text of each, in a folder that is not part of the project.

The environment variable MNISTCNN_PICTURES names a folder with two sets:

- ``pictures/pictures.json``: ``{"pictures": [{"file": ..., "truth": ..., "kind": ...}]}``. The
  truth is the handwritten digits, with a newline between lines and nothing for other symbols. If
  there are printed digits too, ``all`` is the text with both; ``signs`` are the decimal points,
  commas and minus signs beside the handwritten digits, in reading order. The kinds are those of
  `KINDS`.
- ``singles/singles.json``: ``{"singles": [{"file": ..., "label": ...}]}``, one digit each.

Files are relative to the folder of the list.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page

VARIABLE = "MNISTCNN_PICTURES"
KINDS = {
    "plain": "plain paper or screen",
    "lines": "ruled or squared paper, tables, grids, forms",
    "light": "uneven light, shadow, texture, desk",
    "signs": "with symbols or letters",
    "none": "no handwritten digit",
}


@dataclass(frozen=True, kw_only=True)
class LabeledPicture:
    """A picture of a page.

    Attributes
    ----------
    path : Path
        The file.
    truth : str
        The handwritten digits.
    kind : str
        One of `KINDS`.
    with_print : str
        The handwritten and the printed digits; equal to `truth` if none is printed.
    signs : str
        Decimal points, commas and minus signs.
    """

    path: Path
    truth: str
    kind: str
    with_print: str
    signs: str = ""


@dataclass(frozen=True, kw_only=True)
class LabeledDigit:
    """A picture of one digit, and the digit."""

    path: Path
    label: int


def picture_folder() -> Path | None:
    """Return the folder that MNISTCNN_PICTURES names; None if it is not set."""
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    if not (Path(name) / "pictures" / "pictures.json").is_file():
        raise SystemExit(
            f"{VARIABLE} must name a folder with pictures/pictures.json; received {name!r}"
        )
    return Path(name)


def load_pictures(folder: Path) -> list[LabeledPicture]:
    """Load the list of pictures."""
    path = folder / "pictures" / "pictures.json"
    return [
        LabeledPicture(
            path=path.parent / entry["file"],
            truth=entry["truth"],
            kind=entry["kind"],
            with_print=entry.get("all", entry["truth"]),
            signs=entry.get("signs", ""),
        )
        for entry in json.loads(path.read_text(encoding="utf-8"))["pictures"]
    ]


def load_digits(folder: Path) -> list[LabeledDigit]:
    """Load the list of single digits."""
    path = folder / "singles" / "singles.json"
    return [
        LabeledDigit(path=path.parent / entry["file"], label=entry["label"])
        for entry in json.loads(path.read_text(encoding="utf-8"))["singles"]
    ]


def draw_picture_set(folder: Path) -> None:
    """Write a small set of synthetic pages in the same form, to try the benchmark on."""
    images, labels = mnistcnn.load_data("digits").test
    for name in ("pictures", "singles"):
        (folder / name).mkdir()
    pictures, digits = [], []
    for number, kind in enumerate(KINDS):
        page = draw_page(images, labels, np.random.default_rng(number), PAGE_STYLES["clean"])
        entry = {"file": f"{kind}.png", "kind": kind, "truth": page.text}
        pixels = page.picture
        if kind == "none":
            entry["truth"], pixels = "", np.full((100, 200), 255, np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / entry["file"])
        pictures.append(entry)
    for number, (image, label) in enumerate(zip(images[:3], labels[:3], strict=True)):
        Image.fromarray(np.pad(image, 20)).save(folder / "singles" / f"{number}.png")
        digits.append({"file": f"{number}.png", "label": int(label)})
    for name, entries in (("pictures", pictures), ("singles", digits)):
        text = json.dumps({name: entries})
        (folder / name / f"{name}.json").write_text(text, encoding="utf-8")
