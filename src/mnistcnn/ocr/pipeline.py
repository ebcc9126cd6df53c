"""From the image of a page to the digits on it."""

from __future__ import annotations

from mnistcnn.images.image_io import ImageLike, read_image
from mnistcnn.ocr.binarization import binarize, drop_enclosing
from mnistcnn.ocr.classification import (
    Candidate,
    DigitScorer,
    PredictProba,
    apply_rejection,
    classify,
)
from mnistcnn.ocr.components import drop_hairlines, extract_components, median_digit_height
from mnistcnn.ocr.line_removal import remove_lines
from mnistcnn.ocr.reading_order import group_into_lines
from mnistcnn.ocr.results import Digit, Reading, select_digits
from mnistcnn.ocr.segmentation import merge_strokes, split_touching

# Height of a component, in digit heights, below which it is punctuation or dirt.
_MIN_HEIGHT = 0.3


def read_page(
    picture: ImageLike,
    predict_proba: PredictProba,
    *,
    min_confidence: float,
    keep_doubtful: bool = False,
    digit_scorer: DigitScorer | None = None,
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image, numpy.ndarray or LoadedImage
        As `read_image` takes it.
    predict_proba : callable
        Maps ``uint8 (n, 28, 28)`` to class probabilities, ``float32 (n, 10)``.
    min_confidence : float
        Digits with a lower confidence are doubtful.
    keep_doubtful : bool, default False
        Whether the lines contain the doubtful digits; otherwise, the reading lists them as omitted.
    digit_scorer : callable, optional
        Maps ``uint8 (n, 28, 28)`` to ``float32 (n, 2)``, as `NonDigitRejector` does. None: no
        candidate is rejected.
    """
    image = read_image(picture)
    ink_map = remove_lines(drop_enclosing(binarize(image.brightness)))
    digit_height = median_digit_height(ink_map.stats)
    components = extract_components(ink_map, digit_height)
    candidates = classify(drop_hairlines(components, digit_height), predict_proba)
    candidates = merge_strokes(candidates, ink_map, digit_height, predict_proba)
    min_height = _MIN_HEIGHT * digit_height
    candidates = [candidate for candidate in candidates if candidate.component.height >= min_height]
    candidates = split_touching(candidates, digit_height, predict_proba)
    if digit_scorer is not None:
        candidates = apply_rejection(candidates, digit_scorer)
    selected, omitted = select_digits(
        candidates, min_confidence=min_confidence, keep_doubtful=keep_doubtful
    )
    lines = group_into_lines([candidate.component.box for candidate in selected])
    # Boxes refer to the original size of an image that was downscaled.
    scale = image.height / len(image.brightness)

    def to_digit(candidate: Candidate) -> Digit:
        return _to_digit(candidate, scale, doubtful=candidate.confidence < min_confidence)

    return Reading(
        lines=tuple(tuple(to_digit(selected[i]) for i in line) for line in lines),
        width=image.width,
        height=image.height,
        omitted=tuple(map(to_digit, omitted)),
    )


def _to_digit(candidate: Candidate, scale: float, *, doubtful: bool) -> Digit:
    left, top, right, bottom = (round(scale * edge) for edge in candidate.component.box)
    return Digit(
        label=int(candidate.probabilities.argmax()),
        confidence=candidate.confidence,
        box=(left, top, right, bottom),
        image=candidate.crop,
        probabilities=candidate.probabilities,
        doubtful=doubtful,
    )
