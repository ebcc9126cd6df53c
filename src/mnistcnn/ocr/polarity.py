"""Polarity: whether ink is darker or lighter than its background."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import cv2
import numpy as np

from mnistcnn.ocr.page_network import PageMaps
from mnistcnn.types import Float32Array

Polarity: TypeAlias = Literal["auto", "dark", "light"]
POLARITIES: tuple[Polarity, ...] = ("auto", "dark", "light")

# Weights of red, green and blue in the gray level (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Side of the window in which ink is compared with its background, in digit sizes.
_WINDOW = 1.0


def keep_polarity(maps: PageMaps, image: Float32Array, polarity: Polarity) -> PageMaps:
    """Return the maps with the digit ink of one polarity only.

    Parameters
    ----------
    maps : PageMaps
        The output of the page network.
    image : Float32Array
        ``(h, w, 3)`` in [0, 1]: its input.
    polarity : {"auto", "dark", "light"}
        Ink that is darker, or lighter, than the mean of the pixels without ink around it.
        ``"auto"``: any ink.
    """
    if polarity == "auto":
        return maps
    gray = image @ _LUMA
    is_background = np.maximum(1 - maps.digit_ink - maps.other_ink, 0)
    side = round(_WINDOW * float(np.median(maps.sizes))) | 1
    weight = cv2.blur(is_background, (side, side))
    background = cv2.blur(gray * is_background, (side, side)) / np.maximum(weight, 1e-6)
    keep = gray < background if polarity == "dark" else gray > background
    return replace(maps, digit_ink=np.where(keep, maps.digit_ink, np.float32(0)))
