"""``mnistcnn read`` with a network of other classes than the digits: one class for each image."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mnistcnn
from mnistcnn.cli import common
from mnistcnn.utils.text import describe_error, escape, quote_names

_DIGIT_OPTIONS = (
    "boxes", "csv", "doubtful", "fields", "min_confidence", "pages", "pattern", "region",
    "signs",
)  # fmt: skip


def check_options(options: argparse.Namespace, recognizer: mnistcnn.Recognizer) -> None:
    """Raise if an option is given that applies to the digits of a page only."""
    for name in _DIGIT_OPTIONS:
        if getattr(options, name):
            names = recognizer.class_names
            raise ValueError(
                f"--{name.replace('_', '-')} must have a network of the ten digits; received one "
                f"of the {len(names)} classes {quote_names(names)}"
            )


def read_classes(
    recognizer: mnistcnn.Recognizer, paths: Iterable[Path | str], *, num_images: int, quiet: bool
) -> dict[str, Any]:
    """Print the class of each image, and return the report.

    Continue after an image that cannot be read.
    """
    results: list[dict[str, Any]] = []
    failed = 0
    for path in paths:
        try:
            name, confidence = _classify(recognizer, path)
        except (OSError, ValueError) as error:
            common.print_error(error)
            results.append({"image": str(path), "error": describe_error(error)})
            failed += 1
            continue
        results.append({"image": str(path), "class": name, "confidence": confidence})
        if not quiet:
            image = f"{escape(path)}: " if num_images > 1 else ""
            note = f" ({confidence:.1%})" if sys.stdout.isatty() else ""
            print(f"{image}{name}{note}")
    if failed and num_images > 1:
        common.print_error(f"{failed} of {num_images} images could not be read")
    return {"images": results, "failed": failed}


def _classify(recognizer: mnistcnn.Recognizer, path: Path | str) -> tuple[str, float]:
    from mnistcnn.data.digit_image import to_class_image
    from mnistcnn.images.image_io import read_image

    image = to_class_image(read_image(path).brightness)
    (probabilities,) = recognizer.predict_proba(image)
    index = int(probabilities.argmax())
    return recognizer.class_names[index], float(probabilities[index])
