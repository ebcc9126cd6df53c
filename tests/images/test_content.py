"""The content of a picture, from wherever it is."""

import base64
import io
import tempfile
import time

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.images import content
from mnistcnn.images.image_io import read_image

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def png():
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    return file.getvalue()


PNG = png()
BASE64 = base64.b64encode(PNG).decode()


def assert_read(picture):
    np.testing.assert_allclose(read_image(picture).brightness[..., 0], PIXELS / 255, atol=1e-6)


class Stream:
    """A stream as of a socket: it cannot seek, and returns few bytes at a time."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size):
        return self._file.read(min(size, 7))


def test_open_files_are_read_from_their_beginning(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    file = io.BytesIO()
    file.write(PNG)  # the position is the end
    assert_read(file)
    assert_read(file)
    for buffering in (0, -1):
        with (tmp_path / "a.png").open("rb", buffering) as opened:
            opened.read(5)
            assert_read(opened)
            assert not opened.closed
    with tempfile.SpooledTemporaryFile() as upload:
        upload.write(PNG)
        assert_read(upload)


def test_streams_that_cannot_seek_are_read_from_their_position():
    assert_read(Stream(PNG))


def test_file_in_text_mode_is_rejected():
    with pytest.raises(TypeError) as caught:
        read_image(io.StringIO("text"))
    assert str(caught.value) == ("a file must be open in binary mode; its content is of type str")


def test_errors_of_a_file_are_raised_as_they_are():
    file = io.BytesIO(PNG)
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        read_image(file)


def test_long_files_are_not_read_to_their_end(monkeypatch):
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 100)
    with pytest.raises(CorruptFileError) as caught:
        read_image(io.BytesIO(bytes(101)))
    assert str(caught.value) == "picture must hold at most 100 bytes; it holds 101"

    class Endless:
        read = staticmethod(bytes)

    with pytest.raises(CorruptFileError) as caught:
        read_image(Endless())
    assert str(caught.value) == "picture must hold at most 100 bytes; it holds more"


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{BASE64}",
        f"DATA:;BASE64,{BASE64}",
        f"data:image/png;charset=x;base64,{BASE64}",
        f"data:image/jpeg;base64,{BASE64}",  # formats are recognized by content
        f"data:image/png;base64,{BASE64.rstrip('=')}",
        "data:image/png;base64," + "\n".join(BASE64[i : i + 40] for i in range(0, len(BASE64), 40)),
        "data:image/png;base64,"
        + BASE64.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    ],
)
def test_data_urls(url):
    assert_read(url)


RULE = "a data URL must be data:image/...;base64,...; "


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("data:", RULE + "received 'data:'"),
        ("data:image/svg+xml,%3Csvg/%3E", RULE + "received 'data:image/svg+xml,%3Csvg/%3E'"),
        ("data:" + "a" * 2000 + ";base64,AAAA", RULE + "received 'data:aaa"),
        ("data:;base64,A", RULE + "its content is not base64"),
        ("data:;base64,AA*A", RULE + "its content is not base64"),
        ("data:;base64,äAAA", RULE + "its content is not base64"),
        ("data:;base64,", "data:;base64, must be an image; received 0 bytes"),
        ("data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAA", "data:image/png;base64,AAAAAAAAAAAAAAAAAA... must be an image in one of"),
    ],
)  # fmt: skip
def test_other_data_urls_are_rejected(url, message):
    with pytest.raises(CorruptFileError) as caught:
        read_image(url)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 400


def test_length_of_data_urls_is_checked_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 90)
    monkeypatch.setattr(content.base64, "b64decode", None)
    with pytest.raises(CorruptFileError) as caught:
        read_image("data:;base64," + "A" * 124)
    assert str(caught.value) == (
        "data:;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAA... must hold at most 90 bytes; it holds 93"
    )


@pytest.mark.parametrize("text", ["A ", "%2b", "%2F"])
def test_a_data_url_of_many_pieces_takes_little_time(text):
    url = "data:image/png;base64," + text * 10_000_000
    start = time.process_time()
    assert len(content.read_content(url)) >= 7_500_000 - 2
    assert time.process_time() - start < 2


def test_a_data_url_must_be_ascii():
    with pytest.raises(CorruptFileError, match="its content is not base64"):
        content.read_content("data:image/png;base64,ÄÄÄÄ")
