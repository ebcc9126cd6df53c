"""Pages with known digits, and the maps that a page network without error gives for them."""

from dataclasses import dataclass

import cv2
import numpy as np

from mnistcnn.ocr.page_network import CELL_SIZE, to_page_maps


@dataclass(frozen=True)
class DrawnPage:
    """The ink of each digit on its own layer ``(n, h, w)``, and the labels."""

    layers: np.ndarray
    labels: list

    @property
    def image(self):
        """Dark ink on white paper, ``float32 (h, w, 3)``."""
        return np.repeat(1 - self.layers.max(axis=0)[..., np.newaxis], 3, axis=2)

    def boxes(self):
        """Return left, top, right and bottom of each digit's ink."""
        boxes = []
        for layer in self.layers:
            rows, columns = (
                np.flatnonzero((layer > 0.5).any(1)),
                np.flatnonzero((layer > 0.5).any(0)),
            )
            boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        return np.array(boxes)


def draw_digits(shape, digits):
    """Return a page of digits, given as (ink, left, top, label)."""
    layers = np.zeros((len(digits), *shape), np.float32)
    for layer, (ink, left, top, _) in zip(layers, digits, strict=True):
        layer[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return DrawnPage(layers, [label for *_, label in digits])


def raw_outputs(page, *, other_ink=None, noise=0.0, seed=0):
    """Return the outputs of the network, ``ink (2, h, w)`` and ``digits (14, h / 4, w / 4)``.

    With `noise`, each value of the second output gets a normal deviation of that size.
    """
    coverage = page.layers.max(axis=0, initial=0)
    ink = np.stack([coverage, np.zeros_like(coverage) if other_ink is None else other_ink])
    height, width = (-(-side // CELL_SIZE) for side in coverage.shape)
    rows, columns = np.mgrid[:height, :width] * CELL_SIZE + 1.5
    outputs = np.zeros((14, height, width), np.float32)
    heat = np.full((height, width), 1e-4)
    cell_layers = [
        cv2.resize(
            np.pad(
                layer,
                [(0, height * CELL_SIZE - layer.shape[0]), (0, width * CELL_SIZE - layer.shape[1])],
            ),
            (width, height),
            interpolation=cv2.INTER_AREA,
        )
        for layer in page.layers
    ]
    owner = np.argmax(cell_layers, axis=0) if cell_layers else None
    for i, (left, top, right, bottom) in enumerate(page.boxes()):
        size = max(right - left, bottom - top)
        x, y = (left + right - 1) / 2, (top + bottom - 1) / 2
        # The peak is highest in the cell of the center.
        peak_x, peak_y = (int((center + 0.5) // CELL_SIZE) * CELL_SIZE + 1.5 for center in (x, y))
        sigma = max(0.12 * size, 0.7 * CELL_SIZE)
        distance = np.hypot(columns - peak_x, rows - peak_y)
        heat = np.maximum(heat, 0.98 * np.exp(-(distance**2) / (2 * sigma**2)))
        own = owner == i
        outputs[1, own] = (x - columns[own]) / size
        outputs[2, own] = (y - rows[own]) / size
        outputs[3, own] = np.log(size / 32)
        outputs[4 + page.labels[i], distance <= max(0.15 * size, CELL_SIZE)] = 6
    outputs[0] = np.log(heat / (1 - heat))
    outputs += noise * np.random.default_rng(seed).normal(size=outputs.shape).astype(np.float32)
    return ink.astype(np.float32), outputs


def oracle_maps(page, **options):
    """Return the `PageMaps` of a page."""
    return to_page_maps(*raw_outputs(page, **options))


def encode_page(page):
    """Return an image of a page from which `component_network` recovers its digits.

    The ink has no red, and its blue is the label.
    """
    coverage = page.layers.max(axis=0)
    image = np.ones((*coverage.shape, 3), np.float32)
    image[..., 0] -= coverage
    for (left, top, right, bottom), label in zip(page.boxes(), page.labels, strict=True):
        image[max(top - 3, 0) : bottom + 3, max(left - 3, 0) : right + 3, 2] = label / 10
    return image


def component_network(image):
    """A page network without error for the images of `encode_page`, at any scale."""
    coverage = np.clip(1 - image[..., 0], 0, 1)
    count, components = cv2.connectedComponents((coverage > 0.1).astype(np.uint8))
    masks = [components == i for i in range(1, count)]
    # At a small scale, strokes can become too pale to be seen.
    masks = [mask for mask in masks if coverage[mask].max() > 0.5]
    layers = np.array([np.where(mask, coverage, 0) for mask in masks], np.float32)
    labels = [
        round(10 * float(image[..., 2].ravel()[np.argmax(np.where(mask, coverage, 0))]))
        for mask in masks
    ]
    return oracle_maps(DrawnPage(layers.reshape(-1, *coverage.shape), labels))
