"""From the image of a page to the digits on it: detection, classification, reading order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mnistcnn.images.image_io import ImageLike, read_image
from mnistcnn.ocr.binarization import HEIGHT, binarize, drop_enclosing
from mnistcnn.ocr.boxes import cover, intersection_over_union, turn_back
from mnistcnn.ocr.classification import Candidate, DigitScorer, PredictProba, classify
from mnistcnn.ocr.components import drop_hairlines, extract_components, median_digit_height
from mnistcnn.ocr.confidence import ConfidenceWeights, ScoredDigit, score_digits
from mnistcnn.ocr.digit_detection import ComputeMaps, detect_digits
from mnistcnn.ocr.page_network import Polarity
from mnistcnn.ocr.reading_order import group_into_lines
from mnistcnn.ocr.results import Digit, Reading, select_digits
from mnistcnn.ocr.segmentation import merge_strokes, split_touching
from mnistcnn.types import Float32Array, UInt8Array

# Height of a component, in digit heights, below which it is punctuation or dirt.
_MIN_HEIGHT = 0.3
# Where there are more components than this many for each detected digit, plus the second number,
# the ink of the page is not digits alone, and its components are not used.
_MAX_COMPONENTS_PER_DIGIT, _MAX_OTHER_COMPONENTS = 3, 10
# Intersection over union from which a component is a detected digit of the same label.
_MIN_SAME = 0.5
# Number of pixels in which components are sought.
_MAX_COMPONENT_PIXELS = 1_000_000


@dataclass(frozen=True, eq=False)
class Models:
    """What a page is read with.

    Parameters
    ----------
    compute_maps : callable
        The page network, as `PageNetwork` is.
    predict_proba : callable
        Maps ``uint8 (n, 28, 28)`` to class probabilities, ``float32 (n, 10)``.
    digit_scorer : callable
        Maps ``uint8 (n, 28, 28)`` to ``float32 (n,)``, as `NonDigitRejector` does.
    confidence_weights : mapping
        Weights of the confidence, as `load_confidence_weights` returns them.
    """

    compute_maps: ComputeMaps
    predict_proba: PredictProba
    digit_scorer: DigitScorer
    confidence_weights: ConfidenceWeights


def read_page(
    picture: ImageLike,
    models: Models,
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
    models : Models
        The networks and regressions.
    min_confidence : float
        Digits with a lower confidence are doubtful.
    keep_doubtful : bool, default False
        Whether the lines contain the doubtful digits; otherwise, the reading lists them as omitted.
    polarity : {"auto", "dark", "light"}
        Which ink is read: any, or only ink darker or lighter than the background.
    """
    image = read_image(picture)
    digits, quarter_turns = find_digits(image.brightness, models, polarity)
    selected, omitted = select_digits(
        _suppress_duplicates(digits), min_confidence=min_confidence, keep_doubtful=keep_doubtful
    )
    lines = group_into_lines([digit.edges for digit in selected])
    shape = image.brightness.shape
    # Boxes refer to the original size of an image that was downscaled.
    magnification = image.height / shape[0]

    def to_digit(digit: ScoredDigit) -> Digit:
        edges = turn_back(digit.edges, quarter_turns, shape)
        left, top, right, bottom = (round(magnification * edge) for edge in edges)
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
        rotation=90 * quarter_turns,
        omitted=tuple(map(to_digit, omitted)),
    )


def find_digits(
    image: Float32Array, models: Models, polarity: Polarity = "auto"
) -> tuple[list[ScoredDigit], int]:
    """Return everything that may be a digit, and the clockwise quarter turns of the text."""

    def score_legibility(crops: Sequence[UInt8Array]) -> Float32Array:
        stacked = np.stack(crops)
        confidences = models.predict_proba(stacked).max(axis=1)
        return np.asarray(confidences * models.digit_scorer(stacked))

    detection = detect_digits(image, models.compute_maps, score_legibility, polarity=polarity)
    upright = np.rot90(image, detection.quarter_turns)
    view, reduction = _reduce(upright)
    components = find_components(view, len(detection.digits), models.predict_proba, polarity)
    digits = score_digits(
        detection,
        components,
        models.predict_proba,
        models.digit_scorer,
        models.confidence_weights,
        shape=upright.shape,
        reduction=reduction,
    )
    return digits, detection.quarter_turns


def _reduce(image: Float32Array) -> tuple[Float32Array, float]:
    """Return an image of at most a megapixel, and the factor by which it was reduced."""
    height, width = image.shape[:2]
    reduction = max(1.0, math.sqrt(height * width / _MAX_COMPONENT_PIXELS))
    if reduction == 1:
        return np.ascontiguousarray(image), 1.0
    size = max(1, round(width / reduction)), max(1, round(height / reduction))
    reduced = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced).reshape(*size[::-1], -1), reduction


def find_components(
    image: Float32Array, num_detected: int, predict_proba: PredictProba, polarity: Polarity
) -> list[Candidate]:
    """Return the connected components of the ink that may be digits.

    On plain paper, they show the strokes in full resolution. On a page with many more components
    than detected digits there are none: its ink is not digits alone.
    """
    ink_map = drop_enclosing(binarize(image, polarity))
    digit_height = median_digit_height(ink_map.stats)
    min_height = _MIN_HEIGHT * digit_height
    num_components = int((ink_map.stats[1:, HEIGHT] >= min_height).sum())
    if num_components > _MAX_COMPONENTS_PER_DIGIT * num_detected + _MAX_OTHER_COMPONENTS:
        return []
    components = extract_components(ink_map, digit_height)
    candidates = classify(drop_hairlines(components, digit_height), predict_proba)
    candidates = merge_strokes(candidates, ink_map, digit_height, predict_proba)
    candidates = [candidate for candidate in candidates if candidate.component.height >= min_height]
    return split_touching(candidates, digit_height, predict_proba)


def _suppress_duplicates(digits: Sequence[ScoredDigit]) -> list[ScoredDigit]:
    """Return the digits without those that share a large part with a more confident one.

    Of a digit that was found twice, the component has the better outline: in full resolution.
    """
    kept: list[ScoredDigit] = []
    boxes = np.empty((len(digits), 4))  # the first rows are those of the digits in `kept`
    for digit in sorted(digits, key=lambda digit: -digit.confidence):
        same = np.flatnonzero(cover(boxes[: len(kept)], digit.edges)).tolist()
        if not same:
            boxes[len(kept)] = digit.edges
            kept.append(digit)
        elif digit.kind != "detected" and len(same) == 1 and _is_same(kept[same[0]], digit):
            kept[same[0]] = replace(kept[same[0]], edges=digit.edges, crop=digit.crop)
            boxes[same[0]] = digit.edges
    return kept


def _is_same(detected: ScoredDigit, component: ScoredDigit) -> bool:
    """Return whether a detected digit and a component are the same digit."""
    return (
        detected.kind == "detected"
        and detected.probabilities.argmax() == component.probabilities.argmax()
        and intersection_over_union(detected.edges, component.edges).item() > _MIN_SAME
    )
