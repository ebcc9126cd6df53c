"""The figures of the documentation that show how a page is processed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image

import mnistcnn
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page
from mnistcnn.ocr.instances import find_instances
from mnistcnn.ocr.page_network import PageMaps, PageNetwork
from mnistcnn.plotting.evaluation import draw_calibration
from mnistcnn.utils.atomic_write import atomic_write

_INSTANCE_COLORS = ListedColormap(["white", *mpl.colormaps["tab10"].colors[:9]])


def draw_steps(recognizer: mnistcnn.Recognizer, split: mnistcnn.Split) -> Figure:
    """Draw the steps from a photo to the digit crops."""
    generator = np.random.default_rng(5)
    style = replace(
        PAGE_STYLES["ruled lines, tilt"],
        lines=(2, 2), digits_per_line=(4, 4), gradient=0.6, noise=0.03, colored=True,
    )  # fmt: skip
    picture = draw_page(split.images, split.labels, generator, style).picture
    maps = PageNetwork()(np.asarray(picture, np.float32) / 255)
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.2, 1])
    panels = upper.subplots(2, 2).ravel()
    panels[0].imshow(picture)
    ink = np.stack([maps.digit_ink, maps.other_ink], axis=-1)
    panels[1].imshow((1 - ink @ np.array([[0, 1, 1], [1, 0.4, 0]])).clip(0, 1))
    panels[2].imshow(maps.centers, cmap="magma", vmin=0, vmax=1)
    panels[3].imshow(_color_instances(maps), cmap=_INSTANCE_COLORS, vmin=0, vmax=9)
    titles = (
        "1. picture",
        "2. ink of digits (red) and other ink (blue)",
        "3. centers of digits",
        "4. digits: pixels that point to the same center",
    )
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    digits = recognizer.read(picture).digits
    row = np.ravel(lower.subplots(1, len(digits))) if digits else ()
    for axes, digit in zip(row, digits, strict=True):
        axes.imshow(digit.image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"{digit.label}: {100 * digit.confidence:.0f} %", fontsize=9)
        axes.set_axis_off()
    lower.suptitle("5. digit crops, labels and confidence", fontsize=10)
    return figure


def _color_instances(maps: PageMaps) -> np.ndarray:
    """Return a color number for each pixel, 0 for pixels that belong to no digit."""
    colors = np.zeros(maps.digit_ink.shape, int)
    for i, instance in enumerate(find_instances(maps)):
        left, top, right, bottom = instance.box
        region = colors[top:bottom, left:right]
        region[instance.coverage > 0.5] = 1 + i % 9
    return colors


def draw_hard_page(recognizer: mnistcnn.Recognizer, split: mnistcnn.Split) -> Figure:
    """Draw a hard page with the digits that were read from it."""
    generator = np.random.default_rng(7)
    page = draw_page(split.images, split.labels, generator, PAGE_STYLES["hard"])
    return mnistcnn.plot_reading(page.picture, recognizer.read(page.picture))


def draw_confidence(report: Mapping[str, Any]) -> Figure:
    """Draw the accuracy of digits by their confidence, as `confidence_accuracy` measures it."""
    figure = Figure(figsize=(4.8, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    names = ("digits", "mean_confidence", "right")
    draw_calibration(above, below, *([row[name] for row in report["bins"]] for name in names))
    error = 100 * report["expected_calibration_error"]
    above.set_title(f"Calibration error {error:.2f} %", fontsize=10)
    above.set_ylabel("Right digits")
    below.set_ylabel("Digits")
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in 64 colors; with more, the noise of a page would take a megabyte."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    reduced = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    with atomic_write(path) as temporary:
        reduced.save(temporary, optimize=True)
