"""The four corner marks of a form: ArUco markers that tell corner, page, paper and classes.

The identifier of a marker is four times a code, plus the number of its corner. Two opposite corners
carry the code of the page, the other two that of the classes.

Garrido-Jurado et al., "Automatic generation and detection of highly reliable fiducial markers under
occlusion" (2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.sheets.layout import CORNERS, MAX_PAGES, PAPERS, VERSION, Paper
from mnistcnn.types import UInt8Array

NUM_CODES = 250  # of the 1,000 markers, for each corner
_DICTIONARY = cv2.aruco.DICT_6X6_1000  # of version 1 of the form
_MODULES = 8  # a side, with the black border
_PAGE_CORNERS, _CLASSES_CORNERS = (0, 2), (1, 3)
# Number of pixels to which a picture is downscaled first: marks are large.
_SEARCH_PIXELS = 3_000_000
_MIN_CONTRAST_CLIP = 4.0


@dataclass(frozen=True, eq=False)
class FormMarks:
    """The marks of a form in a picture.

    Parameters
    ----------
    paper : {"a4", "letter"}
        Size of the paper that the form is laid out for.
    page : int
        Page number, from 1.
    classes_code : int
        See `layout.classes_code`.
    corners : numpy.ndarray
        ``float64 (4, 4, 2)``: x and y of the corners of each mark in pixels, in the order of
        `Layout.mark_corners`.
    """

    paper: Paper
    page: int
    classes_code: int
    corners: NDArray[np.float64]


def mark_modules(paper: Paper, page: int, classes_code: int) -> NDArray[np.bool_]:
    """Return the black modules of the four marks, ``bool (4, 8, 8)``."""
    page_code = page - 1 + MAX_PAGES * PAPERS.index(paper)
    modules = []
    for corner in range(len(CORNERS)):
        code = page_code if corner in _PAGE_CORNERS else classes_code
        marker = _dictionary().generateImageMarker(len(CORNERS) * code + corner, _MODULES)
        modules.append(np.asarray(marker) == 0)
    return np.stack(modules)


def find_marks(gray: UInt8Array) -> FormMarks:
    """Find the marks of the form in a picture, ``uint8 (h, w)``.

    Raises
    ------
    ValueError
        If not all four are found, or they are of several forms. The message is the end of a
        sentence that begins with the name of the picture.
    """
    found: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
    for attempt in _versions(gray):
        found = _detect(*attempt)
        if len(found) == len(CORNERS):
            break
    _check_complete(found)
    codes = [marks[0][0] for _, marks in sorted(found.items())]
    page_codes, classes_codes = (
        {codes[corner] for corner in corners} for corners in (_PAGE_CORNERS, _CLASSES_CORNERS)
    )
    is_single = all(len(marks) == 1 for marks in found.values())
    if not is_single or len(page_codes) > 1 or len(classes_codes) > 1:
        raise ValueError("must show one form; it shows marks of several")
    paper, page = divmod(page_codes.pop(), MAX_PAGES)
    if paper >= len(PAPERS):
        raise ValueError(f"must show a form of version {VERSION}; it shows one of another version")
    corners = np.stack([found[corner][0][1] for corner in range(len(CORNERS))])
    _check_convex(corners.mean(axis=1))
    return FormMarks(PAPERS[paper], page + 1, classes_codes.pop(), corners)


def _versions(gray: UInt8Array) -> Any:
    """Yield versions of a picture with their scale: small, with local contrast, and as it is."""
    height, width = gray.shape
    scale = min(1.0, (_SEARCH_PIXELS / gray.size) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = gray if scale == 1 else cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    yield small, scale
    yield cv2.createCLAHE(_MIN_CONTRAST_CLIP).apply(small), scale
    if scale < 1:
        yield gray, 1.0


def _detect(gray: Any, scale: float) -> dict[int, list[tuple[int, NDArray[np.float64]]]]:
    """Return the marks in a picture: code and corners by the number of the corner."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(_dictionary(), parameters)
    corners, identifiers, _ = detector.detectMarkers(np.ascontiguousarray(gray))
    found: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
    numbers = [] if identifiers is None else np.ravel(identifiers).tolist()
    for number, quadrilateral in zip(numbers, corners, strict=True):
        code, corner = divmod(number, len(CORNERS))
        # Pixel centers are at whole numbers.
        points = (np.asarray(quadrilateral, np.float64).reshape(4, 2) + 0.5) / scale - 0.5
        found.setdefault(corner, []).append((code, points))
    return found


def _check_complete(found: dict[int, Any]) -> None:
    missing = [name for corner, name in enumerate(CORNERS) if corner not in found]
    if not missing:
        return
    if len(missing) == len(CORNERS):
        raise ValueError("must show the four corner marks of a form; none of them was found")
    verb = "mark was" if len(missing) == 1 else "marks were"
    listed = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    raise ValueError(
        f"must show the four corner marks of a form; the {listed} {verb} not found: photograph "
        "the whole page, lying flat, with nothing on its corners"
    )


def _check_convex(centers: NDArray[np.float64]) -> None:
    sides = np.roll(centers, -1, axis=0) - centers
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    if not (turns > 0).all():
        raise ValueError(
            "must show the four corner marks of a form at its corners; they are in another order"
        )


def _dictionary() -> Any:
    return cv2.aruco.getPredefinedDictionary(_DICTIONARY)
