"""Synthetic photos of forms that a program fills in with images of handwritten digits.

`fill_form` writes digits into the boxes of a form with pens of different colors, leaves some empty
and spoils some. `photograph` lays the page on a desk and takes a photo: rotation, perspective, bent
paper, shadows, colored light, blur, noise and JPEG.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.ocr.synthetic_pages import INK_COLORS, illumination, upscale_digit
from mnistcnn import Split
from mnistcnn.sheets.layout import BOX_SIZE, Layout, box_labels

PAGE_PIXELS_PER_MM = 8
# How a box is filled in, and how often.
CONTENTS = {
    "digit": 0.86, "empty": 0.05, "crosses the border": 0.03, "too faint": 0.02, "blotted": 0.02,
    "blurred": 0.02,
}  # fmt: skip
_MARGIN_MM = 1.4  # between a digit and the frame
_INKS = {**{name: INK_COLORS[name] for name in ("blue", "violet")}, "black": (0.08, 0.08, 0.1)}


@dataclass(frozen=True)
class FilledForm:
    """A page, ``uint8 (h, w, 3)``, with the content, label and digit image of each box."""

    picture: NDArray[np.uint8] = field(repr=False)
    contents: list[str]
    labels: NDArray[np.uint8]
    images: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How a photo is taken; the properties of each photo are drawn up to these limits."""

    megapixels: float = 5.0
    turns: tuple[int, ...] = (0, 1, 2, 3)
    tilt_degrees: float = 8.0
    perspective: float = 0.06
    bend_mm: float = 2.0
    shadow: float = 0.5
    gradient: float = 0.5
    noise: float = 0.02
    blur_mm: float = 0.1
    quality: tuple[int, int] = (60, 95)


def fill_form(
    form: NDArray[np.uint8],
    layout: Layout,
    page: int,
    split: Split,
    generator: np.random.Generator,
    *,
    contents: dict[str, float] | None = None,
) -> FilledForm:
    """Write digits with the right labels into the boxes of a form, ``uint8 (h, w)``."""
    size = [round(side * PAGE_PIXELS_PER_MM) for side in (layout.width, layout.height)]
    form = np.asarray(cv2.resize(form, size, interpolation=cv2.INTER_AREA))
    cover = np.zeros(form.shape, np.float32)
    shares = CONTENTS if contents is None else contents
    kinds = generator.choice(list(shares), layout.num_boxes, p=list(shares.values())).tolist()
    wanted = box_labels(page, layout.num_boxes, 10)
    chosen = np.zeros((layout.num_boxes, 28, 28), np.uint8)
    strength = generator.uniform(0.6, 0.95)
    for index, (kind, label, origin) in enumerate(
        zip(kinds, wanted, layout.box_origins(), strict=True)
    ):
        chosen[index] = split.images[generator.choice(np.flatnonzero(split.labels == label))]
        if kind != "empty":
            _write(cover, chosen[index], origin, kind=kind, strength=strength, generator=generator)
    ink = np.array(_INKS[str(generator.choice(list(_INKS)))], np.float32)
    paper = form[..., None] / np.float32(255)
    picture = paper * (1 - cover[..., None]) + np.minimum(paper, ink) * cover[..., None]
    return FilledForm(np.rint(picture * 255).astype(np.uint8), kinds, wanted, chosen)


def _write(
    cover: NDArray[np.float32],
    image: NDArray[np.uint8],
    origin: NDArray[np.float64],
    *,
    kind: str,
    strength: float,
    generator: np.random.Generator,
) -> None:
    """Draw one digit into the layer of ink."""
    stamp = upscale_digit(image, generator.uniform(6.0, 8.5) * PAGE_PIXELS_PER_MM)
    sides = np.array(stamp.shape[::-1]) / PAGE_PIXELS_PER_MM
    room = BOX_SIZE - 2 * _MARGIN_MM - sides
    place = origin + _MARGIN_MM + np.maximum(room, 0) * generator.uniform(0, 1, 2)
    if kind == "crosses the border":
        # It ends between this box and the next one.
        axis = int(generator.integers(2))
        place[axis] = origin[axis] + BOX_SIZE - sides[axis] + generator.uniform(0.8, 2.2)
    elif kind == "too faint":
        strength = generator.uniform(0.05, 0.09)
    elif kind == "blotted":
        side = max(stamp.shape)
        stamp = _scribble(side, generator)
        place = np.minimum(place, origin + BOX_SIZE - _MARGIN_MM - side / PAGE_PIXELS_PER_MM)
    elif kind == "blurred":
        radius = 1.3 * PAGE_PIXELS_PER_MM
        stamp = np.pad(stamp, round(radius))
        place = place - 1.3
        stamp = 2 * cv2.GaussianBlur(stamp, (0, 0), radius)
    left, top = np.rint(place * PAGE_PIXELS_PER_MM).astype(int)
    part = cover[top : top + stamp.shape[0], left : left + stamp.shape[1]]
    np.maximum(part, strength * np.clip(stamp, 0, 1)[: part.shape[0], : part.shape[1]], out=part)


def _scribble(size: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return dense strokes, with which people cross out what they wrote."""
    layer = np.zeros((size, size), np.float32)
    points = generator.uniform(0, size, (40, 2)).astype(np.int32)
    points[:, 1] = np.linspace(0, size - 1, 40).astype(np.int32)
    points[::2, 0] = 0
    points[1::2, 0] = size - 1
    cv2.polylines(layer, [points], isClosed=False, color=1, thickness=max(1, size // 14))
    return layer


def photograph(
    page: NDArray[np.uint8], layout: Layout, generator: np.random.Generator, camera: Camera
) -> bytes:
    """Return a photo of a page, ``uint8 (h, w, 3)``, as a JPEG file."""
    height = round((camera.megapixels * 1e6 * 4 / 3) ** 0.5)
    width = round(height * 3 / 4)
    turn = int(generator.choice(camera.turns))
    to_photo = _homography(layout, (width, height), generator, camera)
    x, y = _page_coordinates(to_photo, (width, height), layout, generator, camera)
    scale = min(1.0, height * 0.85 / layout.height / PAGE_PIXELS_PER_MM)
    size = [round(side * scale) for side in page.shape[1::-1]]
    small = cv2.resize(page, size, interpolation=cv2.INTER_AREA)
    ratio = (np.array(size) / (layout.width, layout.height)).astype(np.float32)
    columns, rows = x * ratio[0] - np.float32(0.5), y * ratio[1] - np.float32(0.5)
    photo = cv2.remap(small, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = photo.astype(np.float32) / 255
    outside = (x < 0) | (y < 0) | (x > layout.width) | (y > layout.height)
    light[outside] = _desk((height, width), generator)[outside]
    light *= _light((height, width), generator, camera)
    blur = generator.uniform(0.3, 1) * camera.blur_mm * ratio[0]
    light = cv2.GaussianBlur(light, (0, 0), max(blur, 0.3))
    light += generator.uniform(0.3, 1) * camera.noise * generator.standard_normal(light.shape)
    photo = np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    quality = int(generator.integers(camera.quality[0], camera.quality[1] + 1))
    Image.fromarray(np.rot90(photo, turn)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _homography(
    layout: Layout, size: tuple[int, int], generator: np.random.Generator, camera: Camera
) -> NDArray[np.float64]:
    """Return the homography from millimeters on the page to pixels of the photo."""
    width, height = size
    page = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (layout.width, layout.height)
    centered = page - np.array([layout.width, layout.height]) / 2
    angle = np.radians(generator.uniform(-camera.tilt_degrees, camera.tilt_degrees))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    jitter = camera.perspective * layout.width * generator.uniform(-1, 1, (4, 2))
    corners = centered @ rotation.T + jitter
    scale = 0.96 * min(width / np.ptp(corners[:, 0]), height / np.ptp(corners[:, 1]))
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    target = (corners - middle) * scale + np.array(size) / 2
    matrix, _ = cv2.findHomography(page, target)
    return np.asarray(matrix)


def _page_coordinates(
    to_photo: NDArray[np.float64],
    size: tuple[int, int],
    layout: Layout,
    generator: np.random.Generator,
    camera: Camera,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the millimeters on the page for each pixel of the photo; the page may be bent."""
    h = np.linalg.inv(to_photo)
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    depth = h[2, 0] * columns + h[2, 1] * rows + h[2, 2]
    x = (h[0, 0] * columns + h[0, 1] * rows + h[0, 2]) / depth
    y = (h[1, 0] * columns + h[1, 1] * rows + h[1, 2]) / depth
    bend = camera.bend_mm * generator.uniform(-1, 1, 2)
    across, down = np.pi * x / layout.width, np.pi * y / layout.height
    phase = generator.uniform(0, 1)
    bent_x = x + bend[0] * np.sin(down + phase)
    bent_y = y + bend[1] * np.sin(across + phase)
    return bent_x.astype(np.float32), bent_y.astype(np.float32)


def _desk(shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    color = generator.uniform(0.15, 0.7, 3).astype(np.float32)
    coarse = generator.uniform(0.8, 1.2, (shape[0] // 40 + 2, shape[1] // 8 + 2))
    grain = cv2.resize(coarse.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(grain[..., None] * color, 0, 1)


def _light(
    shape: tuple[int, int], generator: np.random.Generator, camera: Camera
) -> NDArray[np.float32]:
    """Return the light: a slope, the shadow of a straight object, and the color of the lamp."""
    smooth = illumination(shape, camera.gradient * generator.uniform(0, 1), generator)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = generator.uniform(0, 2 * np.pi)
    distance = np.cos(angle) * (columns / shape[1] - generator.uniform(0.2, 0.8))
    distance += np.sin(angle) * (rows / shape[0] - generator.uniform(0.2, 0.8))
    edge_width = generator.uniform(0.002, 0.06)
    shadow = 1 - camera.shadow * generator.uniform(0, 1) / (1 + np.exp(-distance / edge_width))
    color = 1 - 0.25 * generator.uniform(0, 1) * np.array([0, 0.35, 1])
    light = smooth * shadow * generator.uniform(0.75, 1)
    return (light[..., None] * color).astype(np.float32)
