"""Photograph a flat layout: paper, ink, geometry, light and camera, with the truth.

`photograph` turns a layout into a picture as a camera, a scanner or a drawing program would
give it, and distorts the truth with the picture.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tools.page_network import textures
from tools.page_network.camera import take_picture
from tools.page_network.effects import Effects, draw_style
from tools.page_network.geometry import Warp, draw_warp
from tools.page_network.layers import InkLayer, Layout
from tools.page_network.lighting import draw_light
from tools.page_network.occluders import cover
from tools.page_network.surfaces import draw_desk, draw_paper, draw_paper_color, draw_scene

Color = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Paper darker than this is written on in light ink.
_DARK = 0.45
# Lights and tones leave at least this difference between ink and paper, of 1 from black to white.
_MIN_CONTRAST = 0.07
# Strokes of this width or more are as visible as their contrast.
_BROAD_STROKE = 3.0
_MAX_STROKE = 50.0
# A digit that is no higher than this many stroke widths is blurred according to its height.
_SLENDER = 14
# Coverage of a pixel that belongs to a stroke.
_INK = 80
# A digit of which less than this part is in the picture is no longer one.
_VISIBLE = 0.35


@dataclass(frozen=True)
class Page:
    """A synthetic picture of a page with its truth.

    Attributes
    ----------
    image : numpy.ndarray
        ``uint8 (height, width, 3)`` RGB.
    digit_ink, other_ink : numpy.ndarray
        Coverage by the ink of handwritten digits and by any other ink, ``uint8 (height, width)``.
    instances : numpy.ndarray
        ``int16 (height, width)``: 0, or 1 + the row of `digits` that owns the pixel.
    digits : numpy.ndarray
        ``float32 (n, 5)``: center x, center y, width and height of the box of the digit's ink,
        in pixels of the picture, and the label.
    """

    image: NDArray[np.uint8]
    digit_ink: NDArray[np.uint8]
    other_ink: NDArray[np.uint8]
    instances: NDArray[np.int16]
    digits: NDArray[np.float32]


@dataclass(frozen=True)
class _Ink:
    """All ink of a page: color times coverage in three channels, then the coverage.

    The contrast is that of the faintest digits, and the stroke is their mean width.
    """

    paint: NDArray[np.float32]
    digit: NDArray[np.uint8]
    other: NDArray[np.uint8]
    contrast: float
    stroke: float


def photograph(
    layout: Layout,
    generator: np.random.Generator,
    *,
    style: str | None = None,
    without: Collection[str] = (),
) -> Page:
    """Photograph a layout.

    Parameters
    ----------
    layout : Layout
        The flat page.
    generator : numpy.random.Generator
        Generators of equal state take equal pictures.
    style : str, optional
        A key of `STYLES`; drawn by default. A scene shows none of the layout.
    without : collection of str, default ()
        Names of styles and effects that never occur.

    Returns
    -------
    Page
        A picture of the size of the layout. Only square pictures are turned by one or three
        quarters.
    """
    effects = Effects(generator, style or draw_style(generator, without=without), without=without)
    shape = layout.instances.shape
    if effects.style == "scene":
        lit = draw_scene(effects, shape) * draw_light(effects, shape, limits=(0.05, 1.25))
        blank = np.zeros(shape, np.uint8)
        image = take_picture(effects, lit, height=40.0, contrast=0.5, dark=False)
        return Page(image, blank, blank, blank.astype(np.int16), np.zeros((0, 5), np.float32))
    height = _smallest_height(layout.instances)
    warp = draw_warp(effects, shape, height)
    color = draw_paper_color(effects)
    ink = _mix_ink(effects, layout.layers, shape, color)
    paper = draw_paper(effects, shape, color, contrast=ink.contrast)
    if effects.occurs("scene behind print") and not layout.labels:
        paper = draw_scene(effects, shape)
    reflectance, hidden = _lay_out(effects, warp, paper, ink)
    truth = warp.apply(cv2.merge([ink.digit, ink.other]))
    instances = warp.apply(layout.instances, interpolation=cv2.INTER_NEAREST)
    if effects.occurs("occluder"):
        hidden = hidden | (cover(effects, reflectance) > 127)
    truth[hidden] = 0
    instances = np.where(hidden, np.int16(0), instances)
    brightness = float(_LUMA @ color)
    dark = brightness < _DARK
    # Between these limits even the faintest digit stays visible.
    floor = float(np.clip(_MIN_CONTRAST / ink.contrast, 0.1, 0.9))
    ceiling = 1.25 if dark else (1 - _MIN_CONTRAST) / max(brightness - ink.contrast, 0.1)
    light = draw_light(effects, shape, limits=(floor, ceiling))
    contrast = ink.contrast * float(np.quantile(light[::16, ::16], 0.1))
    image = take_picture(
        effects,
        reflectance * light,
        height=min(height, _SLENDER * ink.stroke) * warp.scale,
        contrast=contrast,
        dark=dark,
    )
    instances, digits = _locate(layout, instances, warp.scale)
    return Page(image, truth[..., 0].copy(), truth[..., 1].copy(), instances, digits)


def _smallest_height(instances: NDArray[np.int16]) -> float:
    """Return the height of the smallest digits of a layout, in pixels; 40 without digits."""
    boxes = [box for box in ndimage.find_objects(instances) if box is not None]
    heights = [rows.stop - rows.start for rows, _ in boxes]
    return float(max(np.quantile(heights, 0.1), 4.0)) if heights else 40.0


def _mix_ink(
    effects: Effects, layers: list[InkLayer], shape: tuple[int, int], paper: Color
) -> _Ink:
    """Paint the layers on top of each other."""
    hard = effects.occurs("hard edges")
    pale = effects.log_uniform(0.22, 0.75) if effects.occurs("pale ink") else 1.0
    others = pale if effects.generator.random() < 0.5 else 1.0
    gamma = np.float32(effects.log_uniform(0.6, 1.5))
    grains = {
        name: textures.crop(effects.generator, "grain", shape, scale=effects.uniform(0.6, 2))
        for name in sorted({layer.texture for layer in layers} & _GRAINY.keys())
    }
    paint = np.zeros((4, *shape), np.float32)
    truth = {"digit": np.zeros(shape, np.float32), "other": np.zeros(shape, np.float32)}
    contrast = 1.0
    for kind, color, texture, whole in _merge_layers(layers):
        window = _extent(whole)
        coverage = whole[window]
        if hard:
            coverage = (coverage > 0.35).astype(np.float32)
        if kind in truth:
            np.maximum(truth[kind][window], coverage, out=truth[kind][window])
        ink = _contrasting(np.array(color, np.float32), paper)
        strength = pale if kind == "digit" else others
        if kind == "digit":
            contrast = min(contrast, strength * float(np.abs(_LUMA @ (ink - paper))))
        alpha = strength * (coverage if hard else coverage**gamma)
        if texture in grains and not hard:
            level, amount = _GRAINY[texture]
            alpha *= np.clip(level + amount * grains[texture][window], 0.25, 1)
        for plane, target in zip(paint, (*ink, np.float32(1)), strict=True):
            plane[window] += alpha * (target - plane[window])
    digit, other = (np.rint(255 * truth[kind]).astype(np.uint8) for kind in ("digit", "other"))
    if not digit.any():
        return _Ink(cv2.merge(list(paint)), digit, other, 0.5, _MAX_STROKE)
    stroke = _stroke_width(digit)
    # Hairlines need a stronger contrast than broad strokes do.
    contrast *= float(np.clip(stroke / _BROAD_STROKE, 0.35, 1))
    return _Ink(cv2.merge(list(paint)), digit, other, contrast, stroke)


def _stroke_width(ink: NDArray[np.uint8]) -> float:
    """Return the mean width of the strokes in pixels, from their area and their outline."""
    strokes = (ink > _INK).astype(np.uint8)
    area = np.count_nonzero(strokes)
    outline = area - np.count_nonzero(cv2.erode(strokes, np.ones((3, 3), np.uint8)))
    return float(np.clip(2 * area / max(outline, 1), 1, _MAX_STROKE))


# Tools whose ink stays on the grain of the paper: mean coverage and its deviation.
_GRAINY = {"pencil": (0.85, 0.2), "chalk": (0.8, 0.3), "brush": (0.95, 0.1)}


def _merge_layers(
    layers: list[InkLayer],
) -> list[tuple[str, tuple[float, ...], str, NDArray[np.float32]]]:
    """Merge layers of equal kind, color and texture, in the order of their first ones."""
    merged: dict[tuple, NDArray[np.float32]] = {}
    for layer in layers:
        key = (layer.kind, tuple(layer.color), layer.texture)
        known = merged.get(key)
        merged[key] = layer.coverage if known is None else np.maximum(known, layer.coverage)
    return [(*key, coverage) for key, coverage in merged.items()]


def _extent(coverage: NDArray[np.float32]) -> tuple[slice, slice]:
    """Return the rows and columns with ink."""
    left, top, width, height = cv2.boundingRect((coverage > 0).astype(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def _contrasting(ink: Color, paper: Color) -> Color:
    """Return the color with which the ink is visible on the paper.

    On dark paper a dark ink becomes a light one of the same hue.
    """
    dark_paper = float(_LUMA @ paper) < _DARK
    if dark_paper and float(_LUMA @ ink) < 0.5:
        ink = np.clip(ink + 1 - (ink.max() + ink.min()), 0, 1)
    difference = float(_LUMA @ (ink - paper))
    if (difference if dark_paper else -difference) < 0.2:
        ink = 0.4 * ink + (0.6 if dark_paper else 0.0)
    return ink.astype(np.float32)


def _lay_out(
    effects: Effects, warp: Warp, paper: NDArray[np.float32], ink: _Ink
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bring ink and paper into the picture; what lies around the sheet is seen beside it.

    Also return where the sheet is torn off, or not in the picture.
    """
    paint = ink.paint
    if warp.scale < 0.75:
        # Thin strokes would break when they are sampled at fewer pixels.
        paint = cv2.GaussianBlur(paint, (0, 0), 0.4 / warp.scale)
    paint = warp.apply(paint)
    *colors, coverage = cv2.split(paint)
    bare = 1 - coverage
    image = paper * cv2.merge([bare, bare, bare]) + cv2.merge(colors)
    shape = paper.shape[:2]
    if not warp.surrounded:
        return image, np.zeros(shape, np.bool_)
    sheet = warp.apply(_sheet(effects, shape)).astype(np.float32) / 255
    desk = draw_desk(effects, shape)
    if effects.generator.random() < 0.7:
        lit = 1 - _drop_shadow(effects, sheet)
        desk *= cv2.merge([lit, lit, lit])
    return desk + cv2.merge([sheet, sheet, sheet]) * (image - desk), sheet < 0.5


def _sheet(effects: Effects, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw the outline of the sheet, straight or torn: 255 on the sheet."""
    sheet = np.full(shape, 255, np.uint8)
    if effects.style == "digital" or effects.generator.random() < 0.75:
        return sheet
    for turn in range(4):
        view = np.rot90(sheet, turn)
        if effects.generator.random() < 0.6:
            rough = textures.crop(effects.generator, "pink", (1, view.shape[1]))[0]
            depth = 3 + effects.log_uniform(0.5, 3) * rough
            view[: max(1, int(depth.max()) + 1)][
                np.arange(max(1, int(depth.max()) + 1))[:, np.newaxis] < depth
            ] = 0
    return sheet


def _drop_shadow(effects: Effects, sheet: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much of the light the sheet takes from the desk beside it."""
    shift = effects.generator.normal(0, 5, 2)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(sheet, matrix, sheet.shape[1::-1])
    blurred = cv2.GaussianBlur(moved, (0, 0), effects.log_uniform(1, 10))
    return np.float32(effects.uniform(0.1, 0.7)) * blurred


def _locate(
    layout: Layout, instances: NDArray[np.int16], scale: float
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Return the instances renumbered, and the boxes and labels of the digits in the picture."""
    count = len(layout.labels)
    before = np.bincount(layout.instances.ravel(), minlength=count + 1)
    after = np.bincount(instances.ravel(), minlength=count + 1)
    visible = after >= np.maximum(_VISIBLE * scale**2 * before, 1)
    visible[0] = False
    numbers = (np.cumsum(visible) * visible).astype(np.int16)
    boxes = ndimage.find_objects(instances, max_label=count)
    digits = [
        (
            (columns.start + columns.stop) / 2,
            (rows.start + rows.stop) / 2,
            columns.stop - columns.start,
            rows.stop - rows.start,
            label,
        )
        for (rows, columns), label, seen in (
            (box or (slice(0), slice(0)), label, seen)
            for box, label, seen in zip(boxes, layout.labels, visible[1:], strict=True)
        )
        if seen
    ]
    return numbers[instances], np.array(digits, np.float32).reshape(-1, 5)
