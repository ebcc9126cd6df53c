"""Parts of the ink: their glyphs, which belong together, and where they may be cut."""

import numpy as np

from mnistcnn import _parts
from mnistcnn._ink import connected
from mnistcnn._parts import parts_of


def ink_of(strength):
    strength = np.asarray(strength, np.float32)
    return connected(strength, (strength > 0.5).astype(np.uint8))


def squares(*boxes, shape):
    """Full ink in each (left, top, right, bottom)."""
    strength = np.zeros(shape, np.float32)
    for left, top, right, bottom in boxes:
        strength[top:bottom, left:right] = 1
    return ink_of(strength)


def test_of_very_many_parts_the_largest_are_kept(monkeypatch):
    sides = [5, 9, 5, 7, 6, 8]
    boxes = [(20 * i, 4, 20 * i + side, 4 + side) for i, side in enumerate(sides)]
    ink = squares(*boxes, shape=(30, 140))
    assert [part.box for part in parts_of(ink, 8)] == boxes
    monkeypatch.setattr(_parts, "_MOST_PARTS", 3)
    assert [part.box for part in parts_of(ink, 8)] == [boxes[1], boxes[3], boxes[5]]
