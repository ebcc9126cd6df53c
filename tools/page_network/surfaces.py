"""What a page is written on, what lies around it, and scenes without any writing.

Images are ``float32 (height, width, 3)`` RGB, reflectances in [0, 1] before any light falls on
them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network import textures
from tools.page_network.effects import Effects
from tools.page_network.natural_images import crop_natural_image

# Scenes that are a part of a photograph.
_NATURAL_SHARE = 0.5
# Materials whose texture is that of a photograph.
_NATURAL_MATERIAL_SHARE = 0.15

Image = NDArray[np.float32]
Shape = tuple[int, int]

# Fields that desks, cloths, walls and boards are made of, with the range of their enlargement.
_MATERIALS = {
    "wood": (0.5, 3.0),
    "weave": (0.25, 1.5),
    "leather": (0.6, 2.5),
    "stones": (0.2, 1.5),
    "brushed": (0.5, 2.0),
    "clouds": (0.5, 2.0),
    "pink": (1.0, 4.0),
    "coarse grain": (0.5, 2.0),
    "speckle": (0.7, 2.5),
    "stripes": (0.3, 2.0),
    "tiles": (0.4, 2.5),
    "print": (0.6, 1.5),
    "crumple": (0.5, 2.0),
}


def random_color(effects: Effects, lightness: float, saturation: float) -> Image:
    """Draw a color of about the given lightness, ``float32 (3,)``."""
    color = lightness + saturation * effects.generator.normal(0, 0.5, 3)
    return np.clip(color, 0, 1).astype(np.float32)


def draw_paper(effects: Effects, shape: Shape, color: Image, *, contrast: float) -> Image:
    """Draw paper, a board or a screen.

    Parameters
    ----------
    effects : Effects
        What occurs on the surface.
    shape : tuple of int
        Height and width in pixels.
    color : numpy.ndarray
        What `draw_paper_color` returned.
    contrast : float
        Contrast of the faintest writing, in [0, 1]: limits the strength of fine textures, which
        would make it illegible.
    """
    relief = np.zeros(shape, np.float32)
    limit = max(0.3 * contrast, 0.01)
    if effects.occurs("grain"):
        for _ in range(effects.generator.integers(1, 3)):
            name = effects.generator.choice(["white", "grain", "coarse grain", "pink"])
            strength = effects.log_uniform(0.003, 0.1)
            scale = effects.log_uniform(0.7, 2.5)
            relief += min(strength, limit) * _texture(effects, str(name), shape, scale)
    for name, low, high in (("fibre", 0.01, 0.12), ("speckle", 0.01, 0.25)):
        if effects.occurs(name):
            strength = min(effects.log_uniform(low, high), limit)
            scale = effects.log_uniform(0.6, 2.5)
            relief += strength * _texture(effects, name, shape, scale)
    if effects.occurs("crumple"):
        scale = effects.log_uniform(0.4, 2.5)
        relief += effects.log_uniform(0.02, 0.2) * _texture(effects, "crumple", shape, scale)
    if effects.occurs("folds"):
        relief += _folds(effects, shape)
    if effects.occurs("textured surface"):
        relief += min(effects.log_uniform(0.02, 0.3), 2 * limit) * _material(effects, shape)
    paper = cv2.merge([(1 + relief) * channel for channel in color])
    if effects.occurs("stains"):
        paper *= _stains(effects, shape)
    if effects.occurs("bleed-through"):
        back = _texture(effects, "print", shape, effects.log_uniform(0.7, 2))
        back = cv2.GaussianBlur(np.clip(-back, 0, 4), (0, 0), effects.uniform(0.6, 2))
        paper *= 1 - min(effects.log_uniform(0.01, 0.05), 0.3 * contrast) * back[..., np.newaxis]
    return paper


def draw_paper_color(effects: Effects) -> Image:
    """Draw the color of the paper, the board or the screen, ``float32 (3,)``."""
    digital = effects.style == "digital"
    if effects.occurs("dark surface"):
        black = digital and effects.generator.random() < 0.6
        lightness = 0.0 if black else effects.uniform(0.02, 0.3)
        saturation = 0.0 if black else effects.uniform(0, 0.2)
        return random_color(effects, lightness, saturation)
    if effects.occurs("colored paper"):
        return random_color(effects, effects.uniform(0.55, 0.95), effects.uniform(0.05, 0.35))
    if digital:
        return np.full(3, 1.0 if effects.generator.random() < 0.8 else 0.95, np.float32)
    return random_color(effects, effects.uniform(0.8, 1), effects.uniform(0, 0.06))


def _texture(effects: Effects, name: str, shape: Shape, scale: float) -> NDArray[np.float32]:
    if name == "white":
        return textures.white(effects.generator, shape)
    return textures.crop(effects.generator, name, shape, scale=scale)


def _material(effects: Effects, shape: Shape) -> NDArray[np.float32]:
    """Draw the texture of a random material."""
    if effects.generator.random() < _NATURAL_MATERIAL_SHARE:
        gray = crop_natural_image(effects.generator, shape).mean(axis=2, dtype=np.float32)
        return (gray - gray.mean()) / (gray.std() + 1)
    name = str(effects.generator.choice(list(_MATERIALS)))
    stretch = effects.log_uniform(0.7, 1.4)
    return textures.crop(
        effects.generator,
        name,
        shape,
        scale=effects.log_uniform(*_MATERIALS[name]),
        stretch=stretch,
    )


def _folds(effects: Effects, shape: Shape) -> NDArray[np.float32]:
    """Creases: the paper is lighter on one side, and the crease itself is dark or light."""
    relief = np.zeros(shape, np.float32)
    for _ in range(effects.generator.integers(1, 4)):
        # Most folds run along the sheet.
        angle = effects.generator.choice([0, np.pi / 2]) + effects.generator.normal(0, 0.15)
        distance = _distance_to_line(effects, shape, angle)
        reach = effects.uniform(10, 120)
        side = np.sign(distance) * np.exp(-np.abs(distance) / reach)
        crease = np.exp(-((distance / effects.uniform(0.7, 3)) ** 2))
        relief += effects.uniform(-0.12, 0.12) * side + effects.uniform(-0.3, 0.2) * crease
    return relief


def _distance_to_line(effects: Effects, shape: Shape, angle: float) -> NDArray[np.float32]:
    """Signed distance in pixels of each pixel from a line through a random point."""
    row, column = (effects.uniform(0, length) for length in shape)
    rows = (np.arange(shape[0], dtype=np.float32) - row) * np.float32(np.cos(angle))
    columns = (np.arange(shape[1], dtype=np.float32) - column) * np.float32(np.sin(angle))
    return rows[:, np.newaxis] + columns


def _stains(effects: Effects, shape: Shape) -> Image:
    """Stains of coffee, grease and rubbed-out pencil: factors of the reflectance."""
    cloud = textures.crop(effects.generator, "clouds", shape, scale=effects.log_uniform(0.3, 1.5))
    sharpness, level = effects.log_uniform(1, 12), effects.uniform(0.5, 2)
    amount = 1 / (1 + np.exp(np.clip(sharpness * (level - cloud), -30, 30)))
    color = random_color(effects, effects.uniform(0.5, 0.95), effects.uniform(0, 0.3))
    return cv2.merge([1 - (1 - channel) * amount for channel in color])


def draw_desk(effects: Effects, shape: Shape) -> Image:
    """Draw what lies around a sheet: wood, cloth, stone, newspaper, other sheets, clutter."""
    if effects.generator.random() < 0.2:
        return draw_scene(effects, shape)
    dark = effects.generator.random() < 0.5
    lightness = effects.uniform(0.02, 0.35) if dark else effects.uniform(0.2, 0.95)
    color = random_color(effects, lightness, effects.uniform(0, 0.3))
    relief = effects.log_uniform(0.02, 0.4) * _material(effects, shape)
    if effects.generator.random() < 0.5:
        relief += effects.log_uniform(0.01, 0.15) * _material(effects, shape)
    desk = cv2.merge([channel * (1 + relief) + 0.1 * relief for channel in color])
    for _ in range(effects.generator.choice([0, 1, 2], p=[0.7, 0.2, 0.1])):
        _lay_sheet(effects, desk)
    return np.clip(desk, 0, 1)


def _lay_sheet(effects: Effects, desk: Image) -> None:
    """Lay another sheet or a book on the desk."""
    height, width = desk.shape[:2]
    center = (effects.uniform(0, width), effects.uniform(0, height))
    size = (effects.uniform(0.2, 1.2) * width, effects.uniform(0.2, 1.2) * height)
    corners = cv2.boxPoints((center, size, effects.uniform(0, 180)))
    color = random_color(effects, effects.uniform(0.3, 1), effects.uniform(0, 0.3))
    cv2.fillConvexPoly(desk, (corners * 16).astype(np.int32), color.tolist(), cv2.LINE_AA, 4)


def draw_scene(effects: Effects, shape: Shape) -> Image:
    """Draw a scene without any writing, or take a part of a photograph.

    Occluding shapes of power-law sizes ("dead leaves") have the statistics of natural images
    (Lee, Mumford and Huang, "Occlusion models for natural images", 2001). Some are filled with
    stripes, lattices or textures.
    """
    generator = effects.generator
    if generator.random() < _NATURAL_SHARE:
        return crop_natural_image(generator, shape).astype(np.float32) / 255
    palette = generator.uniform(0, 255, (6, 1)) + generator.normal(0, 45, (6, 3))
    canvas = np.empty((*shape, 3), np.uint8)
    canvas[:] = np.clip(palette[0], 0, 255)
    largest = effects.uniform(0.15, 0.8) * max(shape)
    for _ in range(int(effects.log_uniform(8, 160))):
        color = np.clip(palette[generator.integers(6)] + generator.normal(0, 15, 3), 0, 255)
        radius = min(largest, max(3.0, 4.0 * generator.pareto(0.8) + 3))
        _draw_shape(effects, canvas, radius, color.tolist())
    scene = canvas.astype(np.float32) / 255
    for _ in range(generator.integers(1, 4)):
        # A texture covers a part of the scene only.
        where = textures.crop(generator, "clouds", shape, scale=effects.log_uniform(0.3, 1.5))
        relief = effects.log_uniform(0.03, 0.5) * _material(effects, shape)
        scene *= (1 + relief * (where > effects.uniform(-1, 1)))[..., np.newaxis]
    if generator.random() < 0.3:
        scene = cv2.GaussianBlur(scene, (0, 0), effects.log_uniform(0.7, 6))
    return np.clip(scene, 0, 1)


def _draw_shape(effects: Effects, canvas: NDArray[np.uint8], radius: float, color: list) -> None:
    """Draw one random shape of about the given radius."""
    generator = effects.generator
    height, width = canvas.shape[:2]
    center = generator.uniform([0, 0], [width, height])
    kind = generator.choice(["ellipse", "box", "polygon", "line", "ring", "lattice", "curve"])
    thickness = int(effects.log_uniform(1, max(2.0, radius / 3)))
    whole = center.astype(int).tolist()
    axes = (radius * generator.uniform(0.3, 1, 2)).astype(int).tolist()
    angle = effects.uniform(0, 180)
    if kind == "ellipse":
        cv2.ellipse(canvas, whole, axes, angle, 0, 360, color, -1, cv2.LINE_AA)
    elif kind == "ring":
        cv2.ellipse(canvas, whole, axes, angle, 0, 360, color, thickness, cv2.LINE_AA)
    elif kind in {"box", "polygon"}:
        if kind == "box":
            slant = angle if generator.random() < 0.5 else 0
            points = cv2.boxPoints((center.tolist(), [2.0 * axis for axis in axes], slant))
        else:
            points = center + radius * generator.uniform(-1, 1, (generator.integers(3, 7), 2))
        cv2.fillPoly(canvas, [points.astype(np.int32)], color, cv2.LINE_AA)
    elif kind == "lattice":
        _draw_lattice(effects, canvas, center, radius, color)
    else:
        steps = generator.normal(0, radius, (2 if kind == "line" else 6, 2))
        points = center + np.cumsum(steps, axis=0)
        cv2.polylines(canvas, [points.astype(np.int32)], False, color, thickness, cv2.LINE_AA)


def _draw_lattice(
    effects: Effects,
    canvas: NDArray[np.uint8],
    center: NDArray[np.float64],
    radius: float,
    color: list,
) -> None:
    """Draw rows of equal boxes or dots: windows, keys, tiles, fences, blinds."""
    rows, columns = effects.generator.integers(1, 9, 2)
    pitch = 2 * radius * effects.generator.uniform(0.3, 1, 2) / max(rows, columns)
    extent = pitch * effects.generator.uniform(0.2, 0.9, 2) / 2
    round_ = effects.generator.random() < 0.3
    for row in range(rows):
        for column in range(columns):
            middle = center + pitch * ([column, row] - np.array([columns, rows]) / 2)
            if round_:
                cv2.circle(canvas, middle.astype(int).tolist(), int(extent[0]), color, -1)
            else:
                first, last = (middle - extent).astype(int), (middle + extent).astype(int)
                cv2.rectangle(canvas, first.tolist(), last.tolist(), color, -1)
