"""Pictures with the boxes that were read, to look at; for a folder outside the project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import mnistcnn
from benchmarks.ocr.text_accuracy import TextReading


def write_debug_pictures(
    folder: Path,
    recognizer: mnistcnn.Recognizer,
    readings: Mapping[str, Sequence[TextReading]],
    *,
    min_confidence: float,
) -> None:
    """Write each picture with its boxes, named by its errors, and the texts of all readers.

    Parameters
    ----------
    folder : Path
        Created if it is missing.
    recognizer : Recognizer
        Reads the pictures again.
    readings : mapping of str to sequence of TextReading
        The readings of each reader, in the same order; the first reader names the files.
    min_confidence : float
        For `recognizer`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {}
    for rows in zip(*readings.values(), strict=True):
        picture = rows[0].picture
        texts[picture.path.name] = {
            "kind": picture.kind,
            "truth": picture.truth,
            "errors": {name: row.errors for name, row in zip(readings, rows, strict=True)},
            "texts": {name: row.text for name, row in zip(readings, rows, strict=True)},
        }
        reading = recognizer.read(picture.path, min_confidence=min_confidence)
        figure = mnistcnn.plot_reading(picture.path, reading)
        name = f"{picture.kind}-{rows[0].errors:04d}-{picture.path.stem}.png"
        figure.savefig(folder / name, dpi=110)
    (folder / "readings.json").write_text(json.dumps(texts, indent=1), encoding="utf-8")
