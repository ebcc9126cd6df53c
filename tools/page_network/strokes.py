"""Handwriting as pen strokes: the center lines of a drawing, and drawing them with any pen."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Coverage = NDArray[np.float32]
Stroke = NDArray[np.float32]
Generator = np.random.Generator
Texture = Literal["pen", "pencil", "marker", "brush", "chalk"]

TEXTURES: tuple[Texture, ...] = ("pen", "pencil", "marker", "brush", "chalk")
_NEIGHBORS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


@dataclasses.dataclass(frozen=True)
class Pen:
    """What a stroke is drawn with.

    Parameters
    ----------
    width
        Width of a stroke in pixels, at least 0.2.
    hardness
        Sharpness of the edge: 1 for anti-aliased edges, 0 for edges as soft as the stroke is wide.
    texture
        ``"pen"`` draws even ink, ``"pencil"`` the grain of the paper, ``"marker"`` wide even ink
        with dark ends, ``"brush"`` strokes of varying width, and ``"chalk"`` coarse grain.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    width: float
    hardness: float = 1.0
    texture: Texture = "pen"

    def __post_init__(self) -> None:
        if not self.width >= 0.2:
            raise ValueError(f"width must be at least 0.2; received {self.width}")
        if not 0 <= self.hardness <= 1:
            raise ValueError(f"hardness must lie in [0, 1]; received {self.hardness}")
        if self.texture not in TEXTURES:
            raise ValueError(f"texture must be one of {TEXTURES}; received {self.texture!r}")

    @classmethod
    def random(cls, generator: Generator, height: float) -> Pen:
        """Return a pen as people use it for digits `height` pixels high: from hairline to marker.

        Parameters
        ----------
        generator
            Source of randomness.
        height
            Height of the digits in pixels.

        Returns
        -------
        Pen
            Its width is 2.5 to 24 % of the height, 7 % in the median, and at least 0.6 pixels.
        """
        texture = TEXTURES[generator.choice(5, p=(0.5, 0.2, 0.15, 0.1, 0.05))]
        median = {"pen": 0.065, "pencil": 0.06, "marker": 0.12, "brush": 0.13, "chalk": 0.09}
        share = median[texture] * float(np.exp(0.4 * generator.standard_normal()))
        width = max(0.6, height * float(np.clip(share, 0.025, 0.24)))
        soft = texture in {"pencil", "brush", "chalk"}
        hardness = 1 - float(generator.random()) ** 2 * (0.9 if soft else 0.5)
        return cls(width, hardness, texture)


def center_lines(ink: NDArray[np.uint8]) -> list[Stroke]:
    """Return the center lines of a drawing.

    The drawing is thinned to lines one pixel wide, spurs are removed, and lines that continue each
    other through a crossing are joined, as a pen moves.

    Parameters
    ----------
    ink
        The drawing, ``uint8 (h, w)``, with 255 for full coverage.

    Returns
    -------
    list of arrays
        ``float32 (n, 2)`` each: x and y in pixels, at least two points two pixels apart.

    References
    ----------
    Z. Guo and R. W. Hall, "Parallel thinning with two-subiteration algorithms", Communications of
    the ACM 32 (3), 1989.
    """
    left, top, width, height = cv2.boundingRect((ink > 127).astype(np.uint8))
    dark = np.pad((ink[top : top + height, left : left + width] > 127).astype(np.uint8), 1)
    radius = cv2.distanceTransform(dark, cv2.DIST_L2, 5)
    skeleton = _thin(dark)
    thickness = float(np.median(radius[skeleton > 0])) if skeleton.any() else 1.0
    edges = _contract(_prune(_trace(skeleton), thickness), thickness)
    corner = np.float32([left - 1, top - 1])
    return [_smooth(path + corner) for path in _join(edges)]


@functools.cache
def _deletable() -> NDArray[np.uint8]:
    """Return for each subiteration and pattern of the eight neighbors if the pixel is removed."""
    table = np.zeros((2, 256), np.uint8)
    for code in range(256):
        n = [code >> bit & 1 for bit in range(8)]
        connectivity = sum((not n[i]) & (n[(i + 1) % 8] | n[(i + 2) % 8]) for i in range(0, 8, 2))
        odd = sum(n[i - 1] | n[i] for i in range(0, 8, 2))
        even = sum(n[i] | n[(i + 1) % 8] for i in range(0, 8, 2))
        sides = ((n[0] | n[1] | (not n[3])) & n[2], (n[4] | n[5] | (not n[7])) & n[6])
        for step, side in enumerate(sides):
            table[step, code] = connectivity == 1 and 2 <= min(odd, even) <= 3 and not side
    return table


def _neighbor_code(skeleton: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each pixel which of its eight neighbors are set, one bit each."""
    weights = np.zeros((3, 3), np.float32)
    for bit, (row, column) in enumerate(_NEIGHBORS):
        weights[row + 1, column + 1] = 1 << bit
    return np.asarray(cv2.filter2D(skeleton, -1, weights, borderType=cv2.BORDER_CONSTANT))


def _thin(dark: NDArray[np.uint8]) -> NDArray[np.uint8]:
    skeleton, table = dark.copy(), _deletable()
    changed = True
    while changed:
        changed = False
        for step in range(2):
            removed = skeleton & cv2.LUT(_neighbor_code(skeleton), table[step])
            if removed.any():
                skeleton ^= removed
                changed = True
    return skeleton


class _Edge(NamedTuple):
    first: int
    last: int
    path: NDArray[np.float32]


Pixel = tuple[int, int]


@functools.cache
def _steps() -> list[list[Pixel]]:
    """Return for each pattern of the eight neighbors the steps from a pixel to the next ones."""
    table = []
    for code in range(256):
        is_set = [bool(code >> bit & 1) for bit in range(8)]
        # A diagonal step is left out where two straight ones lead to the same pixel.
        table.append(
            [
                step
                for bit, step in enumerate(_NEIGHBORS)
                if is_set[bit] and (bit % 2 == 0 or not (is_set[bit - 1] or is_set[(bit + 1) % 8]))
            ]
        )
    return table


def _neighbors(skeleton: NDArray[np.uint8]) -> dict[Pixel, list[Pixel]]:
    rows, columns = np.nonzero(skeleton)
    codes, steps = _neighbor_code(skeleton)[rows, columns], _steps()
    return {
        (row, column): [(row + y, column + x) for y, x in steps[code]]
        for row, column, code in zip(rows.tolist(), columns.tolist(), codes.tolist(), strict=True)
    }


def _trace(skeleton: NDArray[np.uint8]) -> list[_Edge]:
    """Return the lines between ends and crossings; closed lines begin and end at one pixel."""
    near = _neighbors(skeleton)
    nodes = {pixel: index for index, pixel in enumerate(sorted(near)) if len(near[pixel]) != 2}
    paths: list[list[Pixel]] = []
    used: set[Pixel] = set()

    def walk(start: Pixel, step: Pixel) -> list[Pixel]:
        path = [start, step]
        while path[-1] not in nodes and path[-1] != start:
            used.add(path[-1])
            first, second = near[path[-1]]
            path.append(second if first == path[-2] else first)
        return path

    for node in sorted(nodes):
        if not near[node]:
            paths.append([node, node])
        for step in near[node]:
            between_nodes = step in nodes and node < step
            if between_nodes or (step not in nodes and step not in used):
                paths.append(walk(node, step))
    for pixel in sorted(near):
        if pixel not in nodes and pixel not in used:
            used.add(pixel)
            paths.append(walk(pixel, near[pixel][0]))
    names = {pixel: index for index, pixel in enumerate(sorted(near))}
    return [
        _Edge(names[path[0]], names[path[-1]], np.array(path, np.float32)[:, ::-1])
        for path in paths
    ]


def _degrees(edges: Sequence[_Edge]) -> dict[int, int]:
    degrees: dict[int, int] = {}
    for node in itertools.chain.from_iterable(edge[:2] for edge in edges):
        degrees[node] = degrees.get(node, 0) + 1
    return degrees


def _length(path: NDArray[np.float32]) -> float:
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def _prune(edges: list[_Edge], thickness: float) -> list[_Edge]:
    """Remove the spurs that thinning leaves at corners and ends."""
    degrees = _degrees(edges)
    return [
        edge
        for edge in edges
        if min(degrees[edge.first], degrees[edge.last]) > 1
        or max(degrees[edge.first], degrees[edge.last]) < 3
        or _length(edge.path) > 1.3 * thickness
    ]


def _contract(edges: list[_Edge], thickness: float) -> list[_Edge]:
    """Merge the two crossings that thinning makes of one."""
    degrees = _degrees(edges)
    places: dict[int, NDArray[np.float32]] = {}
    names = {node: node for node in degrees}
    kept = []
    for edge in edges:
        crossing = degrees[edge.first] > 2 and degrees[edge.last] > 2
        if crossing and edge.first != edge.last and _length(edge.path) < 1.6 * thickness:
            old, new = names[edge.last], names[edge.first]
            names = {node: new if name == old else name for node, name in names.items()}
            places[new] = edge.path.mean(0)
        else:
            kept.append(edge)
    moved = []
    for edge in kept:
        first, last, path = names[edge.first], names[edge.last], edge.path.copy()
        if first in places:
            path[0] = places[first]
        if last in places:
            path[-1] = places[last]
        moved.append(_Edge(first, last, path))
    return moved


def _join(edges: list[_Edge]) -> Iterator[NDArray[np.float32]]:
    """Join the lines that continue each other best at each crossing."""
    paths = {index: edge.path for index, edge in enumerate(edges)}
    ends: dict[int, list[tuple[int, int]]] = {}
    for index, edge in enumerate(edges):
        ends.setdefault(edge.first, []).append((index, 0))
        ends.setdefault(edge.last, []).append((index, -1))
    partner: dict[tuple[int, int], tuple[int, int]] = {}
    for meeting in ends.values():
        directions = {end: _direction(paths[end[0]], end[1]) for end in meeting}
        pairs = sorted(
            (float(directions[a] @ directions[b]), a, b)
            for a, b in itertools.combinations(meeting, 2)
        )
        for cosine, a, b in pairs:
            straight = cosine < -0.35 or len(meeting) == 2
            if straight and a not in partner and b not in partner and a != b:
                partner[a], partner[b] = b, a
    done: set[int] = set()
    starts = [(index, end) for index in paths for end in (0, -1)]
    # Lines with a free end first; what is left then is closed.
    for start in sorted(starts, key=lambda end: end in partner):
        if start[0] not in done:
            yield np.concatenate(list(_follow(start, paths, partner, done)))


def _direction(path: NDArray[np.float32], end: int) -> NDArray[np.float32]:
    ahead = path[min(9, len(path) - 1)] if end == 0 else path[max(-10, -len(path))]
    vector = ahead - path[end]
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _follow(
    start: tuple[int, int],
    paths: dict[int, NDArray[np.float32]],
    partner: dict[tuple[int, int], tuple[int, int]],
    done: set[int],
) -> Iterator[NDArray[np.float32]]:
    end: tuple[int, int] | None = start
    while end is not None and end[0] not in done:
        index, side = end
        done.add(index)
        yield paths[index] if side == 0 else paths[index][::-1]
        end = partner.get((index, -1 - side))


def _smooth(path: NDArray[np.float32], sigma: float = 2.5) -> Stroke:
    """Smooth a path of pixels and keep a point every two pixels."""
    closed = len(path) > 8 and bool(np.abs(path[0] - path[-1]).max() <= 1)
    reach = int(3 * sigma)
    if closed:
        padded = np.concatenate([path[-reach - 1 : -1], path, path[1 : reach + 1]])
    else:
        before = 2 * path[0] - path[1 : reach + 1][::-1]
        after = 2 * path[-1] - path[-reach - 1 : -1][::-1]
        padded = np.concatenate([before, path, after])
    smooth = cv2.GaussianBlur(padded, (1, 2 * reach + 1), sigmaX=0.1, sigmaY=sigma)
    smooth = smooth[len(padded) - len(path) - (len(padded) - len(path)) // 2 :][: len(path)]
    step = 2 if len(path) > 4 else 1
    kept = np.concatenate([smooth[:-1:step], smooth[-1:]])
    if closed:
        kept[-1] = kept[0]
    return np.asarray(kept, np.float32)


def draw_strokes(
    strokes: Sequence[Stroke],
    size: tuple[int, int],
    pen: Pen,
    generator: Generator,
    *,
    defects: float = 0.0,
) -> Coverage:
    """Draw strokes with a pen.

    Parameters
    ----------
    strokes
        ``float32 (n, 2)`` each: x and y in pixels.
    size
        Height and width of the drawing in pixels.
    pen
        What they are drawn with.
    generator
        Source of randomness.
    defects
        Probability of faint starts, of gaps and of a dry pen, in [0, 1]. Default: 0.

    Returns
    -------
    array
        Coverage, ``float32`` in [0, 1], of the given size.
    """
    uneven = pen.texture == "brush" or generator.random() < 0.3
    # OpenCV draws anti-aliased lines of few widths. A larger drawing, scaled down, has any width.
    step = _width_step(pen.width * np.clip((12 if uneven else 8) / pen.width, 1, 4))
    scale = _drawn_width(step) / pen.width
    height, width = size
    canvas = np.zeros((round(height * scale), round(width * scale)), np.uint8)
    scale_xy = (canvas.shape[1] / width, canvas.shape[0] / height)
    for stroke in strokes:
        points = np.rint((stroke * scale_xy) * 16).astype(np.int32)
        faulty = defects > 0 and generator.random() < defects
        if uneven or faulty:
            _draw_uneven(canvas, points, step, pen, generator, faulty=faulty)
        else:
            cv2.polylines(canvas, [points], False, 255, max(1, 2 * step), cv2.LINE_AA, 4)
    if scale != 1:
        canvas = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return canvas.astype(np.float32) / 255


def _drawn_width(step: int) -> float:
    """Return how wide OpenCV draws lines of thickness ``max(1, 2 * step)``; others add no width."""
    return 2 * step + 1.4


def _width_step(width: float) -> int:
    return max(0, round((width - 1.4) / 2))


def _draw_uneven(
    canvas: NDArray[np.uint8],
    points: NDArray[np.int32],
    step: int,
    pen: Pen,
    generator: Generator,
    *,
    faulty: bool,
) -> None:
    """Draw a stroke in pieces of varying width; a faulty one with varying coverage and gaps."""
    count = max(len(points) - 1, 1)
    position = np.linspace(0, 1, count)
    strength = generator.uniform(0.1, 0.4) if pen.texture == "brush" else 0.12
    phase, frequency = generator.uniform(0, 2 * np.pi), generator.uniform(0.2, 1.2)
    widths = 1 + strength * np.sin(2 * np.pi * frequency * position + phase)
    steps = [_width_step(_drawn_width(step) * width) for width in widths.tolist()]
    values = np.full(count, 255.0)
    if faulty:
        kind = generator.integers(4)
        if kind == 0:  # faint start
            values *= np.clip(0.25 + position / generator.uniform(0.1, 0.4), 0, 1)
        elif kind == 1:  # faint end
            values *= np.clip(0.25 + (1 - position) / generator.uniform(0.1, 0.4), 0, 1)
        elif kind == 2:  # dry pen
            ragged = generator.uniform(0.3, 1.2, count // 3 + 2)
            values *= np.clip(
                np.interp(position * (len(ragged) - 1), range(len(ragged)), ragged), 0, 1
            )
        else:  # gaps
            for gap in generator.uniform(0.05, 0.95, generator.integers(1, 3)):
                values[np.abs(position - gap) < generator.uniform(0.01, 0.035)] = 0
    # Pieces alike are drawn together, and faint ones first: a faint stroke hides no other.
    levels = (np.rint(values / 15) * 15).astype(int).tolist()
    pieces = []
    start = 0
    for index in range(1, count + 1):
        if index == count or (levels[index], steps[index]) != (levels[start], steps[start]):
            pieces.append((levels[start], steps[start], points[start : index + 1]))
            start = index
    for level, width, piece in sorted(pieces, key=operator.itemgetter(0)):
        if level > 0:
            cv2.polylines(canvas, [piece], False, level, max(1, 2 * width), cv2.LINE_AA, 4)


@functools.cache
def _grain() -> NDArray[np.float32]:
    """Return noise of two scales, ``float32 (2, 1024, 1024)``, with a standard deviation of 1."""
    noise = np.random.default_rng(18).standard_normal((2, 1024, 1024), np.float32)
    for layer, sigma in zip(noise, (0.8, 2.2), strict=True):
        smooth = cv2.GaussianBlur(layer, (0, 0), sigma)
        layer[:] = smooth / smooth.std()
    return noise


def apply_texture(coverage: Coverage, pen: Pen, generator: Generator) -> Coverage:
    """Soften the edges and add the grain of a pen to a drawing.

    Parameters
    ----------
    coverage
        The drawing, ``float32 (h, w)`` in [0, 1].
    pen
        What it was drawn with.
    generator
        Source of randomness.

    Returns
    -------
    array
        Coverage, ``float32 (h, w)`` in [0, 1].
    """
    height, width = coverage.shape
    sigma = (1 - pen.hardness) * 0.35 * pen.width
    if sigma > 0.25:
        peak = coverage.max()
        coverage = cv2.GaussianBlur(coverage, (0, 0), sigma)
        coverage *= peak / max(coverage.max(), 1e-6)
    if pen.texture in {"pencil", "chalk"} and max(height, width) <= 1024:
        top, left = generator.integers(0, 1025 - height), generator.integers(0, 1025 - width)
        # Coarse grain would break thin strokes into dots.
        coarse = pen.width >= 8 and (pen.texture == "chalk" or generator.random() < 0.3)
        fine = _grain()[int(coarse)]
        grain = fine[top : top + height, left : left + width]
        depth = (
            generator.uniform(0.1, 0.35) if pen.texture == "pencil" else generator.uniform(0.3, 0.8)
        )
        level = generator.uniform(0.75, 1.0)
        # Ink is missing where the paper is low, more so at the edge of the stroke.
        coverage = np.clip(
            coverage * level * (1 + depth * grain) - 0.3 * depth * np.abs(grain), 0, 1
        )
    elif pen.texture == "marker":
        coverage = np.minimum(coverage * np.float32(generator.uniform(0.85, 1.15)), 1)
    return np.asarray(coverage, np.float32)
