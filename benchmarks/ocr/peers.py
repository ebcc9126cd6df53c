"""General OCR packages, as readers of digits.

Each peer runs with its defaults, and with the option to read digits only if it has one. Of what
it reads, the digits 0 to 9 count; the lines are those of its own layout.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

ReadText = Callable[[Path], str]

_DIGITS = "0123456789"


def digits_of(text: str) -> str:
    """Return the digits of a text, with one line per line that has any."""
    lines = ("".join(c for c in line if c in _DIGITS) for line in text.splitlines())
    return "\n".join(filter(None, lines))


def load_rapidocr() -> ReadText:
    """Return a reader with RapidOCR, whose package holds its networks."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(path: Path) -> str:
        result: Any = engine(str(path))
        # The boxes of the text are not in lines; this is the package's own layout.
        return digits_of(result.to_markdown()) if result.txts else ""

    return read


def load_easyocr() -> ReadText:
    """Return a reader with EasyOCR, which downloads its networks at the first use."""
    import easyocr
    import numpy as np

    engine = easyocr.Reader(["en"], gpu=False, verbose=False)

    def read(path: Path) -> str:
        boxes = engine.readtext(np.asarray(_upright(path)), allowlist=_DIGITS)
        return digits_of(text_of_boxes([(corners, text) for corners, text, _ in boxes]))

    return read


def load_tesseract() -> ReadText:
    """Return a reader with the program ``tesseract``."""
    if not (program := shutil.which("tesseract")):
        raise SystemExit("the program tesseract must be installed")
    command = [program, "stdin", "stdout", "-c", f"tessedit_char_whitelist={_DIGITS}"]

    def read(path: Path) -> str:
        png = io.BytesIO()
        _upright(path).save(png, "PNG")
        run = subprocess.run(command, input=png.getvalue(), capture_output=True, check=True)
        return digits_of(run.stdout.decode())

    return read


def text_of_boxes(boxes: list[tuple[Any, str]]) -> str:
    """Return the text of boxes, each with its corners, in lines from top to bottom.

    A box belongs to a line if its center is within half a height of the line's mean center.
    """
    lines: list[list[tuple[float, float, float, str]]] = []
    rows = []
    for corners, text in boxes:
        left = min(float(x) for x, _ in corners)
        top, bottom = (extreme(float(y) for _, y in corners) for extreme in (min, max))
        rows.append(((top + bottom) / 2, bottom - top, left, text))
    for row in sorted(rows):
        line = lines[-1] if lines else []
        center, height = (sum(part[i] for part in line) / max(1, len(line)) for i in (0, 1))
        if line and row[0] - center < height / 2:
            line.append(row)
        else:
            lines.append([row])
    return "\n".join("".join(text for *_, text in sorted(line, key=_left)) for line in lines)


def _left(row: tuple[float, float, float, str]) -> float:
    return row[2]


def _upright(path: Path) -> Image.Image:
    """Return the picture with its EXIF orientation applied, on white."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _tesseract_version() -> str:
    run = subprocess.run(["tesseract", "--version"], capture_output=True, check=True, text=True)  # noqa: S607
    return run.stdout.split()[1]


@dataclass(frozen=True)
class Peer:
    """The functions that load a package as a reader and return its version."""

    load: Callable[[], ReadText]
    version: Callable[[], str]


PEERS = {
    "rapidocr": Peer(load_rapidocr, lambda: version("rapidocr")),
    "easyocr": Peer(load_easyocr, lambda: version("easyocr")),
    "tesseract": Peer(load_tesseract, _tesseract_version),
}
