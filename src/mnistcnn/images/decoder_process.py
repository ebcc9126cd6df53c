"""Decoding of PDF and HEIC files in a process of its own, with limits of memory and time.

The process is sent a line of JSON with settings, and the content of the file. It replies with a
line of JSON: the number of pages, and of an image its size. For the number of each page that it is
then sent, in a line, it replies with the mode and the size of the image, in a line of JSON, and its
pixels. Instead of each line it may reply with an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from mnistcnn.errors import CorruptFileError
from mnistcnn.images.image_formats.tiff import MAX_PAGES
from mnistcnn.images.image_io import WORKING_PIXELS, LoadedImage, check_size, convert_decoded
from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.text import escape

# Resolution at which the pages of a PDF document are rendered, in pixels per inch.
PDF_RESOLUTION = 200
MAX_DECODER_BYTES = 1_000_000_000
MAX_DECODER_SECONDS = 20  # of processor time, for opening a file and for each page
# Elapsed time, where there is no limit of processor time; a machine may be busy.
_MAX_ELAPSED_SECONDS = 6 * MAX_DECODER_SECONDS
_MAX_LINE_BYTES, _MAX_DEPTH = 10_000, 2
_NUM_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_PASSWORD = "password"  # noqa: S105  # in the error of PDFium

_WORKER = Path(__file__).with_name("decoder_worker.py")


class DecoderProcess:
    """A process that decodes the pages of a file.

    Parameters
    ----------
    name : str
        How messages name the file.
    content : bytes
        The file.
    file_format : {"HEIC", "PDF"}
        Its format, whose library is installed.

    Raises
    ------
    ValueError, CorruptFileError
        If the file is damaged, protected by a password, or too large.
    """

    def __init__(self, name: str, content: bytes, file_format: Literal["HEIC", "PDF"]) -> None:
        self._name = self._file_name = name
        self._format = file_format
        self._process = subprocess.Popen(  # noqa: S603  # no untrusted input in the command
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Each of its threads would reserve memory of its own, which counts.
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
        )
        settings = {
            "format": file_format,
            "path": sys.path,
            "num_bytes": len(content),
            "dpi": PDF_RESOLUTION,
            "max_pixels": WORKING_PIXELS,
            "max_bytes": MAX_DECODER_BYTES,
            "max_seconds": MAX_DECODER_SECONDS,
        }
        try:
            with self._limited_time():
                self._send(json.dumps(settings).encode() + b"\n", content)
                reply = self._receive()
            self.num_pages = self._check_header(reply)
        except BaseException:
            self.close()
            raise

    def read(self, page: int) -> LoadedImage:
        """Return a page, by its number from 1.

        Raises
        ------
        CorruptFileError
            If it is damaged, or takes more memory or time than the limits.
        """
        if self.num_pages > 1:
            self._name = f"{self._file_name}, page {page}"
        with self._limited_time():
            self._send(b"%d\n" % page)
            reply = self._receive()
            (width, height), original_size = self._sizes(reply, "size", "original_size")
            check_size(self._name, *original_size)
            mode = reply.get("mode")
            if (
                not isinstance(mode, str)
                or mode not in _NUM_CHANNELS
                or width * height > WORKING_PIXELS
            ):
                raise self._failure()
            num_bytes = width * height * _NUM_CHANNELS[mode]
            assert self._process.stdout
            pixels = self._process.stdout.read(num_bytes)
        if len(pixels) != num_bytes:
            raise self._failure()
        image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
        return convert_decoded(self._name, image, original_size)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(OSError):  # closing flushes what the process did not read
                stream.close()

    @contextmanager
    def _limited_time(self) -> Iterator[None]:
        timer = threading.Timer(_MAX_ELAPSED_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _send(self, *pieces: bytes) -> None:
        assert self._process.stdin
        try:
            for piece in pieces:
                self._process.stdin.write(piece)
            self._process.stdin.flush()
        except OSError:  # the process has ended
            raise self._failure() from None

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline(_MAX_LINE_BYTES)
        try:
            reply = loads_json("the reply", line, max_depth=_MAX_DEPTH)
        except ValueError:  # the process has ended
            raise self._failure() from None
        if not isinstance(reply, dict):
            raise self._failure()
        error = reply.get("error")
        if error is None:
            return reply
        if self._format == "PDF" and _PASSWORD in str(error):
            raise CorruptFileError(f"{self._name} must be a PDF document without a password")
        raise CorruptFileError(f"{self._name} must be {self._rule()}; {escape(error)}")

    def _check_header(self, reply: dict[str, Any]) -> int:
        num_pages = reply.get("num_pages")
        if not isinstance(num_pages, int) or num_pages < 1:
            raise CorruptFileError(f"{self._name} must be {self._rule()}; it has no pages")
        if num_pages > MAX_PAGES:
            raise CorruptFileError(
                f"{self._name} must hold at most {MAX_PAGES:,} pages; it holds {num_pages:,}"
            )
        if self._format == "HEIC":
            check_size(self._name, *self._sizes(reply, "size")[0])
        return num_pages

    def _sizes(self, reply: dict[str, Any], *names: str) -> list[tuple[int, int]]:
        """Return sizes in a reply, which a process with a defect may have sent."""
        sizes = []
        for name in names:
            size = reply.get(name)
            if (
                not isinstance(size, list)
                or len(size) != 2
                or not all(isinstance(side, int) and side > 0 for side in size)
            ):
                raise self._failure()
            sizes.append((size[0], size[1]))
        return sizes

    def _rule(self) -> str:
        kind = "PDF document" if self._format == "PDF" else "HEIC image"
        return f"an undamaged {kind}"

    def _failure(self) -> CorruptFileError:
        return CorruptFileError(
            f"{self._name} must be {self._rule()} that takes at most "
            f"{MAX_DECODER_BYTES // 1_000_000:,} MB of memory and {MAX_DECODER_SECONDS} seconds to "
            "decode; the decoder ended without a result"
        )
