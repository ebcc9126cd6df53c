"""From the image of a page to the digits on it: detection, classification, reading order."""

from __future__ import annotations

from mnistcnn.images.image_io import ImageLike, read_image
from mnistcnn.ocr.classification import ClassifiedDigit, PredictProba, classify
from mnistcnn.ocr.digit_detection import ComputeMaps, detect_digits, turn_back
from mnistcnn.ocr.page_network import Polarity
from mnistcnn.ocr.reading_order import group_into_lines
from mnistcnn.ocr.results import Digit, Reading, select_digits


def read_page(
    picture: ImageLike,
    compute_maps: ComputeMaps,
    predict_proba: PredictProba,
    *,
    min_confidence: float,
    keep_doubtful: bool = False,
    polarity: Polarity = "auto",
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image, numpy.ndarray or LoadedImage
        As `read_image` takes it.
    compute_maps : callable
        The page network, as `PageNetwork` is.
    predict_proba : callable
        Maps ``uint8 (n, 28, 28)`` to class probabilities, ``float32 (n, 10)``.
    min_confidence : float
        Digits with a lower confidence are doubtful.
    keep_doubtful : bool, default False
        Whether the lines contain the doubtful digits; otherwise, the reading lists them as omitted.
    polarity : {"auto", "dark", "light"}
        Which ink is read: any, or only ink darker or lighter than the background.
    """
    image = read_image(picture)
    detection = detect_digits(image.brightness, compute_maps, polarity=polarity)
    digits = classify([found.instance for found in detection.digits], predict_proba)
    # Edges in the upright image.
    edges = dict(zip(digits, (found.edges for found in detection.digits), strict=True))
    selected, omitted = select_digits(
        digits, min_confidence=min_confidence, keep_doubtful=keep_doubtful
    )
    lines = group_into_lines([edges[digit] for digit in selected])
    shape = image.brightness.shape
    # Boxes refer to the original size of an image that was downscaled.
    magnification = image.height / shape[0]

    def to_digit(digit: ClassifiedDigit) -> Digit:
        original = turn_back(edges[digit], detection.quarter_turns, shape)
        left, top, right, bottom = (round(magnification * edge) for edge in original)
        return Digit(
            label=int(digit.probabilities.argmax()),
            confidence=digit.confidence,
            box=(left, top, right, bottom),
            image=digit.crop,
            probabilities=digit.probabilities,
            doubtful=digit.confidence < min_confidence,
        )

    return Reading(
        lines=tuple(tuple(to_digit(selected[i]) for i in line) for line in lines),
        width=image.width,
        height=image.height,
        rotation=90 * detection.quarter_turns,
        omitted=tuple(map(to_digit, omitted)),
    )
