"""Symbols and digits as the strokes that a pen makes.

x and y are in heights of a digit: y is 0 at the top of a digit and 1 at the baseline.
"""

# ruff: noqa: E501 - a stroke is one line of the tables

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Stroke = NDArray[np.float32]
Generator = np.random.Generator
Points = tuple[tuple[float, float], ...]

# Straight lines. Every point moves a little each time.
_POLYLINES: dict[str, tuple[Points, ...]] = {
    "+": (((0, 0.55), (0.6, 0.55)), ((0.3, 0.25), (0.3, 0.85))),
    "-": (((0, 0.55), (0.5, 0.55)),),
    "×": (((0, 0.3), (0.5, 0.85)), ((0.5, 0.3), (0, 0.85))),
    "÷": (((0, 0.55), (0.6, 0.55)), ((0.3, 0.3), (0.3, 0.31)), ((0.3, 0.8), (0.3, 0.81))),
    "=": (((0, 0.43), (0.55, 0.43)), ((0, 0.68), (0.55, 0.68))),
    "≈": (
        ((0, 0.45), (0.15, 0.38), (0.4, 0.48), (0.55, 0.4)),
        ((0, 0.7), (0.15, 0.63), (0.4, 0.73), (0.55, 0.65)),
    ),
    ",": (((0.06, 0.92), (0.0, 1.2)),),
    ".": (((0, 0.97), (0.01, 0.98)),),
    "·": (((0, 0.55), (0.01, 0.56)),),
    ":": (((0, 0.4), (0.01, 0.41)), ((0, 0.9), (0.01, 0.91))),
    ";": (((0.04, 0.4), (0.05, 0.41)), ((0.05, 0.88), (0, 1.12))),
    "'": (((0.02, 0), (0, 0.2)),),
    '"': (((0.02, 0), (0, 0.2)), ((0.17, 0), (0.15, 0.2))),
    "/": (((0.5, -0.1), (0, 1.1)),),
    "\\": (((0, -0.1), (0.5, 1.1)),),
    "|": (((0, -0.1), (0, 1.15)),),
    "<": (((0.5, 0.25), (0, 0.55), (0.5, 0.85)),),
    ">": (((0, 0.25), (0.5, 0.55), (0, 0.85)),),
    "_": (((0, 1.05), (0.7, 1.05)),),
    "[": (((0.25, -0.05), (0, -0.05), (0, 1.1), (0.25, 1.1)),),
    "]": (((0, -0.05), (0.25, -0.05), (0.25, 1.1), (0, 1.1)),),
    "√": (((0, 0.6), (0.12, 0.55), (0.25, 1.0), (0.5, -0.05), (1.2, -0.05)),),
    "✓": (((0, 0.6), (0.25, 0.95), (0.8, 0.0)),),
    "✗": (((0, 0.1), (0.7, 0.95)), ((0.7, 0.05), (0, 0.9))),
    "→": (((0, 0.55), (1.1, 0.55)), ((0.85, 0.38), (1.1, 0.55), (0.85, 0.72))),
    "←": (((1.1, 0.55), (0, 0.55)), ((0.25, 0.38), (0, 0.55), (0.25, 0.72))),
    "↓": (((0.3, 0), (0.3, 1.0)), ((0.12, 0.75), (0.3, 1.0), (0.48, 0.75))),
    "#": (
        ((0.25, 0.05), (0.15, 1)), ((0.5, 0.05), (0.4, 1)),
        ((0, 0.35), (0.65, 0.35)), ((0, 0.7), (0.65, 0.7)),
    ),
    "*": (
        ((0.2, 0.1), (0.2, 0.5)), ((0, 0.2), (0.4, 0.4)), ((0, 0.4), (0.4, 0.2)),
    ),
    "box": (((0, 0), (0.9, 0), (0.9, 1), (0, 1), (0, 0)),),
    "triangle": (((0.45, 0), (0.9, 1), (0, 1), (0.45, 0)),),
    "!": (((0.02, 0), (0, 0.7)), ((0, 0.97), (0.01, 0.98))),
    "bracket": (((0, 0.8), (0, 1.1), (1.6, 1.1), (1.6, 0.8)),),
    "tally": (
        ((0, 0), (0, 1)), ((0.2, 0), (0.2, 1)), ((0.4, 0), (0.4, 1)), ((0.6, 0), (0.6, 1)),
        ((-0.15, 0.8), (0.75, 0.2)),
    ),
}  # fmt: skip
# Curves through the points.
_CURVES: dict[str, tuple[Points, ...]] = {
    "(": (((0.25, -0.08), (0.03, 0.3), (0.03, 0.75), (0.25, 1.12)),),
    ")": (((0, -0.08), (0.22, 0.3), (0.22, 0.75), (0, 1.12)),),
    "{": (((0.3, -0.08), (0.15, 0.05), (0.17, 0.4), (0, 0.52), (0.17, 0.65), (0.15, 1), (0.3, 1.12)),),
    "}": (((0, -0.08), (0.15, 0.05), (0.13, 0.4), (0.3, 0.52), (0.13, 0.65), (0.15, 1), (0, 1.12)),),
    "?": (
        ((0, 0.22), (0.1, 0.03), (0.32, 0), (0.5, 0.2), (0.42, 0.42), (0.26, 0.55), (0.24, 0.75)),
        ((0.24, 0.97), (0.25, 0.98)),
    ),
    "%": (
        ((0.65, 0.02), (0.35, 0.5), (0.08, 1)),
        ((0.15, 0.05), (0.02, 0.2), (0.15, 0.38), (0.28, 0.2), (0.15, 0.05)),
        ((0.6, 0.62), (0.48, 0.78), (0.6, 0.96), (0.73, 0.78), (0.6, 0.62)),
    ),
    "$": (
        ((0.5, 0.18), (0.3, 0.06), (0.06, 0.2), (0.15, 0.45), (0.42, 0.6), (0.5, 0.8), (0.25, 0.95), (0, 0.82)),
        ((0.28, -0.1), (0.27, 0.5), (0.26, 1.12)),
    ),
    "€": (
        ((0.6, 0.12), (0.4, 0), (0.15, 0.2), (0.1, 0.55), (0.2, 0.88), (0.42, 1), (0.62, 0.88)),
        ((0, 0.42), (0.2, 0.42), (0.45, 0.41)),
        ((0, 0.6), (0.2, 0.6), (0.42, 0.59)),
    ),
    "£": (
        ((0.55, 0.15), (0.4, 0), (0.22, 0.12), (0.22, 0.5), (0.18, 0.85), (0, 1), (0.25, 0.95), (0.6, 1)),
        ((0.02, 0.55), (0.2, 0.55), (0.45, 0.54)),
    ),
    "°": (((0.1, 0), (0, 0.1), (0.1, 0.2), (0.2, 0.1), (0.1, 0)),),
    "~": (((0, 0.6), (0.15, 0.48), (0.4, 0.62), (0.55, 0.5)),),
    "∞": (((0.4, 0.55), (0.15, 0.35), (0, 0.55), (0.15, 0.75), (0.4, 0.55), (0.65, 0.35), (0.8, 0.55), (0.65, 0.75), (0.4, 0.55)),),
    "∫": (((0.45, -0.1), (0.33, -0.15), (0.24, 0.1), (0.22, 0.6), (0.17, 1.1), (0, 1.12)),),
    "&": (((0.7, 0.98), (0.3, 0.45), (0.2, 0.15), (0.35, 0), (0.48, 0.15), (0.3, 0.4), (0.03, 0.7), (0.2, 0.98), (0.5, 0.9), (0.65, 0.6)),),
    "@": (((0.6, 0.35), (0.4, 0.3), (0.3, 0.55), (0.42, 0.72), (0.6, 0.6), (0.62, 0.38), (0.65, 0.7), (0.85, 0.55), (0.8, 0.15), (0.45, 0), (0.1, 0.2), (0.02, 0.6), (0.25, 0.97), (0.7, 1)),),
    "heart": (((0.45, 0.3), (0.3, 0.02), (0.02, 0.15), (0.1, 0.55), (0.45, 1), (0.8, 0.55), (0.88, 0.15), (0.6, 0.02), (0.45, 0.3)),),
    "curved arrow": (
        ((0, 0.9), (0.2, 0.4), (0.6, 0.2), (1.2, 0.3)),
        ((1.0, 0.1), (1.2, 0.3), (0.98, 0.48)),
    ),
}  # fmt: skip
# Ways of writing digits that are rare in MNIST, which was written in the United States.
_DIGITS: dict[int, tuple[tuple[Points, ...], ...]] = {
    0: (
        (((0.35, 0), (0.05, 0.3), (0.05, 0.75), (0.32, 1), (0.6, 0.75), (0.6, 0.25), (0.35, 0)), ((0.62, 0.05), (0.35, 0.5), (0.02, 0.97))),
        (((0.4, 0.02), (0.1, 0.2), (0.02, 0.6), (0.2, 0.95), (0.5, 0.9), (0.65, 0.5), (0.5, 0.08), (0.3, 0.04), (0.25, 0.12)),),
    ),
    1: (
        (((0, 0.38), (0.2, 0.18), (0.36, 0), (0.361, 0.001), (0.36, 0.5), (0.36, 1)),),
        (((0, 0.55), (0.25, 0.25), (0.45, 0), (0.451, 0.001), (0.45, 0.5), (0.45, 1)),),
        (((0.05, 0.25), (0.3, 0), (0.301, 0.001), (0.3, 0.5), (0.3, 1)), ((0.02, 1), (0.3, 1), (0.6, 0.99))),
        (((0, 0.3), (0.25, 0.1), (0.36, 0), (0.361, 0.001), (0.37, 0.5), (0.36, 1)), ((0, 1), (0.4, 1), (0.8, 0.98))),
        (((0.15, 0.28), (0.3, 0.08), (0.36, 0), (0.361, 0.001), (0.36, 0.5), (0.37, 1)), ((0.1, 1), (0.36, 1), (0.62, 1))),
        (((0.1, 0), (0.1, 0.5), (0.1, 1)),),
    ),
    2: (
        (((0.03, 0.25), (0.15, 0.03), (0.42, 0.03), (0.55, 0.25), (0.4, 0.6), (0.12, 0.95), (0.02, 0.85), (0.15, 0.78), (0.35, 0.95), (0.65, 0.97)),),
        (((0.02, 0.2), (0.25, 0), (0.52, 0.15), (0.45, 0.45), (0.2, 0.75), (0, 1), (0.001, 1.001), (0.3, 1), (0.6, 1)),),
    ),
    3: (
        (((0.02, 0.02), (0.3, 0.01), (0.55, 0), (0.551, 0.001), (0.4, 0.2), (0.22, 0.38), (0.221, 0.381), (0.5, 0.45), (0.58, 0.7), (0.4, 0.96), (0.02, 0.95)),),
        (((0.02, 0.12), (0.3, 0), (0.52, 0.2), (0.2, 0.47), (0.201, 0.471), (0.58, 0.68), (0.35, 1), (0, 0.88)),),
    ),
    4: (
        (((0.4, 0), (0.2, 0.35), (0, 0.65), (0.001, 0.651), (0.3, 0.65), (0.65, 0.64)), ((0.45, 0.4), (0.44, 0.7), (0.42, 1))),
        (((0.48, 1), (0.48, 0.5), (0.48, 0), (0.479, 0.001), (0.2, 0.4), (0, 0.7), (0.001, 0.701), (0.3, 0.7), (0.65, 0.7)),),
        (((0.05, 0.02), (0.03, 0.3), (0.05, 0.52), (0.051, 0.521), (0.3, 0.52), (0.6, 0.5)), ((0.55, 0), (0.53, 0.5), (0.52, 1))),
    ),
    5: (
        (((0.1, 0.02), (0.07, 0.2), (0.04, 0.4), (0.041, 0.401), (0.3, 0.36), (0.55, 0.6), (0.42, 0.92), (0.02, 0.95)), ((0.1, 0.02), (0.35, 0.01), (0.6, 0))),
    ),
    6: (
        (((0.5, 0), (0.2, 0.25), (0.03, 0.65), (0.2, 0.98), (0.5, 0.9), (0.5, 0.6), (0.25, 0.55), (0.06, 0.75)),),
    ),
    7: (
        (((0, 0.1), (0.02, 0.02), (0.021, 0.021), (0.3, 0.02), (0.6, 0), (0.601, 0.001), (0.4, 0.4), (0.22, 1)), ((0.12, 0.5), (0.35, 0.48), (0.58, 0.46))),
        (((0, 0.02), (0.3, 0.02), (0.6, 0), (0.601, 0.001), (0.4, 0.5), (0.3, 1)), ((0.15, 0.52), (0.35, 0.5), (0.55, 0.49))),
        (((0, 0.2), (0.03, 0.03), (0.031, 0.031), (0.3, 0.05), (0.55, 0), (0.551, 0.001), (0.35, 0.5), (0.2, 1)),),
    ),
    8: (
        (((0.3, 0), (0.08, 0.12), (0.1, 0.35), (0.3, 0.46), (0.5, 0.32), (0.5, 0.1), (0.3, 0)), ((0.3, 0.46), (0.03, 0.65), (0.08, 0.93), (0.32, 1), (0.56, 0.9), (0.56, 0.62), (0.3, 0.46))),
    ),
    9: (
        (((0.5, 0.12), (0.25, 0), (0.03, 0.2), (0.15, 0.45), (0.4, 0.38), (0.52, 0.12), (0.521, 0.121), (0.52, 0.5), (0.5, 1)),),
        (((0.5, 0.15), (0.28, 0), (0.03, 0.22), (0.2, 0.48), (0.5, 0.3), (0.5, 0.7), (0.3, 1), (0.02, 0.92)),),
    ),
}  # fmt: skip


# The weights of four points at eight places between the second and the third.
_SPLINE = np.linspace(0, 1, 9)[:-1, np.newaxis] ** np.arange(4) @ np.array(
    [[0, 1, 0, 0], [-0.5, 0, 0.5, 0], [1, -2.5, 2, -0.5], [-0.5, 1.5, -1.5, 0.5]]
)


def _curve(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a Catmull-Rom spline; two points at nearly one place make a corner."""
    corners = np.flatnonzero(np.hypot(*np.diff(points, axis=0).T) < 0.005) + 1
    pieces = []
    for part in np.split(points, corners):
        ends = [2 * part[0] - part[1], 2 * part[-1] - part[-2]] if len(part) > 1 else [part[0]] * 2
        padded = np.concatenate([ends[:1], part, ends[1:]])
        spans = np.stack([padded[i : len(part) - 1 + i] for i in range(4)], 1)
        pieces.append((_SPLINE @ spans).reshape(-1, 2))
        pieces.append(part[-1:])
    return np.concatenate(pieces)


def _line(points: NDArray[np.float64]) -> NDArray[np.float64]:
    count = 8
    t = np.linspace(0, 1, count * (len(points) - 1) + 1) * (len(points) - 1)
    return np.stack([np.interp(t, range(len(points)), axis) for axis in points.T], 1)


def _jitter(points: Points, generator: Generator, amount: float) -> NDArray[np.float64]:
    array = np.array(points, np.float64)
    moves = amount * generator.standard_normal(array.shape)
    # The two points of a corner move together.
    near = np.flatnonzero(np.hypot(*np.diff(array, axis=0).T) < 0.005)
    moves[near + 1] = moves[near]
    if np.hypot(*(array[0] - array[-1])) < 0.005 and len(array) > 2:
        moves[-1] = moves[0] + amount * generator.standard_normal(2)
    return array + moves


def digit(label: int, generator: Generator) -> list[Stroke]:
    """Return the strokes of a digit, in a style that is rare in MNIST.

    Parameters
    ----------
    label
        The digit, 0 to 9.
    generator
        Source of randomness.

    Returns
    -------
    list of arrays
        ``float32 (n, 2)`` each.
    """
    styles = _DIGITS[label]
    strokes = styles[generator.integers(len(styles))]
    return [_curve(_jitter(points, generator, 0.025)).astype(np.float32) for points in strokes]


def _circle(generator: Generator, width: float) -> list[Stroke]:
    """Return a closed or nearly closed line around what is written."""
    turn = generator.uniform(0.9, 1.2) * 2 * np.pi
    start = generator.uniform(0, 2 * np.pi)
    angle = np.linspace(start, start + turn, 60)
    radius = 1 + 0.06 * np.sin(2 * angle + generator.uniform(0, 6)) + np.linspace(0, 0.08, 60)
    x = (width / 2) * radius * np.cos(angle)
    return [np.stack([x, 0.5 + 0.5 * radius * np.sin(angle)], 1).astype(np.float32)]


def _underline(generator: Generator, width: float) -> list[Stroke]:
    """Return one or two lines, straight or wavy, below the baseline."""
    t = np.linspace(0, 1, 40)
    wave = generator.choice([0.0, 0.02, 0.05]) * np.sin(
        2 * np.pi * width * t + generator.uniform(0, 6)
    )
    slope, bend = generator.normal(0, 0.03, 2) * width
    strokes = []
    for line in range(generator.integers(1, 3)):
        y = 1.12 + 0.14 * line + wave + slope * (t - 0.5) + bend * (t - 0.5) ** 2
        strokes.append(np.stack([width * t, y], 1).astype(np.float32))
    return strokes


def _strike(generator: Generator, width: float) -> list[Stroke]:
    """Return what crosses out a word: lines, a cross or a zigzag."""
    kind = generator.integers(3)
    if kind == 0:
        shift = _underline(generator, width)
        return [stroke - np.float32([0, generator.uniform(0.5, 0.7)]) for stroke in shift]
    if kind == 1:
        points = np.array([[0, 0.0], [width, 1.0]]) + 0.1 * generator.standard_normal((2, 2))
        other = points * [-1, 1] + [width, 0]
        return [_line(points).astype(np.float32), _line(other).astype(np.float32)]
    return _scribble(generator, width)


def _scribble(generator: Generator, width: float) -> list[Stroke]:
    """Return a zigzag, a row of loops or a tangle."""
    count = int(generator.integers(4, 6 + int(6 * width)))
    kind = generator.integers(3)
    t = np.linspace(0, 1, 12 * count)
    if kind == 0:
        points = np.stack([np.linspace(0, width, count), np.arange(count) % 2], 1)
        points += 0.12 * generator.standard_normal(points.shape)
        return [_curve(points).astype(np.float32)]
    if kind == 1:
        angle = 2 * np.pi * count * t * generator.choice([-1, 1])
        x, y = width * t + 0.25 * np.cos(angle), 0.5 + 0.4 * np.sin(angle)
        return [np.stack([x, y], 1).astype(np.float32)]
    points = generator.uniform(0, 1, (count + 3, 2)) * [width, 1]
    return [_curve(points).astype(np.float32)]


_WIDE: dict[str, tuple[Callable[[Generator, float], list[Stroke]], float]] = {
    # With the typical width.
    "circle": (_circle, 1.1),
    "underline": (_underline, 3.0),
    "strike": (_strike, 2.0),
    "scribble": (_scribble, 1.5),
}
SYMBOL_NAMES = (*_POLYLINES, *_CURVES, *_WIDE)
"""What `symbol` draws."""


def symbol(name: str, generator: Generator, width: float | None = None) -> list[Stroke]:
    """Return the strokes of a symbol.

    Parameters
    ----------
    name
        One of `SYMBOL_NAMES`.
    generator
        Source of randomness.
    width
        Width in heights of a digit, of ``"circle"``, ``"underline"``, ``"strike"`` and
        ``"scribble"``. Default: drawn at random.

    Returns
    -------
    list of arrays
        ``float32 (n, 2)`` each.
    """
    if name in _WIDE:
        draw, typical = _WIDE[name]
        if width is None:
            width = typical * float(np.exp(0.35 * generator.standard_normal()))
        return draw(generator, width)
    shapes, smooth = (_CURVES, _curve) if name in _CURVES else (_POLYLINES, _line)
    stretch = np.exp(0.15 * generator.standard_normal(2))
    strokes = []
    for points in shapes[name]:
        array = smooth(_jitter(points, generator, 0.03 if len(points) > 2 else 0.04))
        if len(points) == 2 and max(np.ptp(np.array(points), axis=0)) < 0.02:
            array = array[:1] + np.array([[0, 0], [0.01, 0.01]])  # a dot
        strokes.append((array * stretch + [0, 0.5 * (1 - stretch[1])]).astype(np.float32))
    return strokes
