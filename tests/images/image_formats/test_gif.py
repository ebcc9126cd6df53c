"""GIF files are reduced to the first frame."""

import re

import pytest

from mnistcnn.images.image_formats import gif as gif_module
from mnistcnn.images.image_formats.gif import parse_gif
from tests.helpers.image_bombs import gif


def test_comments_and_other_bytes_before_the_frame_are_dropped():
    extensions = b"!\xfe\3abc\1d\0" + b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0" + b"!\x01\0" + b"\0x"
    assert parse_gif(gif(extensions)).content == gif()


def test_last_graphic_control_is_kept_without_disposal():
    control = b"!\xf9\4\x01\0\0\5\0"
    assert parse_gif(gif(control, disposal=2)).content == gif()
    kept = parse_gif(gif().replace(b"!\xf9\4\0\0\0\0\0", control)).content
    assert control in kept


def test_size_includes_the_frame():
    encoded = parse_gif(gif(screen=(20, 10), frame=(5, 6, 7, 8)))
    assert (encoded.width, encoded.height) == (20, 14)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gif(b";"), "must be an undamaged image; it has no frame"),
        (gif(b"!\xfe" + b"\1a" * 100 + b"\0"), "must hold at most 100 GIF blocks; it holds more"),
        (gif(b"!\xfe\0" * 50), "must hold at most 100 GIF blocks; it holds more"),
        (gif(b"x" * 100), "must hold at most 100 GIF blocks; it holds more"),
    ],
)
def test_errors(content, message, monkeypatch):
    monkeypatch.setattr(gif_module, "MAX_BLOCKS", 100)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_gif(content)
    parse_gif(gif(b"x" * 96))
