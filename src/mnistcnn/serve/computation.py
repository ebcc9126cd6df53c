"""What the service computes: the results of a picture and of images, ready for JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from mnistcnn import Recognizer
from mnistcnn.images.documents import check_page, open_document
from mnistcnn.images.image_formats.parse import find_pages, has_known_signature, parse_image
from mnistcnn.images.image_io import MAX_PIXELS
from mnistcnn.serve.schemas import PredictRequest, describe_violation
from mnistcnn.utils.text import escape

_NAME = "picture"
_DECIMALS = 6
# Quotes in the body of a request for predictions: the key takes two. Each further key would take
# hundreds of bytes for its error.
_MAX_QUOTES = 20
_IMAGES_RULE = (
    'the body must be {"images": [...]}, JSON with a list of images of 28 rows of 28 integers in '
    "0...255"
)


def warm_up(recognizer: Recognizer) -> None:
    """Load everything that the first request would load."""
    recognizer.predict(np.zeros((28, 28), np.uint8))
    if recognizer.class_names == tuple("0123456789"):
        picture = np.full((40, 40), 255, np.uint8)
        picture[8:32, 19:22] = 0
        recognizer.read(picture)


def read_document(
    recognizer: Recognizer,
    content: bytes,
    *,
    page: int | None,
    arguments: Mapping[str, Any],
    max_pixels: int,
    deadline: float,
) -> dict[str, Any]:
    """Read the pages of a picture.

    Parameters
    ----------
    recognizer : Recognizer
        It reads digits.
    content : bytes
        The picture, in any format that `Recognizer.read` takes.
    page : int or None
        Number of the page to read; None for all.
    arguments : mapping
        Further arguments of `Recognizer.read`.
    max_pixels : int
        Maximum number of pixels of each page.
    deadline : float
        Time of ``time.monotonic`` after which no further page is read.

    Returns
    -------
    dict
        As ``mnistcnn read --json`` prints it. A page that can't be read has an error instead of a
        reading.

    Raises
    ------
    ValueError, ModuleNotFoundError
        As `Recognizer.read`, if no page can be read.
    TimeoutError
        If the deadline has passed.
    """
    results: list[dict[str, Any]] = []
    errors: list[ValueError] = []
    with open_document(content) as document:
        for number in range(1, document.num_pages + 1) if page is None else [page]:
            if time.monotonic() > deadline:
                raise TimeoutError
            check_page(number, document.num_pages)
            result: dict[str, Any] = {"image": _NAME, "page": number}
            try:
                _check_encoded_size(content, number, max_pixels)
                image = replace(document.read(number), page=number)
                _check_num_pixels(image.width, image.height, max_pixels)
                reading = recognizer.read(image, **arguments)
            except ValueError as error:
                errors.append(error)
                results.append({**result, "error": escape(error)})
            else:
                results.append({**result, **reading.to_dict()})
    if len(errors) == len(results):
        raise errors[0]
    return {"images": results, "failed": len(errors)}


def _check_encoded_size(content: bytes, page: int, max_pixels: int) -> None:
    """Check the size in the header of an image file, before it is decoded.

    Other files are decoded in a process with limits of its own. Decoding checks the default.
    """
    if max_pixels < MAX_PIXELS and has_known_signature(content):
        offsets = find_pages(_NAME, content)
        encoded = parse_image(_NAME, content, offsets[page - 1] if offsets else None)
        _check_num_pixels(encoded.width, encoded.height, max_pixels)


def _check_num_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ValueError(
            f"{_NAME} must hold at most {max_pixels:,} pixels; "
            f"received {width:,} × {height:,} pixels"
        )


def predict_images(recognizer: Recognizer, body: bytes) -> dict[str, Any]:
    """Classify the images in the body of a request.

    Raises
    ------
    ValueError
        If it is no `PredictRequest`.
    """
    num_quotes = body.count(b'"')
    if num_quotes > _MAX_QUOTES:
        raise ValueError(f"{_IMAGES_RULE}; it holds {num_quotes:,} quotation marks")
    try:
        request = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else part for part in first["loc"])
        reason = escape(describe_violation(place or "the body", first))
        raise ValueError(f"{_IMAGES_RULE}; {reason}") from None
    images = np.array(request.images, np.uint8)
    probabilities = recognizer.predict_proba(images)
    return {
        "class_names": list(recognizer.class_names),
        "labels": probabilities.argmax(axis=1).tolist(),
        "probabilities": np.round(probabilities.astype(np.float64), _DECIMALS).tolist(),
    }
