"""Writing a drawing: deforming it as handwriting varies, and drawing it with a pen."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network.strokes import (
    Coverage,
    Generator,
    Pen,
    Stroke,
    apply_texture,
    draw_strokes,
)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Something to write.

    Parameters
    ----------
    strokes
        Center lines, ``float32 (n, 2)`` each: x and y in heights of a digit. y is 0 at the top of a
        digit and 1 at the baseline.
    image
        The drawing with its outline, ``uint8 (h, w)``, where there is one.
    offset
        x and y of the upper left corner of the image, in heights of a digit.
    scale
        Height of a digit in the image in pixels.
    advance
        Distance to the origin of the next character, in heights of a digit.
    """

    strokes: list[Stroke]
    image: NDArray[np.uint8] | None = None
    offset: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    advance: float = 0.0


@dataclasses.dataclass(frozen=True)
class Style:
    """How a drawing is deformed: slanted, rotated, stretched, and bent by smooth waves.

    Parameters
    ----------
    matrix
        The linear part, ``float32 (2, 2)``.
    waves
        ``float32 (4, 4)``: amplitude, frequency in x and y, and phase of two waves for x and two
        for y, in heights of a digit.
    """

    matrix: NDArray[np.float32]
    waves: NDArray[np.float32]

    @classmethod
    def random(
        cls, generator: Generator, *, strength: float = 1.0, slant: float | None = None
    ) -> Style:
        """Return a random style.

        Parameters
        ----------
        generator
            Source of randomness.
        strength
            Factor of rotation, stretch and waves. Default: 1.
        slant
            Horizontal shift of the top in heights, positive to the right. Default: random.

        Returns
        -------
        Style
            A style.
        """
        if slant is None:
            slant = 0.08 + 0.18 * generator.standard_normal()
        angle = strength * 0.07 * generator.standard_normal()
        stretch = np.exp(strength * 0.13 * generator.standard_normal())
        cosine, sine = np.cos(angle), np.sin(angle)
        matrix = np.array([[cosine, -sine], [sine, cosine]]) @ [[stretch, -slant], [0, 1]]
        waves = np.empty((4, 4))
        waves[:, 0] = strength * generator.uniform(0, 0.04) * generator.standard_normal(4)
        waves[:, 1:3] = generator.uniform(-1.3, 1.3, (4, 2))
        waves[:, 3] = generator.uniform(0, 1, 4)
        return cls(matrix.astype(np.float32), waves.astype(np.float32))

    def bend(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the displacement of points ``(..., 2)`` by the waves."""
        phase = points @ self.waves[:, 1:3].T + self.waves[:, 3]
        moves = self.waves[:, 0] * np.sin(np.float32(2 * np.pi) * phase)
        return np.stack([moves[..., 0] + moves[..., 1], moves[..., 2] + moves[..., 3]], -1)


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Where a drawing lies in the array: ``origin + scale * point``."""

    size: tuple[int, int]
    scale: float
    origin: NDArray[np.float32]


def write(
    drawing: Drawing,
    height: float,
    pen: Pen,
    style: Style,
    generator: Generator,
    *,
    outline: bool = False,
    defects: float = 0.03,
    tight: bool = False,
) -> Coverage:
    """Write a drawing with a pen.

    Parameters
    ----------
    drawing
        What to write.
    height
        Height of a digit in pixels; with `tight`, height of this drawing.
    pen
        What it is written with. Its stroke becomes at most a third of the height wide.
    style
        How the drawing is deformed.
    generator
        Source of randomness.
    outline
        Keep the outline of the drawing's image, moved inwards or outwards to the width of the pen.
        Default: strokes along the center lines.
    defects
        Probability of faint starts, of gaps and of a dry pen. Default: 0.03.
    tight
        Crop to the ink. Default: crop so that the middle row is the middle of a digit.

    Returns
    -------
    array
        Coverage, ``float32 (h, w)`` in [0, 1].
    """
    pen = dataclasses.replace(pen, width=max(0.2, min(pen.width, height / 3)))
    strokes = drawing.strokes
    if not outline and generator.random() < 0.05:
        # As with a fast mouse, which gives few points of a stroke.
        step = int(generator.integers(4, 9))
        strokes = [np.concatenate([stroke[:-1:step], stroke[-1:]]) for stroke in strokes]
    strokes = [stroke @ style.matrix.T + style.bend(stroke) for stroke in strokes]
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    scale = max(height - pen.width, 1.0)
    if tight:
        # A flat drawing must not become a giant.
        extent = max(high[1] - low[1], (high[0] - low[0]) / 3, 0.1)
        scale /= float(extent)
    margin = (2.5 - pen.hardness) * pen.width + 2
    if outline:
        # The outline of a brush reaches farther than half of the mean width.
        margin += 0.12 * scale
    origin = (margin - low * scale).astype(np.float32)
    columns, rows = np.ceil((high - low) * scale + 2 * margin).astype(int).tolist()
    frame = _Frame((rows, columns), scale, origin)
    moved = [stroke * np.float32(scale) + origin for stroke in strokes]
    if outline and drawing.image is not None:
        coverage = _draw_outline(drawing, drawing.image, frame, pen, style)
        # What the outline loses where it gets thinner is drawn as a line.
        thin = dataclasses.replace(pen, width=max(0.2, 0.7 * pen.width))
        coverage = np.maximum(coverage, draw_strokes(moved, frame.size, thin, generator))
    else:
        coverage = draw_strokes(moved, frame.size, pen, generator, defects=defects)
    coverage = apply_texture(coverage, pen, generator)
    if tight:
        return crop(coverage, height=round(height) if outline else None)
    return crop_around(coverage, float(origin[1] + 0.5 * style.matrix[1, 1] * scale))


def _draw_outline(
    drawing: Drawing, image: NDArray[np.uint8], frame: _Frame, pen: Pen, style: Style
) -> Coverage:
    """Deform the signed distance to the outline, and move the outline to the width of the pen."""
    distance = _signed_distance(image)
    inverse = np.linalg.inv(style.matrix).astype(np.float32)
    height, width = frame.size
    matrix = inverse * np.float32(drawing.scale / frame.scale)
    start = np.float32(drawing.offset) * np.float32(drawing.scale) + matrix @ frame.origin
    # The waves are smooth, so a coarse grid suffices for them.
    step = max(1.0, min(height, width) / 12)
    rows, columns = round(height / step) + 1, round(width / step) + 1
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    coarse = np.stack([(x + 0.5) * width / columns, (y + 0.5) * height / rows], -1)
    straight = (coarse - np.float32(0.5) - frame.origin) @ inverse.T / np.float32(frame.scale)
    bend = style.bend(straight) @ inverse.T * np.float32(drawing.scale)
    bend = cv2.resize(bend.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    x = np.arange(width, dtype=np.float32)
    y = np.arange(height, dtype=np.float32)[:, np.newaxis]
    moved = cv2.remap(
        distance,
        matrix[0, 0] * x + matrix[0, 1] * y - start[0] - bend[..., 0],
        matrix[1, 0] * x + matrix[1, 1] * y - start[1] - bend[..., 1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    pixels = frame.scale / drawing.scale
    inner = distance[distance > 0.6 * distance.max()]
    half_width = max(float(np.median(inner)), 1.0)
    grow = pen.width / 2 - half_width * pixels
    return np.clip(moved * pixels + grow + 0.5, 0, 1).astype(np.float32)


def _signed_distance(image: NDArray[np.uint8]) -> Coverage:
    """Return the distance to the outline in pixels, positive inside."""
    dark = (np.pad(image, 1) > 127).astype(np.uint8)
    inside = cv2.distanceTransform(dark, cv2.DIST_L2, cv2.DIST_MASK_5)
    outside = cv2.distanceTransform(1 - dark, cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = cv2.GaussianBlur(inside - outside, (0, 0), 1.5)
    return np.asarray(distance[1:-1, 1:-1])


def _ink_range(profile: Coverage) -> tuple[int, int]:
    found = np.flatnonzero(profile > 0.1 * profile.max())
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, len(profile))


def crop(coverage: Coverage, *, height: int | None = None) -> Coverage:
    """Crop to the ink, and bring what is left to a height."""
    top, bottom = _ink_range(coverage.max(1))
    left, right = _ink_range(coverage.max(0))
    cropped = coverage[top:bottom, left:right]
    if height is not None and abs(len(cropped) - height) > max(1, 0.03 * height):
        width = max(1, round(cropped.shape[1] * height / len(cropped)))
        cropped = cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cropped)


def crop_around(coverage: Coverage, middle: float) -> Coverage:
    """Crop to the ink, but so that the middle row of the result is the given row."""
    top, bottom = _ink_range(coverage.max(1))
    left, right = _ink_range(coverage.max(0))
    reach = max(middle - top, bottom - middle)
    first, last = int(np.floor(middle - reach)), int(np.ceil(middle + reach))
    result = np.zeros((last - first, right - left), np.float32)
    result[top - first : bottom - first] = coverage[top:bottom, left:right]
    return result
