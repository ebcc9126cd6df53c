"""What a camera or a scanner and its software make of a page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network import textures
from tools.page_network.effects import Effects
from tools.page_network.lighting import ramp, reflection

Image = NDArray[np.float32]
Picture = NDArray[np.uint8]

# Binarization would delete fainter writing.
_BINARIZABLE = 0.25
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def take_picture(
    effects: Effects, image: Image, *, height: float, contrast: float, dark: bool
) -> Picture:
    """Take a picture of a lit page.

    Parameters
    ----------
    effects : Effects
        What happens to the picture.
    image : numpy.ndarray
        The page, ``float32 (height, width, 3)`` RGB; 1 is white.
    height : float
        Height of the smallest digits, in pixels: limits blur and loss of resolution, so that the
        digits stay legible.
    contrast : float
        Contrast of the faintest writing, in [0, 1]: limits the noise.
    dark : bool
        Whether the writing is lighter than the page.

    Returns
    -------
    numpy.ndarray
        ``uint8 (height, width, 3)`` RGB.
    """
    image = _blur(effects, image, height)
    shape = image.shape[:2]
    if effects.occurs("glare"):
        image, contrast = _add_glare(effects, image, contrast)
    reduced = _reduce(effects, image, height)
    if effects.occurs("moire"):
        grating = textures.crop(
            effects.generator, "weave", reduced.shape[:2], scale=effects.uniform(0.2, 0.6)
        )
        bands = 1 + np.float32(effects.uniform(0.01, 0.05)) * grating
        reduced = reduced * cv2.merge([bands, bands, bands])
    reduced, contrast = _develop(effects, reduced, contrast, dark=dark)
    reduced = _noise(effects, reduced, contrast)
    if effects.occurs("sharpening"):
        blurred = cv2.GaussianBlur(reduced, (0, 0), effects.log_uniform(0.7, 4))
        amount = effects.log_uniform(0.3, 3)
        reduced = cv2.addWeighted(reduced, 1 + amount, blurred, -amount, 0)
    picture = (np.clip(reduced, 0, 1) * 255 + 0.5).astype(np.uint8)
    if effects.occurs("gray"):
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if effects.occurs("JPEG"):
        picture = _compress(effects, picture)
    if picture.shape[:2] != shape:
        kinds = [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]
        kind = int(effects.generator.choice(kinds, p=[0.45, 0.45, 0.1]))
        picture = cv2.resize(picture, (shape[1], shape[0]), interpolation=kind)
    if effects.occurs("pixelated"):
        picture = _pixelate(effects, picture, height)
    if effects.occurs("binarized") and contrast > _BINARIZABLE:
        picture = _binarize(effects, picture, dark=dark)
    return picture


def _blur(effects: Effects, image: Image, height: float) -> Image:
    if effects.occurs("defocus"):
        sigma = effects.log_uniform(0.4, max(0.8, 0.07 * height))
        image = cv2.GaussianBlur(image, (0, 0), min(sigma, 6.0))
    if effects.occurs("partial focus"):
        # One side of a slanted page is out of focus.
        blurred = cv2.GaussianBlur(image, (0, 0), min(max(0.8, 0.06 * height), 5.0))
        amount = np.clip(0.5 + effects.uniform(0.7, 2) * ramp(effects, image.shape[:2]), 0, 1)
        image = image + cv2.merge([amount, amount, amount]) * (blurred - image)
    if effects.occurs("motion blur"):
        length = effects.uniform(2, min(max(3.0, 0.2 * height), 15.0))
        size = 2 * int(length / 2 + 1) + 1
        angle = effects.uniform(0, np.pi)
        reach = 8 * length * np.array([np.cos(angle), np.sin(angle)])
        middle = 16.0 * (size // 2)
        kernel = np.zeros((size, size), np.uint8)
        first, last = (middle - reach).astype(int), (middle + reach).astype(int)
        cv2.line(kernel, first.tolist(), last.tolist(), 255, 1, cv2.LINE_AA, 4)
        image = cv2.filter2D(image, -1, kernel.astype(np.float32) / kernel.sum())
    return image


def _add_glare(effects: Effects, image: Image, contrast: float) -> tuple[Image, float]:
    """Add the reflection of a window or a flash, which takes contrast from what is below."""
    strength = min(effects.uniform(0.1, 0.6), max(0.0, 1 - 0.06 / contrast))
    spot = np.float32(strength) * reflection(effects, image.shape[:2])
    return image + cv2.merge([spot, spot, spot]) * (1 - image), contrast * (1 - strength)


def _reduce(effects: Effects, image: Image, height: float) -> Image:
    """Take the picture at a lower resolution; the smallest digits keep 8 pixels."""
    if not effects.occurs("low resolution"):
        return image
    factor = max(effects.log_uniform(0.2, 0.9), min(8 / height, 1.0))
    size = tuple(max(8, round(length * factor)) for length in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _develop(effects: Effects, image: Image, contrast: float, *, dark: bool) -> tuple[Image, float]:
    """Return the image with other colors and tones, and the contrast of its faintest writing."""
    if effects.occurs("white balance"):
        gains = effects.generator.normal(1, 0.08, 3)
        image = cv2.transform(image, np.diag(gains).astype(np.float32))
    if effects.occurs("stretched contrast"):
        image = _stretch(effects, image, contrast, dark=dark)
    if effects.occurs("tone curve"):
        black, white = effects.uniform(-0.05, 0.25), effects.uniform(0.7, 1.05)
        # Writing that is faint already doesn't get fainter.
        white = max(white, black + min(1.0, 0.06 / contrast))
        image = _tone(image, effects.log_uniform(0.6, 1.7), black, white)
        contrast *= white - black
    return image, contrast


def _stretch(effects: Effects, image: Image, contrast: float, *, dark: bool) -> Image:
    """Make the page white, as scanners do, or the board black."""
    if dark:
        return 1 - _stretch(effects, 1 - image, contrast, dark=False)
    low, high, paper = np.quantile(
        image[::8, ::8], [0.01, effects.uniform(0.3, 0.99), 0.98]
    ).astype(np.float32)
    # The ink on the lightest part of the page stays visible, even where there is little of it.
    high = max(high, paper - np.float32(0.5 * contrast))
    low = min(low, paper - np.float32(contrast))
    return (image - low) / max(high - low, np.float32(0.2))


def _tone(image: Image, gamma: float, black: float, white: float) -> Image:
    """Apply a tone curve; a table is faster than powers of every pixel."""
    curve = black + (white - black) * np.linspace(0, 1, 256) ** gamma
    table = curve.astype(np.float32)
    slope = np.diff(table, append=table[-1])
    level = np.clip(image, 0, 1) * 255
    index = level.astype(np.uint8)
    return cv2.LUT(index, table) + (level - index) * cv2.LUT(index, slope)


def _noise(effects: Effects, image: Image, contrast: float) -> Image:
    shape = image.shape[:2]
    limit = max(0.35 * contrast, 0.01)
    if effects.occurs("luma noise"):
        sigma = min(effects.log_uniform(0.002, 0.1), limit)
        if effects.generator.random() < 0.4:
            # Noise reduction and demosaicing leave coarser noise.
            scale = effects.uniform(0.6, 1.5)
            noise = textures.crop(effects.generator, "grain", shape, scale=scale)
        else:
            noise = textures.white(effects.generator, shape)
        image = image + np.float32(sigma) * cv2.merge([noise, noise, noise])
    if effects.occurs("chroma noise"):
        sigma = min(effects.log_uniform(0.004, 0.08), limit)
        scale = effects.log_uniform(0.5, 3)
        red = textures.crop(effects.generator, "grain", shape, scale=scale)
        blue = textures.crop(effects.generator, "grain", shape, scale=scale)
        # The brightness stays as it is.
        green = -(_LUMA[0] * red + _LUMA[2] * blue) / _LUMA[1]
        image = image + np.float32(sigma) * cv2.merge([red, green, blue])
    return image


def _compress(effects: Effects, picture: Picture) -> Picture:
    quality = int(effects.uniform(20, 96))
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _pixelate(effects: Effects, picture: Picture, height: float) -> Picture:
    """Enlarge a small picture without interpolation: square blocks."""
    largest = int(np.clip(height / 12, 2, 24))
    block = int(effects.generator.integers(2, largest + 1))
    size = picture.shape[1::-1]
    small = cv2.resize(
        picture, [max(4, length // block) for length in size], interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)


def _binarize(effects: Effects, picture: Picture, *, dark: bool) -> Picture:
    """Make the writing black and the page white, or the reverse."""
    gray = cv2.cvtColor(255 - picture if dark else picture, cv2.COLOR_RGB2GRAY)
    if effects.generator.random() < 0.4:
        _, binary = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    else:
        window = 2 * int(effects.uniform(7, 40)) + 1
        offset = effects.uniform(4, 20)
        if effects.generator.random() < 0.5:
            gray = cv2.medianBlur(gray, 3)
        method = cv2.ADAPTIVE_THRESH_GAUSSIAN_C
        binary = cv2.adaptiveThreshold(gray, 255, method, cv2.THRESH_BINARY, window, offset)
    if effects.generator.random() < (0.6 if dark else 0.1):
        binary = 255 - binary
    return cv2.cvtColor(binary, cv2.COLOR_GRAY2RGB)
