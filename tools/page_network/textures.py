"""Texture fields that the surfaces of synthetic pages are made of.

Each field is computed once per process from a fixed seed, 1024 pixels square and periodic;
`crop` cuts a random piece out of it, scaled and rotated, which takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Generator = np.random.Generator

SIZE = 1024


def crop(
    generator: Generator,
    name: str,
    shape: tuple[int, int],
    *,
    scale: float = 1.0,
    stretch: float = 1.0,
) -> Field:
    """Cut a random piece out of a texture field.

    Parameters
    ----------
    generator : numpy.random.Generator
        Draws the place and the angle.
    name : str
        A key of `FIELDS`.
    shape : tuple of int
        Height and width of the piece, in pixels.
    scale : float, default 1.0
        Enlargement of the texture.
    stretch : float, default 1.0
        Further enlargement along the texture's second axis.

    Returns
    -------
    numpy.ndarray
        ``float32 (height, width)`` of about zero mean and unit deviation.
    """
    angle = generator.uniform(0, 2 * np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    offset = generator.uniform(0, SIZE, 2)
    # From a pixel of the piece to a pixel of the field.
    matrix = np.array(
        [
            [cosine / scale, -sine / scale, offset[0]],
            [sine / (scale * stretch), cosine / (scale * stretch), offset[1]],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    return cv2.warpAffine(field(name), matrix, size, flags=flags, borderMode=cv2.BORDER_WRAP)


def white(generator: Generator, shape: tuple[int, int]) -> Field:
    """Cut a piece of white noise without interpolation, which would smooth it."""
    noise = field("white")
    rows = (generator.integers(SIZE) + np.arange(shape[0])) % SIZE
    columns = (generator.integers(SIZE) + np.arange(shape[1])) % SIZE
    piece = noise[rows][:, columns]
    return np.ascontiguousarray(piece if generator.random() < 0.5 else -piece)


@cache
def field(name: str) -> Field:
    """Return a texture field, ``float32 (1024, 1024)``."""
    # One seed per field: a field is the same whichever other fields were computed before it.
    values = FIELDS[name](np.random.default_rng([0, *name.encode()]))
    values = values - values.mean()
    return np.clip(values / values.std(), -4, 4).astype(np.float32)


def _white(generator: Generator) -> Field:
    return generator.standard_normal((SIZE, SIZE), dtype=np.float32)


def _smooth(sigma: float) -> Callable[[Generator], Field]:
    return lambda generator: _spectral(
        generator, lambda frequency: np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    )


def _power_law(exponent: float) -> Callable[[Generator], Field]:
    return lambda generator: _spectral(
        generator, lambda frequency: np.maximum(frequency, 1 / SIZE) ** -exponent
    )


def _spectral(generator: Generator, gain: Callable[[Field], Field]) -> Field:
    """Filter white noise with a gain by frequency, in cycles per pixel."""
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, np.newaxis], np.fft.rfftfreq(SIZE))
    spectrum = np.fft.rfft2(_white(generator)) * gain(frequency)
    spectrum[0, 0] = 0
    return np.fft.irfft2(spectrum, (SIZE, SIZE)).astype(np.float32)


def _fibre(generator: Generator) -> Field:
    """Short curved threads, lighter or darker than the paper."""
    canvas = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(5000):
        start, angle = generator.uniform(0, SIZE, 2), generator.uniform(0, 2 * np.pi)
        bends = angle + np.cumsum(generator.normal(0, 0.35, 6))
        steps = generator.uniform(1, 6) * np.stack([np.cos(bends), np.sin(bends)], axis=1)
        points = (start + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(canvas, [points], isClosed=False, color=float(generator.normal()))
    return cv2.GaussianBlur(canvas, (0, 0), 0.7)


def _speckle(generator: Generator) -> Field:
    """Dark and light specks from single pixels to blots."""
    canvas = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(2500):
        center = generator.integers(0, SIZE, 2).tolist()
        axes = (generator.pareto(2.0, 2) + 0.4).clip(0, 12).astype(int).tolist()
        value = float(generator.choice([-1, -1, -1, 1]) * generator.uniform(0.2, 1))
        cv2.ellipse(canvas, center, axes, generator.uniform(0, 180), 0, 360, value, -1)
    return cv2.GaussianBlur(canvas, (0, 0), 0.6)


def _cells(generator: Generator, count: int) -> tuple[Field, NDArray[np.int32]]:
    """Return the distance to the closest of random points, and which one it is."""
    seeds = np.full((SIZE, SIZE), 255, np.uint8)
    seeds[tuple(generator.integers(0, SIZE, (2, count)))] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return distance, labels


def _leather(generator: Generator) -> Field:
    distance, _ = _cells(generator, 9000)
    return -cv2.GaussianBlur(distance, (0, 0), 1.0)


def _stones(generator: Generator) -> Field:
    _, labels = _cells(generator, 1500)
    return generator.normal(0, 1, labels.max() + 1).astype(np.float32)[labels]


def _crumple(generator: Generator) -> Field:
    """Facets of crumpled paper: each has a brightness and a slope of its own."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for count, weight in ((40, 1.0), (160, 0.7), (600, 0.4)):
        distance, labels = _cells(generator, count)
        base, slope = generator.normal(0, 1, (2, labels.max() + 1)).astype(np.float32)
        reach = SIZE / np.sqrt(count)
        total += weight * (base[labels] + slope[labels] * distance / reach)
    return cv2.GaussianBlur(total, (0, 0), 1.2)


def _wood(generator: Generator) -> Field:
    """Year rings, cut lengthwise, with pores."""
    bend = _power_law(2.0)(generator)
    bend = cv2.resize(bend[:, : SIZE // 8], (SIZE, SIZE)) / bend.std()
    rings = np.arange(SIZE, dtype=np.float32)[:, np.newaxis] * (24 / SIZE) + 1.5 * bend
    pores = cv2.blur(_white(generator), (61, 1))
    return np.sin(2 * np.pi * rings) + 0.3 * pores / pores.std()


def _brushed(generator: Generator) -> Field:
    return cv2.blur(_white(generator), (151, 1)) + 0.3 * cv2.blur(_white(generator), (31, 3))


def _weave(generator: Generator) -> Field:
    """Threads that cross over and under, eight pixels apart."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32) * (np.pi / 8)
    over = np.sin(rows) * np.sin(columns) > 0
    threads = np.where(over, np.abs(np.sin(rows)), np.abs(np.sin(columns)))
    return threads + 0.15 * _smooth(1.0)(generator) / 0.28


def _stripes(generator: Generator) -> Field:
    """Parallel stripes of random widths."""
    edges = np.cumsum(generator.pareto(1.5, 400) * 3 + 2).astype(int)
    stripe = np.searchsorted(edges[edges < SIZE], np.arange(SIZE))
    return np.tile(generator.normal(0, 1, SIZE)[stripe][:, np.newaxis], (1, SIZE))


def _tiles(generator: Generator) -> Field:
    """Square tiles with joints."""
    tiles = generator.normal(0, 0.3, (16, 16)).repeat(64, axis=0).repeat(64, axis=1)
    joint = np.arange(SIZE) % 64 < 4
    tiles[joint] = tiles[:, joint] = -1.5
    return cv2.GaussianBlur(tiles.astype(np.float32), (0, 0), 0.8)


def _print(generator: Generator) -> Field:
    """Lines of type in columns, as on a newspaper; ink is negative."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789  ,.")
    baseline = 20
    while baseline < SIZE:
        scale = float(generator.choice([0.35, 0.45, 0.6, 1.1], p=[0.4, 0.35, 0.2, 0.05]))
        font = int(generator.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX]))
        for left in (8, SIZE // 2 + 8):
            text = "".join(generator.choice(letters, int(22 / scale)))
            cv2.putText(canvas, text, (left, baseline), font, scale, 255, 1, cv2.LINE_AA)
        baseline += int(36 * scale) + 2
    return -canvas.astype(np.float32)


FIELDS: dict[str, Callable[[Generator], Field]] = {
    "white": _white,
    "grain": _smooth(0.8),
    "coarse grain": _smooth(2.0),
    "blotches": _smooth(6.0),
    "waves": _smooth(60.0),
    "pink": _power_law(1.0),
    "clouds": _power_law(1.7),
    "fibre": _fibre,
    "speckle": _speckle,
    "leather": _leather,
    "stones": _stones,
    "crumple": _crumple,
    "wood": _wood,
    "brushed": _brushed,
    "weave": _weave,
    "stripes": _stripes,
    "tiles": _tiles,
    "print": _print,
}
