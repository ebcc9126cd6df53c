"""The data sets of the rejector: digit crops, and crops of what is not a digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page
from mnistcnn.images.image_io import read_image
from mnistcnn.ocr.binarization import binarize
from mnistcnn.ocr.boxes import intersection_over_union
from mnistcnn.ocr.components import extract_components, median_digit_height
from mnistcnn.types import NUM_CLASSES
from tools.pretrained import synthetic_nondigits
from tools.pretrained.synthetic_nondigits import (
    DIGITS,
    LETTERS,
    SCRIBBLES,
    SHAPE_GROUPS,
    SYMBOLS,
    TYPEFACES,
    Crops,
    Generator,
)

# The outputs of the network: ten digits, then groups of other shapes.
OUTPUTS = (
    *DIGITS, *SHAPE_GROUPS, "blots", "scribbles", "arrows", "altered digits", "digit pairs",
)  # fmt: skip
DIGIT_PAIR = OUTPUTS.index("digit pairs")
_PAGE_SAMPLES = 5_000
_MIN_IOU = 0.6  # intersection over union of two boxes of the same digit


class CropDataset(NamedTuple):
    """Crops, ``uint8 (n, 28, 28)``; the output that each is for; and its kind."""

    crops: Crops
    outputs: NDArray[np.int64]
    kinds: NDArray[np.str_]


def draw_dataset(
    images: mnistcnn.Split, split: str, counts: Mapping[str, int], generator: Generator
) -> CropDataset:
    """Draw a data set from real digits and the typefaces and scribbles of a split.

    `counts` are the numbers of crops by kind; all `images` are part of it, too.
    """
    parts: dict[str, tuple[Crops, list[int]]] = {"mnist": (images.images, images.labels.tolist())}
    for kind, characters, handwritten in (
        ("letters", LETTERS, True),
        ("printed", LETTERS + DIGITS, False),
        ("symbols", SYMBOLS, True),
        ("distorted_printed_digits", DIGITS, True),
    ):
        parts[kind] = _draw_characters(
            characters, split, counts[kind], generator, handwritten=handwritten
        )
    parts["scribbles"] = _draw_scribbles(split, counts["scribbles"], generator)
    draw: dict[str, Callable[[], NDArray[np.float32]]] = {
        "altered_digits": lambda: synthetic_nondigits.alter_digit(*images, generator),
        "digit_pairs": lambda: synthetic_nondigits.draw_digit_pair(images.images, generator),
    }
    for kind, draw_one in draw.items():
        crops = synthetic_nondigits.to_crops([draw_one() for _ in range(counts[kind])])
        parts[kind] = crops, [OUTPUTS.index(kind.replace("_", " "))] * len(crops)
    parts["distorted_mnist"] = _distort_digits(images, counts["distorted_mnist"], generator)
    parts["pages"] = _crops_from_pages(_concatenate(parts), counts["pages"], generator)
    return _concatenate(parts)


def add_low_resolution(dataset: CropDataset, count: int, generator: Generator) -> CropDataset:
    """Return the data set with a sample of it as if scanned at 7 to 11 pixels per digit."""
    indices = generator.choice(len(dataset.crops), count, replace=False)
    low_resolution = []
    for index in indices:
        size = (int(generator.integers(10, 16)),) * 2
        small = cv2.resize(dataset.crops[index], size, interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, (28, 28), interpolation=cv2.INTER_CUBIC)
        crop = np.asarray(cv2.normalize(large, None, 0, 255, cv2.NORM_MINMAX), np.uint8)
        low_resolution.append(crop)
    return CropDataset(
        np.concatenate([dataset.crops, np.stack(low_resolution)]),
        np.concatenate([dataset.outputs, dataset.outputs[indices]]),
        np.concatenate([dataset.kinds, np.repeat("low_resolution", count)]),
    )


def _concatenate(parts: Mapping[str, tuple[Crops, Sequence[int]]]) -> CropDataset:
    return CropDataset(
        np.concatenate([crops for crops, _ in parts.values()]),
        np.concatenate([outputs for _, outputs in parts.values()]),
        np.concatenate([[kind] * len(crops) for kind, (crops, _) in parts.items()]),
    )


def _draw_characters(
    characters: str, split: str, count: int, generator: Generator, *, handwritten: bool
) -> tuple[Crops, list[int]]:
    sampled = generator.choice(list(characters), count).tolist()
    typefaces = generator.choice(TYPEFACES[split], count).tolist()
    draw = synthetic_nondigits.draw_handwritten if handwritten else synthetic_nondigits.draw_printed
    drawings = [
        draw(character, typeface, generator)
        for character, typeface in zip(sampled, typefaces, strict=True)
    ]
    groups = OUTPUTS[: NUM_CLASSES + len(SHAPE_GROUPS)]
    output_of = {character: OUTPUTS.index(group) for group in groups for character in group}
    return synthetic_nondigits.to_crops(drawings), [output_of[character] for character in sampled]


def _draw_scribbles(split: str, count: int, generator: Generator) -> tuple[Crops, list[int]]:
    names = generator.choice(list(SCRIBBLES[split]), count).tolist()
    drawings = [
        synthetic_nondigits.distort(SCRIBBLES[split][name](generator), generator) for name in names
    ]
    plurals = [f"{name}s" for name in names]
    outputs = [OUTPUTS.index(name if name in OUTPUTS else "scribbles") for name in plurals]
    return synthetic_nondigits.to_crops(drawings), outputs


def _distort_digits(
    images: mnistcnn.Split, count: int, generator: Generator
) -> tuple[Crops, list[int]]:
    indices = generator.integers(0, len(images.images), count)
    drawings = [
        synthetic_nondigits.distort(
            synthetic_nondigits.upscale(images.images[i]), generator, strength=0.5
        )
        for i in indices
    ]
    return synthetic_nondigits.to_crops(drawings), images.labels[indices].tolist()


def _crops_from_pages(
    dataset: CropDataset, count: int, generator: Generator
) -> tuple[Crops, list[int]]:
    """Return crops as `Recognizer.read` takes them from pages: half digits, half non-digits."""
    digits = np.flatnonzero(dataset.kinds == "mnist")
    nondigits = np.flatnonzero(dataset.outputs >= NUM_CLASSES)
    indices = np.concatenate(
        [generator.choice(group, _PAGE_SAMPLES) for group in (digits, nondigits)]
    )
    # The text of a page has one character per image: here one that encodes the output.
    text = np.array([chr(256 + output) for output in dataset.outputs[indices]])
    styles = [
        replace(style, height=(style.height[0], min(style.height[1], 60)))
        for style in PAGE_STYLES.values()
        if style.gap[0] >= 0 and style.height[0] < 60
    ]
    crops: list[Crops] = []
    outputs: list[int] = []
    while len(crops) < count:
        style = styles[generator.integers(len(styles))]
        page = draw_page(dataset.crops[indices], text, generator, style)
        ink = binarize(read_image(page.picture).brightness)
        components = extract_components(ink, median_digit_height(ink.stats))
        overlaps = intersection_over_union(page.boxes, [part.box for part in components])
        for character, iou in zip(page.text.replace("\n", ""), overlaps, strict=True):
            if iou.max(initial=0) > _MIN_IOU:
                crops.append(components[int(iou.argmax())].digit_crop())
                outputs.append(ord(character) - 256)
    return np.stack(crops[:count]), outputs[:count]
