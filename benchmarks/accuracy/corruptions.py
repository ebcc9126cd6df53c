"""Image corruptions that measure robustness.

Each corruption takes ``float32 (n, 28, 28)`` images in [0, 1], a strength from `STRENGTHS` and a
generator, and returns images of the same shape. They use SciPy's image operations on pixels and
shapes, while the training augmentation of the package mixes images with smoothed noise: what is
measured here is not what the networks were trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Images = NDArray[np.float32]
Generator = np.random.Generator

STRENGTHS = (1, 2, 3, 4, 5)
_CENTER = 13.5


def corrupt(name: str, images: Images, strength: int, *, seed: int = 0) -> Images:
    """Return corrupted copies in [0, 1]; the same seed gives equal copies."""
    generator = np.random.default_rng([seed, strength, *name.encode()])
    changed = CORRUPTIONS[name](images.astype(np.float32), strength, generator)
    return np.clip(changed, 0, 1).astype(np.float32)


def _each(images: Images, change: Callable[[Images], Images]) -> Images:
    return np.stack([change(image) for image in images])


def _affine(images: Images, matrices: NDArray[np.float64], shifts: NDArray[np.float64]) -> Images:
    """Resample by cubic splines under one affine map about the center for each image."""
    moved = np.empty_like(images)
    for image, matrix, shift, target in zip(images, matrices, shifts, moved, strict=True):
        offset = _CENTER - matrix @ (_CENTER + shift)
        ndimage.affine_transform(image, matrix, offset, output=target, order=3)
    return moved


def _signs(generator: Generator, count: int) -> NDArray[np.float64]:
    return generator.choice([-1.0, 1.0], count)


def _gaussian_noise(x: Images, strength: int, generator: Generator) -> Images:
    return x + (0.15, 0.25, 0.35, 0.45, 0.55)[strength - 1] * generator.standard_normal(x.shape)


def _salt_and_pepper(x: Images, strength: int, generator: Generator) -> Images:
    share = (0.05, 0.1, 0.15, 0.2, 0.25)[strength - 1]
    noise = generator.uniform(size=x.shape)
    return np.where(noise < share / 2, 0, np.where(noise > 1 - share / 2, 1, x))


def _shot_noise(x: Images, strength: int, generator: Generator) -> Images:
    light = (20, 10, 5, 3, 2)[strength - 1]
    return generator.poisson((0.1 + 0.9 * x) * light) / light


def _speckle(x: Images, strength: int, generator: Generator) -> Images:
    return x * (1 + (0.3, 0.5, 0.7, 0.9, 1.1)[strength - 1] * generator.standard_normal(x.shape))


def _defocus(x: Images, strength: int, generator: Generator) -> Images:
    del generator
    return ndimage.gaussian_filter(x, (0, *[(0.7, 1.0, 1.3, 1.6, 1.9)[strength - 1]] * 2))


def _motion(x: Images, strength: int, generator: Generator) -> Images:
    length = (3, 5, 7, 9, 11)[strength - 1]

    def moved(image: Images) -> Images:
        angle = generator.uniform(0, np.pi)
        steps = np.linspace(-(length - 1) / 2, (length - 1) / 2, length)
        copies = [
            ndimage.shift(image, (s * np.sin(angle), s * np.cos(angle)), order=1) for s in steps
        ]
        return np.mean(copies, axis=0)

    return _each(x, moved)


def _brightness(x: Images, strength: int, generator: Generator) -> Images:
    del generator
    return x + (0.15, 0.3, 0.45, 0.6, 0.7)[strength - 1]


def _contrast(x: Images, strength: int, generator: Generator) -> Images:
    del generator
    return x * (0.6, 0.45, 0.3, 0.2, 0.12)[strength - 1]


def _background(x: Images, strength: int, generator: Generator) -> Images:
    """Add a background of light that fades across the image."""
    peak = (0.25, 0.4, 0.55, 0.7, 0.8)[strength - 1]
    rows, columns = np.mgrid[:28, :28] / 27 - 0.5
    angle = generator.uniform(0, 2 * np.pi, (len(x), 1, 1))
    slope = rows * np.sin(angle) + columns * np.cos(angle)
    return np.maximum(x, peak * (0.5 + slope / np.sqrt(2)))


def _line(x: Images, strength: int, generator: Generator) -> Images:
    """Draw straight lines across, as ruled paper has."""
    rows, columns = np.mgrid[:28, :28] - _CENTER
    lined = x.copy()
    for _ in range((1, 1, 2, 2, 3)[strength - 1]):
        angle = generator.uniform(0, np.pi, (len(x), 1, 1))
        distance = generator.uniform(-9, 9, (len(x), 1, 1))
        distances = np.abs(rows * np.sin(angle) + columns * np.cos(angle) - distance)
        lined = np.maximum(
            lined, (0.5, 0.9, 0.5, 0.9, 0.9)[strength - 1] * np.clip(1.25 - distances, 0, 1)
        )
    return lined


def _stripes(x: Images, strength: int, generator: Generator) -> Images:
    level = (0.2, 0.3, 0.4, 0.5, 0.6)[strength - 1]
    rows, columns = np.mgrid[:28, :28]
    angle = generator.uniform(0, np.pi, (len(x), 1, 1))
    period = generator.uniform(4, 9, (len(x), 1, 1))
    phase = (rows * np.sin(angle) + columns * np.cos(angle)) / period
    wave = np.sign(np.sin(2 * np.pi * (phase + generator.uniform(size=(len(x), 1, 1)))))
    return np.where(wave > 0, np.maximum(x, level), x)


def _occlusion(x: Images, strength: int, generator: Generator) -> Images:
    side = (4, 6, 8, 9, 10)[strength - 1]
    covered = x.copy()
    for image, (row, column) in zip(
        covered, generator.integers(4, 25 - side, (len(x), 2)), strict=True
    ):
        image[row : row + side, column : column + side] = 0
    return covered


def _shift(x: Images, strength: int, generator: Generator) -> Images:
    shifts = strength * np.stack([_signs(generator, len(x)) for _ in "yx"], -1)
    return _affine(x, np.broadcast_to(np.eye(2), (len(x), 2, 2)), shifts)


def _rotation(x: Images, strength: int, generator: Generator) -> Images:
    angle = np.radians((10, 17, 24, 31, 38)[strength - 1]) * _signs(generator, len(x))
    matrices = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _affine(x, matrices.transpose(2, 0, 1), np.zeros((len(x), 2)))


def _scale(x: Images, strength: int, generator: Generator) -> Images:
    factor = (1.1, 1.2, 1.3, 1.4, 1.5)[strength - 1] ** _signs(generator, len(x))
    return _affine(x, factor[:, None, None] * np.eye(2), np.zeros((len(x), 2)))


def _shear(x: Images, strength: int, generator: Generator) -> Images:
    matrices = np.tile(np.eye(2), (len(x), 1, 1))
    matrices[:, 1, 0] = (0.15, 0.3, 0.45, 0.6, 0.75)[strength - 1] * _signs(generator, len(x))
    return _affine(x, matrices, np.zeros((len(x), 2)))


_LARGE = 4


def _at_large_scale(x: Images, change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> Images:
    """Change the stroke at four times the size, for steps smaller than a pixel."""

    def change_large(image: Images) -> Images:
        large = ndimage.zoom(image, _LARGE, order=1, grid_mode=True, mode="grid-constant") > 0.5
        small: Images = change(large).reshape(28, _LARGE, 28, _LARGE).mean((1, 3))
        return small

    return _each(x, change_large)


def _thicker(x: Images, strength: int, generator: Generator) -> Images:
    del generator
    return _at_large_scale(x, lambda ink: ndimage.distance_transform_edt(~ink) <= 1.5 * strength)


def _thinner(x: Images, strength: int, generator: Generator) -> Images:
    """Erode the stroke by at most a fraction of its width."""
    del generator

    def thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
        depth = ndimage.distance_transform_edt(ink)
        # The deepest point nearby: half of the width of the stroke here.
        ridge = ndimage.maximum_filter(depth, 2 * _LARGE + 1)
        thin: NDArray[np.bool_] = ink & (depth > ridge * (0.2, 0.35, 0.5, 0.65, 0.8)[strength - 1])
        return thin

    return _at_large_scale(x, thinned)


CORRUPTIONS: MappingProxyType[str, Callable[[Images, int, Generator], Images]] = MappingProxyType(
    {
        "Gaussian noise": _gaussian_noise,
        "salt and pepper": _salt_and_pepper,
        "shot noise": _shot_noise,
        "speckle": _speckle,
        "defocus": _defocus,
        "motion blur": _motion,
        "brightness": _brightness,
        "contrast": _contrast,
        "background": _background,
        "lines": _line,
        "stripes": _stripes,
        "occlusion": _occlusion,
        "shift": _shift,
        "rotation": _rotation,
        "scale": _scale,
        "shear": _shear,
        "thicker": _thicker,
        "thinner": _thinner,
    }
)
