"""From the image of a page to the digits on it: detection, classification, reading order."""

from __future__ import annotations

from mnistcnn.images.image_io import ImageLike, read_image
from mnistcnn.ocr.classification import ClassifiedDigit, PredictProba, classify
from mnistcnn.ocr.digit_detection import ComputeMaps, detect_digits, turn_back
from mnistcnn.ocr.page_network import Polarity
from mnistcnn.ocr.reading_order import group_into_lines
from mnistcnn.ocr.results import Box, Digit, Reading


def read_page(
    picture: ImageLike,
    compute_maps: ComputeMaps,
    predict_proba: PredictProba,
    *,
    min_confidence: float,
    polarity: Polarity = "auto",
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image or numpy.ndarray
        As `read_image` takes it.
    compute_maps : callable
        The page network, as `PageNetwork` is.
    predict_proba : callable
        Maps ``uint8 (n, 28, 28)`` to class probabilities, ``float32 (n, 10)``.
    min_confidence : float
        Digits with a lower confidence are omitted.
    polarity : {"auto", "dark", "light"}
        Which ink is read: any, or only ink darker or lighter than the background.
    """
    image = read_image(picture)
    detection = detect_digits(image.brightness, compute_maps, polarity=polarity)
    classified = classify([digit.instance for digit in detection.digits], predict_proba)
    digits = [
        (digit, found.edges)
        for digit, found in zip(classified, detection.digits, strict=True)
        if digit.confidence >= min_confidence
    ]
    lines = group_into_lines([edges for _, edges in digits])
    shape = image.brightness.shape
    # Boxes refer to the original size of an image that was downscaled.
    magnification = image.height / shape[0]

    def to_digit(index: int) -> Digit:
        digit, edges = digits[index]
        original = turn_back(edges, detection.quarter_turns, shape)
        left, top, right, bottom = (round(magnification * edge) for edge in original)
        return _to_digit(digit, (left, top, right, bottom))

    return Reading(
        lines=tuple(tuple(to_digit(i) for i in line) for line in lines),
        width=image.width,
        height=image.height,
        rotation=90 * detection.quarter_turns,
    )


def _to_digit(digit: ClassifiedDigit, box: Box) -> Digit:
    return Digit(
        label=int(digit.probabilities.argmax()),
        confidence=digit.confidence,
        box=box,
        image=digit.crop,
        probabilities=digit.probabilities,
    )
