"""Light that falls on a page: gradients, vignettes, lamp spots, shadows, mixed colors."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network import textures
from tools.page_network.effects import Effects

Light = NDArray[np.float32]

# Soft light is computed on a coarse grid and enlarged.
_COARSE = 48


def draw_light(effects: Effects, shape: tuple[int, int], *, limits: tuple[float, float]) -> Light:
    """Draw the light on each pixel.

    Parameters
    ----------
    effects : Effects
        Which lights and shadows occur.
    shape : tuple of int
        Height and width in pixels.
    limits : tuple of float
        The light on the darkest and the brightest place, so that all ink stays visible.

    Returns
    -------
    numpy.ndarray
        ``float32 (height, width, 3)``: factors by which the reflectances are multiplied; the
        brightest place has about 1 before the exposure.
    """
    unit = max(shape) / _COARSE
    coarse_shape = tuple(max(2, round(length / unit)) for length in shape)
    soft = _soft_light(effects, coarse_shape)
    light = cv2.resize(soft / soft.max(), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    if effects.occurs("hard shadow"):
        for _ in range(effects.generator.integers(1, 3)):
            light *= _hard_shadow(effects, shape)
    if effects.occurs("exposure"):
        light = light * np.float32(effects.uniform(0.45, 1.2))
    light = np.clip(light, *limits)
    if not effects.occurs("mixed light"):
        return cv2.merge([light, light, light])
    # Daylight on one side, a lamp on the other.
    side = ramp(effects, coarse_shape)
    side = cv2.resize(side, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    tint = effects.generator.uniform(-0.25, 0.25, 3)
    return cv2.merge([light * (1 + np.float32(amount) * side) for amount in tint])


def _soft_light(effects: Effects, shape: tuple[int, int]) -> Light:
    light = np.ones(shape, np.float32)
    if effects.occurs("gradient"):
        # From a tenth of the light at one end to all of it at the other.
        strength = effects.uniform(0.1, 0.9) ** 1.5
        light *= 1 - strength * (0.5 + 0.5 * ramp(effects, shape))
    if effects.occurs("vignette"):
        corner = effects.log_uniform(0.12, 0.85)
        radius = np.minimum(_radius(effects, shape, 0.3), 1)
        light *= 1 - (1 - corner) * radius ** effects.uniform(1.2, 4)
    if effects.occurs("lamp spot"):
        ambient = effects.log_uniform(0.1, 0.7)
        radius = _radius(effects, shape, 0.9) / effects.uniform(0.3, 1.0)
        power = effects.uniform(1.5, 6)
        light *= ambient + (1 - ambient) * np.exp(-(radius**power))
    if effects.occurs("uneven light"):
        waves = textures.crop(effects.generator, "waves", shape, scale=effects.uniform(0.15, 0.5))
        light *= np.clip(1 + effects.log_uniform(0.01, 0.2) * waves, 0.3, 2)
    if effects.occurs("soft shadow"):
        light *= _soft_shadow(effects, shape)
    return light


def _grid(shape: tuple[int, int]) -> tuple[Light, Light]:
    """Return the coordinates of the pixels: the longer side spans [-1, 1]."""
    unit = max(shape) / 2
    rows = (np.arange(shape[0], dtype=np.float32)[:, np.newaxis] + 0.5 - shape[0] / 2) / unit
    columns = (np.arange(shape[1], dtype=np.float32)[np.newaxis] + 0.5 - shape[1] / 2) / unit
    return rows, columns


def ramp(effects: Effects, shape: tuple[int, int]) -> Light:
    """Return a linear ramp in a random direction, in about [-1, 1]."""
    rows, columns = _grid(shape)
    angle = effects.uniform(0, 2 * np.pi)
    ramp = rows * np.float32(np.sin(angle)) + columns * np.float32(np.cos(angle))
    return np.clip(ramp, -1, 1)


def reflection(effects: Effects, shape: tuple[int, int]) -> Light:
    """Draw a round or rectangular reflection with a soft edge: 1 in it, 0 beside it."""
    mask = np.zeros(shape, np.uint8)
    center = effects.generator.uniform([0, 0], shape[::-1]).tolist()
    size = (max(shape) * effects.generator.uniform(0.08, 0.6, 2)).tolist()
    box = (center, size, effects.uniform(0, 180))
    if effects.generator.random() < 0.5:
        cv2.ellipse(mask, box, 255, -1)
    else:
        cv2.fillPoly(mask, [cv2.boxPoints(box).astype(np.int32)], 255)
    sigma = effects.log_uniform(1, 0.15 * max(shape))
    return cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32) / 255


def _radius(effects: Effects, shape: tuple[int, int], spread: float) -> Light:
    """Return the distance from a random center: the corners have about 1."""
    rows, columns = _grid(shape)
    down, right = effects.generator.uniform(-spread, spread, 2).astype(np.float32)
    squeeze = np.float32(effects.log_uniform(0.6, 1.6))
    return np.hypot((rows - down) * squeeze, columns - right) / np.float32(np.sqrt(2))


def _soft_shadow(effects: Effects, shape: tuple[int, int]) -> Light:
    """Shadow of a hand, a head or a curtain far away from the page."""
    cloud = textures.crop(effects.generator, "waves", shape, scale=effects.uniform(0.1, 0.4))
    sharpness, level = effects.log_uniform(1.5, 12), effects.uniform(-1, 1)
    amount = 1 / (1 + np.exp(np.clip(sharpness * (level - cloud), -30, 30)))
    return 1 - effects.uniform(0.1, 0.8) * amount


def _hard_shadow(effects: Effects, shape: tuple[int, int]) -> Light:
    """Shadow with an edge: of a phone, an arm or the edge of a table close to the page."""
    generator = effects.generator
    mask = np.zeros(shape, np.uint8)
    height, width = shape
    kind = generator.choice(["half", "box", "arm", "polygon"])
    center = generator.uniform([0, 0], [width, height])
    reach = max(shape)
    if kind == "arm":
        end = center + reach * generator.normal(0, 1, 2)
        thickness = int(effects.uniform(0.05, 0.35) * reach)
        cv2.line(mask, center.astype(int).tolist(), end.astype(int).tolist(), 255, thickness)
    elif kind == "polygon":
        points = center + reach * generator.normal(0, 0.4, (generator.integers(3, 7), 2))
        cv2.fillPoly(mask, [points.astype(np.int32)], 255)
    else:
        sides = generator.uniform(0.2, 0.9, 2) * reach
        angle = effects.uniform(0, 180)
        if kind == "half":
            sides = np.array([4.0, 4.0]) * reach
            turn = np.deg2rad(angle)
            center = center + 2 * reach * np.array([np.cos(turn), np.sin(turn)])
        corners = cv2.boxPoints((center.tolist(), sides.tolist(), angle))
        cv2.fillPoly(mask, [corners.astype(np.int32)], 255)
    sigma = effects.log_uniform(0.6, 12)
    amount = cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32) / 255
    return 1 - effects.uniform(0.25, 0.85) * amount
