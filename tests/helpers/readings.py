"""Readings without a picture."""

from dataclasses import replace

import numpy as np

from mnistcnn import Digit, Reading
from mnistcnn.ocr import pipeline


def make_digit(label=0, confidence=0.9, *, box=(0, 0, 10, 20), doubtful=False, others=None):
    """Return a digit; `others` are the probabilities of other labels, by default 0."""
    probabilities = np.zeros(10, np.float32)
    probabilities[label] = confidence
    for other, probability in (others or {}).items():
        probabilities[other] = probability
    return digit_of(probabilities, box=box, doubtful=doubtful)


def digit_of(probabilities, *, threshold=0.0, box=(0, 0, 10, 20), doubtful=None):
    """Return the digit with these class probabilities, doubtful below a confidence of `threshold`."""
    label = int(np.argmax(probabilities))
    confidence = float(probabilities[label])
    return Digit(
        label=label,
        confidence=confidence,
        box=box,
        image=np.zeros((28, 28), np.uint8),
        probabilities=np.asarray(probabilities, np.float32),
        doubtful=confidence < threshold if doubtful is None else doubtful,
    )


def fake_pipeline(monkeypatch, read_digits):
    """Make `read_digits` find the lines of digits in each `LoadedImage`, instead of the networks."""

    def read_page(image, *networks, min_confidence, keep_doubtful, **others):
        lines, omitted = [], []
        for line in read_digits(image):
            marked = [replace(digit, doubtful=digit.confidence < min_confidence) for digit in line]
            lines.append(tuple(digit for digit in marked if keep_doubtful or not digit.doubtful))
            omitted += [digit for digit in marked if digit not in lines[-1]]
        return Reading(
            lines=tuple(line for line in lines if line),
            width=image.width,
            height=image.height,
            omitted=tuple(omitted),
        )

    monkeypatch.setattr(pipeline, "read_page", read_page)


def make_boxes(text, *, gap=4, blank=40, left=10, top=10, width=10, height=20, rotation=0):
    """Return the boxes of the digits of each line; blanks widen the gap between two digits."""
    lines = []
    for number, line in enumerate(text.split("\n")):
        x, y = left, top + 2 * height * number
        boxes = []
        for character in line:
            if character == " ":
                x += blank - gap
            else:
                boxes.append(_rotate((x, y, x + width, y + height), rotation))
                x += width + gap
        lines.append(boxes)
    return lines


def make_reading(text, *, rotation=0, confidence=0.9, **layout):
    """Return the reading of a text with these digits."""
    lines = make_boxes(text, rotation=rotation, **layout)
    return Reading(
        lines=tuple(
            tuple(
                make_digit(int(label), confidence, box=box)
                for label, box in zip(line.replace(" ", ""), boxes, strict=True)
            )
            for line, boxes in zip(text.split("\n"), lines, strict=True)
        ),
        width=1000,
        height=1000,
        rotation=rotation,
    )


def _rotate(box, rotation):
    """Rotate a box on a page of 1,000 × 1,000 pixels clockwise."""
    left, top, right, bottom = box
    for _ in range(rotation // 90):
        left, top, right, bottom = 1000 - bottom, left, 1000 - top, right
    return left, top, right, bottom
