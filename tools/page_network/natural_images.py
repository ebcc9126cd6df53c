"""Photographs that libraries ship, as desks and textures around a page and as pages without one.

scikit-image, scikit-learn and Matplotlib contain some twenty photographs of objects, fabrics,
grass, gravel and people. Without scikit-image only three remain.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_SCIKIT_IMAGE_FILES = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png",
    "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
    "motorcycle_left.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
# Longer side of a crop in pixels of the original.
_CROP_SIDES = (60, 600)


@cache
def load_natural_images() -> tuple[Image, ...]:
    """Return the photographs, ``uint8 (h, w, 3)`` in RGB."""
    import matplotlib as mpl
    from sklearn.datasets import load_sample_images

    images = [np.asarray(image) for image in load_sample_images().images]
    paths = [Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"]
    try:
        import skimage
    except ModuleNotFoundError:
        pass
    else:
        folder = Path(skimage.__file__).parent / "data"
        paths += [folder / name for name in _SCIKIT_IMAGE_FILES]
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None:
            images.append(np.asarray(image[..., ::-1]))
    return tuple(images)


def crop_natural_image(generator: np.random.Generator, size: tuple[int, int]) -> Image:
    """Return a random part of a photograph, resized to `size` and flipped or turned at random."""
    images = load_natural_images()
    image = images[generator.integers(len(images))]
    height, width = size
    longest = np.exp(generator.uniform(*np.log(_CROP_SIDES)))
    scale = longest / max(size)
    crop_height = int(np.clip(scale * height, 8, image.shape[0]))
    crop_width = int(np.clip(scale * width, 8, image.shape[1]))
    top = int(generator.integers(0, image.shape[0] - crop_height + 1))
    left = int(generator.integers(0, image.shape[1] - crop_width + 1))
    crop = image[top : top + crop_height, left : left + crop_width]
    turns = int(generator.integers(4))
    if turns % 2 and height == width:
        crop = np.rot90(crop, turns)
    if generator.random() < 0.5:
        crop = crop[:, ::-1]
    shrinking = crop_height > height
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=method))
