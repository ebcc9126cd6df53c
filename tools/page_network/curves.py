"""Curves drawn by hand, and what they share with the rest: types and distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator
Points = NDArray[np.floating[Any]]


def log_uniform(generator: Generator, low: float, high: float) -> float:
    """Draw from a log-uniform distribution."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def smooth_curve(points: Points) -> Points:
    """Return a smooth curve near the points, by Chaikin's algorithm."""
    for _ in range(3):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points


def freehand_line(
    generator: Generator, start: Sequence[float], end: Sequence[float], wobble: float
) -> Points:
    """Return a line as drawn by hand, which strays by about `wobble` pixels."""
    share = np.linspace(0, 1, 16)[:, np.newaxis]
    first, last = np.asarray(start, float), np.asarray(end, float)
    direction = last - first
    normal = np.array([-direction[1], direction[0]]) / max(1.0, float(np.hypot(*direction)))
    phase, waves = generator.uniform(0, 2 * np.pi), generator.uniform(0.5, 3)
    stray = wobble * np.sin(phase + 2 * np.pi * waves * share)
    return first + share * direction + stray * normal
